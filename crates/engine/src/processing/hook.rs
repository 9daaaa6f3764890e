//! Calls into extensions: bounded in time, and a panic stays theirs.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use callboard_model::EntityError;
use futures::FutureExt as _;

/// Runs one call. A panic and running out of time become errors; `None` is no limit.
pub(crate) async fn call<T>(
    limit: Option<Duration>,
    hook: impl Future<Output = Result<T, EntityError>> + Send,
) -> Result<T, EntityError> {
    let hook = AssertUnwindSafe(hook).catch_unwind();
    let finished = match limit {
        None => hook.await,
        Some(limit) => match tokio::time::timeout(limit, hook).await {
            Ok(finished) => finished,
            Err(_) => {
                return Err(EntityError::new(
                    "TimeoutError",
                    format!("it took longer than {} s", limit.as_secs()),
                ));
            }
        },
    };
    finished.unwrap_or_else(|panic| Err(EntityError::general(format!("it panicked: {}", words(&*panic)))))
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
