//! Calls that go on until the database is there again, and takes what is written.

use std::time::Duration;

use callboard_store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::database_state::DatabaseWatch;

/// Between the first two attempts; each pause is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a call is made in all when the server stops, or somebody waits for it.
const FEW: u32 = 5;

/// Pauses between calls that fail.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Pauses {
    /// How long to wait this time.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// The attempts of one call.
pub(crate) struct Outage<'a> {
    database: &'a DatabaseWatch,
    stopping: Option<&'a CancellationToken>,
    attempts: u32,
    pauses: Pauses,
}

impl<'a> Outage<'a> {
    /// Of a call that nothing can be done without: as many as it takes, a few after `stopping`.
    pub(crate) fn to_the_end(database: &'a DatabaseWatch, stopping: &'a CancellationToken) -> Self {
        Self { stopping: Some(stopping), ..Self::for_a_while(database) }
    }

    /// Of a call that somebody waits for.
    pub(crate) fn for_a_while(database: &'a DatabaseWatch) -> Self {
        Self { database, stopping: None, attempts: 1, pauses: Pauses::default() }
    }

    /// Waits a little, and tells whether to try again after this error.
    pub(crate) async fn outlasts(&mut self, error: &StoreError) -> bool {
        self.database.note(error);
        let has_time = self.stopping.is_some_and(|stopping| !stopping.is_cancelled());
        if !error.may_pass() || (self.attempts >= FEW && !has_time) {
            return false;
        }
        if self.attempts == FEW {
            tracing::warn!(error = error as &dyn std::error::Error, "waiting for the database");
        }
        let pause = tokio::time::sleep(self.pauses.next());
        match self.stopping {
            // The last attempts come sooner.
            Some(stopping) if has_time => _ = stopping.run_until_cancelled(pause).await,
            _ => pause.await,
        }
        self.attempts += 1;
        true
    }
}
