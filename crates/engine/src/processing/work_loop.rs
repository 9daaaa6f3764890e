//! Takes up what is due and has it processed, many at a time.
//!
//! An entity whose processing needs no I/O is finished where it is begun, in a chunk with others. One that does
//! wait goes on as a task of its own, so that nothing waits for it. Outcomes go to the committers in groups.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use callboard_model::EntityError;
use callboard_store::{
    DocumentHash, DueEntity, KnownRun, ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate, StoreError,
    TakenUp,
};
use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::committer::Committer;
use super::in_flight::InFlight;
use super::outcome::{self, Finished};
use super::reads::Lane;
use crate::clock::later;
use crate::core::Core;
use crate::measurements;
use crate::outage::Pauses;
use crate::settings::ProcessingInterval;

/// The least that is worth taking up at a time.
const SMALLEST_CLAIM: usize = 32;
/// The most entities that one worker computes before it hands in what it has.
const LARGEST_CHUNK: usize = 128;
/// After so many entities a worker lets others have its thread.
const YIELD_EVERY: usize = 16;
/// Not shorter: what fails to be taken up must not make the loop spin.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// A refresh may be late by this share of the shortest interval, ...
const SLACK_SHARE: u32 = 20;
/// ... but not by more than this.
const LONGEST_SLACK: Duration = Duration::from_secs(1);
/// How many committers there are: while one waits for the database, the other prepares what it is to write.
const COMMITTERS: usize = 2;
/// For so long what arrived here may come before all that is in the queue, ...
const LONGEST_TURN: Duration = Duration::from_secs(1);
/// ... which then has one for each of so many that did.
const ARRIVALS_PER_QUEUED: usize = 8;
/// How many groups of outcomes may wait for the committers.
const RESULT_GROUPS: usize = 64;

/// The loop, and what its tasks share.
pub(crate) struct WorkLoop {
    core: Arc<Core>,
    interval: ProcessingInterval,
    in_flight: Arc<InFlight>,
    tasks: TaskTracker,
    /// Ends the loop; what is in flight goes on.
    stopping: CancellationToken,
    /// Ends also what waits for I/O.
    aborting: CancellationToken,
    results: mpsc::Sender<Vec<Finished>>,
}

impl WorkLoop {
    /// Starts the loop and its committers as tasks of `tasks`.
    pub(crate) fn spawn(
        core: &Arc<Core>,
        interval: ProcessingInterval,
        tasks: &TaskTracker,
        stopping: &CancellationToken,
        aborting: &CancellationToken,
    ) {
        let (results, outcomes) = mpsc::channel(RESULT_GROUPS);
        let in_flight = Arc::new(InFlight::default());
        let (again, reruns) = mpsc::channel(RESULT_GROUPS);
        let outcomes = Arc::new(Mutex::new(outcomes));
        for _ in 0..COMMITTERS {
            let (in_flight, again) = (Arc::clone(&in_flight), again.clone());
            let committer = Committer::new(Arc::clone(core), in_flight, again, stopping.clone());
            tasks.spawn(committer.run(Arc::clone(&outcomes)));
        }
        core.arrivals.open();
        let this = Self {
            core: Arc::clone(core),
            interval,
            in_flight,
            tasks: tasks.clone(),
            stopping: stopping.clone(),
            aborting: aborting.clone(),
            results,
        };
        tasks.spawn(this.run(reruns));
    }

    async fn run(self, mut reruns: mpsc::Receiver<Vec<DueEntity>>) {
        let settings = self.core.settings.processing;
        let mut limit = SMALLEST_CLAIM;
        let mut pauses = Pauses::default();
        let mut turn = ArrivalsTurn::begin();
        loop {
            if self.stopping.is_cancelled() {
                return;
            }
            while let Ok(batch) = reruns.try_recv() {
                self.dispatch(batch, later(self.core.clock.now(), self.interval.draw()));
            }
            let room = self.room();
            if room < SMALLEST_CLAIM / 4 {
                tokio::select! {
                    () = self.in_flight.freed() => {}
                    () = self.stopping.cancelled() => {}
                    () = tokio::time::sleep(settings.poll_interval) => {}
                }
                continue;
            }
            let asked = limit.min(room);
            let taken = match self.take_up(asked, &mut turn).await {
                Ok(taken) => taken,
                Err(error) => {
                    self.core.database.note(&error);
                    tracing::warn!(error = &error as &dyn std::error::Error, "could not take up what is due");
                    // What is due stays due, so that waiting for work would be over at once.
                    self.stopping.run_until_cancelled(tokio::time::sleep(pauses.next())).await;
                    continue;
                }
            };
            pauses = Pauses::default();
            limit = if taken == asked { limit * 2 } else { taken * 2 };
            limit = limit.clamp(SMALLEST_CLAIM, settings.batch_size.max(SMALLEST_CLAIM));
            if taken < asked && self.core.arrivals.is_empty() {
                self.wait_for_work(&mut reruns).await;
            }
        }
    }

