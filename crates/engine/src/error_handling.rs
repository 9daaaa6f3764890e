//! Tells the error handler of runs that fail.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use callboard_sdk::{ProcessingErrorHandler, ProcessingFailure};
use futures::FutureExt as _;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::events::CatalogEvent;

/// Hands failures to the handler one by one until `stopping`.
pub(crate) async fn handle(
    handler: Arc<dyn ProcessingErrorHandler>,
    mut events: broadcast::Receiver<CatalogEvent>,
    limit: Duration,
    stopping: CancellationToken,
) {
    while let Some(event) = stopping.run_until_cancelled(events.recv()).await {
        let failure = match event {
            Ok(CatalogEvent::ProcessingFailed { entity_ref, location, errors }) => {
                ProcessingFailure { entity_ref, location, errors }
            }
            Ok(_) => continue,
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "the error handler is too slow, and misses some failures");
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let call = AssertUnwindSafe(handler.on_processing_error(failure)).catch_unwind();
        match stopping.run_until_cancelled(tokio::time::timeout(limit, call)).await {
            None => return,
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(_))) => tracing::error!("the error handler panicked"),
            Some(Err(_)) => tracing::warn!("the error handler took too long, and was cut off"),
        }
    }
}
