//! Calls that go on until the database is there again.

use std::time::Duration;

use callboard_store::StoreError;
use tokio_util::sync::CancellationToken;

/// Between the first two attempts; each pause is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a call is made in all when the server stops, or somebody waits for it.
const FEW: u32 = 5;

/// The attempts of one call.
pub(crate) struct Outage<'a> {
    stopping: Option<&'a CancellationToken>,
    attempts: u32,
    pause: Duration,
}

impl<'a> Outage<'a> {
    /// Of a call that nobody waits for, and that nothing can be done without: as many as it takes, a few after
    /// `stopping`.
    pub(crate) fn to_the_end(stopping: &'a CancellationToken) -> Self {
        Self { stopping: Some(stopping), attempts: 1, pause: FIRST_PAUSE }
    }

    /// Of a call that somebody waits for.
    pub(crate) fn for_a_while() -> Self {
        Self { stopping: None, attempts: 1, pause: FIRST_PAUSE }
    }

    /// Waits a little, and tells whether to try again after this error.
    pub(crate) async fn outlasts(&mut self, error: &StoreError) -> bool {
        let has_time = self.stopping.is_some_and(|stopping| !stopping.is_cancelled());
        if !matches!(error, StoreError::Unavailable(_)) || (self.attempts >= FEW && !has_time) {
            return false;
        }
        if self.attempts == FEW {
            tracing::warn!(error = error as &dyn std::error::Error, "waiting for the database");
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.attempts += 1;
        true
    }
}
