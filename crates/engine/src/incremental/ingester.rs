use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use callboard_sdk::{
    CancelIngestion, IncrementalRegistration, ProviderError, RemovalRefused, Task, TaskSchedule,
    TaskScheduler as _,
};
use callboard_store::{
    IngestionAction, IngestionPass, IngestionStatus, ProviderName, StoreError, Swept, Uid,
};
use futures::FutureExt as _;
use jiff::Timestamp;

use super::pages::Pages;
use crate::clock::later;
use crate::core::Core;
use crate::processing::hook::words;
use crate::processing::reads::Lane;
use crate::providers::guard;

/// What a burst may take beyond its length: one page, and the sweep.
const GRACE: Duration = Duration::from_mins(1);
/// How many claims are released in one transaction.
const SWEPT_AT_ONCE: usize = 500;

/// Has all large sources read from now on, each by a task of its name.
pub(crate) fn schedule(core: &Arc<Core>, registrations: Vec<IncrementalRegistration>) {
    for registration in registrations {
        let name = registration.source.name().to_owned();
        if core.settings.disabled_providers.contains(&name) {
            continue;
        }
        let options = &registration.options;
        let schedule = TaskSchedule::every(options.burst_interval, options.burst_length + GRACE);
        // Weak: the task is owned by the core's scheduler.
        let core_of_task = Arc::downgrade(core);
        let registration = Arc::new(registration);
        let task = Task::new(&*name, schedule, move || {
            let (core, registration) = (core_of_task.upgrade(), Arc::clone(&registration));
            async move {
                let Some(core) = core else { return Ok(()) };
                let ingester = Ingester::new(core, registration);
                // Nobody waits for it.
                Lane::Routine.run(ingester.step()).await
            }
        });
        if let Err(error) = core.scheduler.schedule(task) {
            tracing::error!(provider = name, "the large source cannot be read: {error}");
        }
    }
}

struct Ingester {
    core: Arc<Core>,
    registration: Arc<IncrementalRegistration>,
    provider: ProviderName,
}

/// What a burst came to.
enum Burst {
    /// There are more pages.
    Unfinished,
    /// All pages were read, and what was not on them was removed; or why not.
    Finished(Option<RemovalRefused>),
}

impl Ingester {
    fn new(core: Arc<Core>, registration: Arc<IncrementalRegistration>) -> Self {
        let provider = ProviderName::new(registration.source.name());
        Self { core, registration, provider }
    }

    /// Does the next thing, if it is time.
    async fn step(&self) -> Result<(), ProviderError> {
        let now = self.core.clock.now();
        let store = &self.core.store;
        let pass = if let Some(pass) = store.open_pass(&self.provider).await? {
            pass
        } else {
            count_started();
            store.begin_pass(new_pass(&self.provider, now)).await?
        };
        let is_due = pass.next_action_at <= now;
        match pass.next_action {
            IngestionAction::Ingest => return self.burst(pass).await,
            IngestionAction::Backoff if is_due => {
                store.update_pass(IngestionPass { next_action: IngestionAction::Ingest, ..pass }).await?;
            }
            IngestionAction::Rest if is_due => {
                store.forget_ended(&self.provider).await?;
                count_completed("complete");
                store.update_pass(ended(pass, IngestionAction::NothingDone, now)).await?;
            }
            IngestionAction::Cancel => {
                count_completed("canceled");
                store.update_pass(ended(pass, IngestionAction::NothingCanceled, now)).await?;
            }
            // It waits, or for somebody to have it start.
            _ => {}
        }
        Ok(())
    }

    async fn burst(&self, pass: IngestionPass) -> Result<(), ProviderError> {
        let id = pass.id;
        if !self.core.store.update_pass(IngestionPass { status: IngestionStatus::Bursting, ..pass }).await? {
            // Somebody has just changed it; the next step sees how.
            return Ok(());
        }
        let work = AssertUnwindSafe(self.read_and_sweep(id)).catch_unwind();
        let outcome = work.await.unwrap_or_else(|panic| {
            Err(ProviderError::from(format!("the provider panicked: {}", words(&*panic))))
        });
        let Some(pass) = self.core.store.open_pass(&self.provider).await? else { return Ok(()) };
        if pass.id != id || pass.next_action != IngestionAction::Ingest {
            // It was cancelled or purged meanwhile: that goes first.
            return Ok(());
        }
        let (pass, failure) = self.after_burst(pass, outcome);
        self.core.store.update_pass(pass).await?;
        failure.map_or(Ok(()), Err)
    }