    /// How many more may be taken up: little is held ahead of what is being computed and written, and much may
    /// wait for I/O.
    fn room(&self) -> usize {
        let settings = &self.core.settings.processing;
        // While each committer writes a batch, another one is computed.
        let most = (COMMITTERS + 1) * settings.batch_size;
        let ahead = most.saturating_sub(self.in_flight.outstanding());
        settings.max_in_flight.saturating_sub(self.in_flight.len()).min(ahead)
    }

    /// Takes up to `limit` entities up: those that arrived here, and from the queue if there is room left, or if their turn
    /// is over. Returns how many there were.
    async fn take_up(&self, limit: usize, turn: &mut ArrivalsTurn) -> Result<usize, StoreError> {
        let now = self.core.clock.now();
        let next_due = later(now, self.interval.draw());
        let arrived = self.core.arrivals.take(limit - turn.reserved(limit), now);
        let (mut count, mut urgent) = (arrived.len(), arrived.len());
        turn.taken += count;
        self.begin(arrived, now, next_due);
        if count < limit {
            *turn = ArrivalsTurn::begin();
            let TakenUp { due, settled } = self.claim(limit - count, now, next_due).await?;
            measurements::settled(settled);
            urgent += due.iter().filter(|due| due.urgent).count();
            count += due.len() + settled;
            self.begin(due, now, next_due);
        }
        let more_arrived = !self.core.arrivals.is_empty();
        if !more_arrived && (count < limit || urgent < limit / 2) {
            self.core.backlog.end();
        } else if limit >= self.core.settings.processing.batch_size {
            self.core.backlog.begin();
        }
        Ok(count)
    }

    async fn claim(&self, limit: usize, now: Timestamp, next_due: Timestamp) -> Result<TakenUp, StoreError> {
        let lease_until = later(now, self.core.settings.processing.lease);
        let is_settled = |run| self.core.settled.contains(run);
        let claiming = self.core.store.claim_unsettled(limit, now, lease_until, next_due, &is_settled);
        measurements::timed("claim_due", claiming).await
    }

    fn begin(&self, due: Vec<DueEntity>, now: Timestamp, next_due: Timestamp) {
        measurements::taken_up(&due, now);
        self.dispatch(self.in_flight.admit(due), next_due);
    }

    async fn wait_for_work(&self, reruns: &mut mpsc::Receiver<Vec<DueEntity>>) {
        let poll_interval = self.core.settings.processing.poll_interval;
        let until_due = match self.core.store.next_due().await {
            Ok(Some(due)) => {
                Duration::try_from(self.core.clock.now().duration_until(due)).unwrap_or_default()
            }
            Ok(None) | Err(_) => poll_interval,
        };
        let pause = if until_due.is_zero() { SHORTEST_PAUSE } else { until_due.max(self.slack()) };
        let pause = pause.min(poll_interval.max(SHORTEST_PAUSE));
        tokio::select! {
            () = self.core.signals.processing.notified() => {}
            () = self.stopping.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
            Some(batch) = reruns.recv() => {
                self.dispatch(batch, later(self.core.clock.now(), self.interval.draw()));
            }
        }
    }

    /// How long what comes up by itself may wait for more of its kind: one by one it costs several times as much. What
    /// is new or asked for does not wait for this.
    fn slack(&self) -> Duration {
        (self.interval.min / SLACK_SHARE).clamp(SHORTEST_PAUSE, LONGEST_SLACK)
    }

    fn dispatch(&self, mut batch: Vec<DueEntity>, next_due: Timestamp) {
        let workers = self.core.settings.processing.workers.max(1);
        let size = batch.len().div_ceil(workers).clamp(1, LARGEST_CHUNK);
        while !batch.is_empty() {
            let chunk = batch.split_off(batch.len().saturating_sub(size));
            let worker = Worker {
                core: Arc::clone(&self.core),
                in_flight: Arc::clone(&self.in_flight),
                tasks: self.tasks.clone(),
                aborting: self.aborting.clone(),
                results: self.results.clone(),
            };
            self.tasks.spawn(worker.run(chunk, next_due));
        }
    }
}

/// How long what arrived here has come before what is in the queue.
struct ArrivalsTurn {
    since: Instant,
    /// How many entities that were.
    taken: usize,
}

impl ArrivalsTurn {
    fn begin() -> Self {
        Self { since: Instant::now(), taken: 0 }
    }

