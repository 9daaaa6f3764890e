//! Transactions that failed through no fault of their own are tried again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callboard_store::{Result, StoreError};

use crate::PostgresStore;
use crate::error::{Remedy, Unanswered, remedy};

/// How often a transaction is tried in all.
const ATTEMPTS: u32 = 6;
/// How long the first pause is; each is twice as long as the one before, and up to half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// How often transactions were tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetryCounts {
    /// Because of a deadlock, a serialization failure, or a lock that took too long.
    pub deadlocks: u64,
    /// Because the connection broke, or the server was not there or could only be read.
    pub reconnects: u64,
}

#[derive(Debug, Default)]
pub(crate) struct RetryCounters {
    deadlocks: AtomicU64,
    reconnects: AtomicU64,
}

impl RetryCounters {
    pub(crate) fn counts(&self) -> RetryCounts {
        RetryCounts {
            deadlocks: self.deadlocks.load(Ordering::Relaxed),
            reconnects: self.reconnects.load(Ordering::Relaxed),
        }
    }
}

/// The attempts of one call.
pub(crate) struct Attempts<'a> {
    store: &'a PostgresStore,
    made: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(store: &'a PostgresStore) -> Self {
        Self { store, made: 1 }
    }

    /// Ends a call that got no answer at all.
    pub(crate) async fn limited<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = self.store.call_timeout;
        let answer = tokio::time::timeout(limit, call).await;
        answer.unwrap_or_else(|_| Err(StoreError::Unavailable(Unanswered(limit).into())))
    }

    /// Whether to try again after this error; waits a little first.
    pub(crate) async fn again(&mut self, error: &StoreError) -> bool {
        let remedy = remedy(error);
        if remedy == Remedy::ReconnectElsewhere {
            self.store.connections.renew();
        }
        if matches!(remedy, Remedy::Reconnect | Remedy::ReconnectElsewhere) {
            // Another server may answer next, one that has lost the last transactions.
            self.store.interner.forget();
        }
        let counters = &self.store.retries;
        let counter = match remedy {
            _ if self.made >= ATTEMPTS => return false,
            Remedy::Later | Remedy::Room | Remedy::None => return false,
            Remedy::Deadlock => &counters.deadlocks,
            Remedy::Reconnect | Remedy::ReconnectElsewhere => &counters.reconnects,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(
            error = error as &dyn std::error::Error,
            attempt = self.made,
            "a transaction is tried again"
        );
        let pause = FIRST_PAUSE * 2_u32.pow(self.made);
        tokio::time::sleep(pause.mul_f64(rand::random_range(1.0..1.5))).await;
        self.made += 1;
        true
    }
}

/// Runs a call until it succeeds, fails for good, or was tried often enough. The call is evaluated anew each time.
macro_rules! retrying {
    ($store:expr, $call:expr) => {{
        let mut attempts = $crate::retries::Attempts::new($store);
        loop {
            match attempts.limited($call).await {
                Err(error) if attempts.again(&error).await => {}
                result => break result,
            }
        }
    }};
}

pub(crate) use retrying;