    /// The pass as a burst leaves it.
    fn after_burst(
        &self,
        pass: IngestionPass,
        outcome: Result<Burst, ProviderError>,
    ) -> (IngestionPass, Option<ProviderError>) {
        let now = self.core.clock.now();
        let options = &self.registration.options;
        match outcome {
            Ok(Burst::Unfinished) => {
                (IngestionPass { status: IngestionStatus::Interstitial, attempts: 0, ..pass }, None)
            }
            Ok(Burst::Finished(refused)) => {
                let resting = IngestionPass {
                    status: IngestionStatus::Resting,
                    next_action: IngestionAction::Rest,
                    next_action_at: later(now, options.rest_length),
                    ingestion_completed_at: Some(now),
                    attempts: 0,
                    last_error: refused.map(|refused| format!("REMOVAL_THRESHOLD exceeded: {refused}")),
                    ..pass
                };
                (resting, None)
            }
            Err(error) if error.is::<CancelIngestion>() => {
                let canceling = IngestionPass {
                    status: IngestionStatus::Canceling,
                    next_action: IngestionAction::Cancel,
                    last_error: Some(error.to_string()),
                    ..pass
                };
                (canceling, None)
            }
            Err(error) => {
                let attempt = usize::try_from(pass.attempts).unwrap_or(usize::MAX);
                let pause = options.backoff.get(attempt).or(options.backoff.last());
                let backing_off = IngestionPass {
                    status: IngestionStatus::BackingOff,
                    next_action: IngestionAction::Backoff,
                    next_action_at: later(now, pause.copied().unwrap_or_default()),
                    attempts: pass.attempts.saturating_add(1),
                    last_error: Some(error.to_string()),
                    ..pass
                };
                (backing_off, Some(error))
            }
        }
    }

    /// Reads pages; after the last one, removes what was on none.
    async fn read_and_sweep(&self, pass: Uid) -> Result<Burst, ProviderError> {
        let until = later(self.core.clock.now(), self.registration.options.burst_length);
        let mut pages = Pages::resume(Arc::clone(&self.core), self.provider.clone(), pass, until).await?;
        if !pages.are_all_read() {
            let before = pages.sequence();
            self.registration.source.burst(&mut pages).await?;
            if pages.sequence() == before && !pages.is_stopped() {
                return Err("the provider's around() did not run the burst".into());
            }
        }
        if !pages.are_all_read() {
            return Ok(Burst::Unfinished);
        }
        Ok(Burst::Finished(self.sweep(pass).await?))
    }

    /// Removes what the pass has not seen, unless that is too much.
    async fn sweep(&self, pass: Uid) -> Result<Option<RemovalRefused>, StoreError> {
        let store = &self.core.store;
        let share = store.unseen(&self.provider, pass).await?;
        let (guards, is_empty) = (&self.registration.options.guards, share.part == share.total);
        if guards.are_on()
            && let Err(refused) = guard::check(&self.core, &self.provider, guards, share, is_empty).await?
        {
            return Ok(Some(refused));
        }
        let mut after = None;
        loop {
            let now = self.core.clock.now();
            let Swept { report, next } = store.sweep(&self.provider, pass, after, SWEPT_AT_ONCE, now).await?;
            if report.released > 0 {
                self.core.changed(&report).await;
            }
            if next.is_none() {
                return Ok(None);
            }
            after = next;
        }
    }
}

/// A pass that reads pages.
pub(super) fn new_pass(provider: &ProviderName, now: Timestamp) -> IngestionPass {
    IngestionPass {
        id: Uid::random(),
        provider: provider.clone(),
        status: IngestionStatus::Bursting,
        next_action: IngestionAction::Ingest,
        next_action_at: now,
        last_error: None,
        attempts: 0,
        created_at: now,
        ingestion_completed_at: None,
        rest_completed_at: None,
        version: 0,
    }
}

/// A pass that has ended.
pub(super) fn ended(pass: IngestionPass, next_action: IngestionAction, now: Timestamp) -> IngestionPass {
    IngestionPass {
        status: IngestionStatus::Complete,
        next_action,
        next_action_at: now,
        rest_completed_at: Some(now),
        ..pass
    }
}

fn count_started() {
    metrics::counter!("catalog_incremental_ingestions_started_total").increment(1);
}

fn count_completed(status: &'static str) {
    metrics::counter!("catalog_incremental_ingestions_completed_total", "status" => status).increment(1);
}