    /// How many of a batch are kept for the queue.
    fn reserved(&self, limit: usize) -> usize {
        let is_over = self.since.elapsed() >= LONGEST_TURN;
        if is_over { (self.taken / ARRIVALS_PER_QUEUED).clamp(1, limit) } else { 0 }
    }
}

/// Processes one chunk.
struct Worker {
    core: Arc<Core>,
    in_flight: Arc<InFlight>,
    tasks: TaskTracker,
    aborting: CancellationToken,
    results: mpsc::Sender<Vec<Finished>>,
}

impl Worker {
    async fn run(self, chunk: Vec<DueEntity>, next_due: Timestamp) {
        let mut finished = Vec::with_capacity(chunk.len());
        for (index, due) in chunk.into_iter().enumerate() {
            let (entity_ref, urgent) = (due.entity_ref.clone(), due.urgent);
            let lane = if urgent { Lane::Urgent } else { Lane::Routine };
            let mut run = Box::pin(lane.run(process(Arc::clone(&self.core), due, next_due)));
            match futures::poll!(&mut run) {
                std::task::Poll::Ready(outcome) => finished.push(outcome),
                std::task::Poll::Pending if self.has_room_for(urgent) => self.leave_waiting(run, urgent),
                std::task::Poll::Pending => {
                    // Its next turn is as good: taking it up has set that already.
                    tracing::debug!(entity = %entity_ref, "a routine refresh is left out, too many wait for I/O");
                    self.in_flight.computed(1);
                    self.in_flight.finish(std::iter::once(&entity_ref));
                }
            }
            if index % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
            }
        }
        self.in_flight.computed(finished.len());
        self.hand_in(finished).await;
    }

    fn has_room_for(&self, urgent: bool) -> bool {
        urgent || self.in_flight.waiting_routine() < self.core.settings.processing.max_waiting_routine
    }

    /// Lets a run that has to wait go on as a task of its own.
    fn leave_waiting(&self, run: impl Future<Output = Finished> + Send + 'static, urgent: bool) {
        let (in_flight, aborting) = (Arc::clone(&self.in_flight), self.aborting.clone());
        let results = self.results.clone();
        let waiting = OwnedWaiting::new(in_flight, urgent);
        self.tasks.spawn(async move {
            // An aborted run is not written; its lease is taken back at the next start.
            let Some(outcome) = aborting.run_until_cancelled_owned(run).await else { return };
            drop(waiting);
            // The committers outlive all that sends to them.
            let _ = results.send(vec![outcome]).await;
        });
    }

    async fn hand_in(&self, finished: Vec<Finished>) {
        if !finished.is_empty() {
            // The committers outlive all that sends to them.
            let _ = self.results.send(finished).await;
        }
    }
}

/// Counts one run as waiting for I/O rather than computing.
struct OwnedWaiting {
    in_flight: Arc<InFlight>,
    urgent: bool,
}

impl OwnedWaiting {
    fn new(in_flight: Arc<InFlight>, urgent: bool) -> Self {
        in_flight.computed(1);
        in_flight.begin_waiting(urgent);
        Self { in_flight, urgent }
    }
}

impl Drop for OwnedWaiting {
    fn drop(&mut self) {
        self.in_flight.end_waiting(self.urgent);
    }
}

/// One run; a defect of the pipeline itself fails the entity, not the server.
async fn process(core: Arc<Core>, due: DueEntity, next_due: Timestamp) -> Finished {
    let (entity_ref, uid, document_hash) = (due.entity_ref.clone(), due.uid, due.document.hash);
    let document = due.document.json.clone();
    let known = due.result_hash.map(|result_hash| KnownRun { uid, document_hash, result_hash });
    let started = Instant::now();
    let run = AssertUnwindSafe(outcome::process(&core.pipeline, due, next_due)).catch_unwind().await;
    measurements::processed(run.as_ref().ok().map(|finished| &finished.commit.outcome), started);
    if let (Ok(finished), Some(known)) = (&run, known)
        && finished.is_unchanged_success()
        && core.pipeline.depends_on_document_alone(&entity_ref, &document)
    {
        core.settled.remember(&known);
    }
    run.unwrap_or_else(|_| {
        let errors = vec![EntityError::general("processing failed because of a defect of the server")];
        let outcome = ProcessingOutcome::Failed {
            errors: outcome::errors_json(&errors),
            result_hash: DocumentHash::new(*b"panicked        "),
        };
        let cache = ProcessorCacheUpdate::Keep;
        let commit = ProcessingCommit { entity_ref, uid, document_hash, outcome, cache, next_due };
        Finished { commit, errors, location: None, needs_commit: true }
    })
}
