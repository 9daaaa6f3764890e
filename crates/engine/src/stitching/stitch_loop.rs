//! Takes up what is marked for stitching, puts it together on all cores, and writes it.

use std::sync::Arc;
use std::time::Duration;

use callboard_index::IndexedEntity;
use callboard_store::{StitchCommit, StitchInput, StitchOutcome, StitchReport, StoreError};
use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assemble::{Assembled, assemble};
use super::hand_off::Block;
use crate::clock::later;
use crate::core::Core;
use crate::measurements;
use crate::outage::{Outage, Pauses};

/// How many entities one task puts together before it hands them in.
const CHUNK: usize = 32;
/// How long the index is waited for, in case it stands still.
const INDEX_PATIENCE: Duration = Duration::from_secs(1);
/// How many loops there are: while one waits for the database, the other computes.
const LOOPS: usize = 2;

pub(crate) struct StitchLoop {
    core: Arc<Core>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl StitchLoop {
    /// Starts the loops as tasks of `tasks`.
    pub(crate) fn spawn(core: &Arc<Core>, tasks: &TaskTracker, stopping: &CancellationToken) {
        for _ in 0..LOOPS {
            let this = Self { core: Arc::clone(core), tasks: tasks.clone(), stopping: stopping.clone() };
            tasks.spawn(this.run());
        }
    }

    async fn run(self) {
        let mut pauses = Pauses::default();
        let mut caught_up = Instant::now();
        // Until when marks were due that are taken off now. Without it a loop that is slower than what makes marks would never
        // have caught up with a backlog, and would stitch the same entities over and over.
        let mut pass = None;
        while !self.stopping.is_cancelled() {
            if pass.is_none() {
                self.stopping.run_until_cancelled(self.core.backlog.hold(caught_up)).await;
            }
            // Without an index here nobody takes what is handed over.
            if self.core.settings.role.serves() {
                self.stopping.run_until_cancelled(self.core.hand_off.has_room(INDEX_PATIENCE)).await;
            }
            let now = self.core.clock.now();
            let due_until = if self.core.backlog.lasts() { *pass.get_or_insert(now) } else { now };
            let limit = self.core.settings.stitching.batch_size.max(1);
            match self.stitch(limit, due_until).await {
                Ok(count) => {
                    pauses = Pauses::default();
                    if count < limit {
                        pass = None;
                        caught_up = Instant::now();
                        self.wait_for_work().await;
                    }
                }
                Err(error) => {
                    self.core.database.note(&error);
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "could not take up what is to be stitched"
                    );
                    // What is due stays due, so that waiting for work would be over at once.
                    self.stopping.run_until_cancelled(tokio::time::sleep(pauses.next())).await;
                }
            }
        }
    }

    /// Stitches up to `limit` entities, and returns how many there were.
    async fn stitch(&self, limit: usize, due_until: Timestamp) -> Result<usize, StoreError> {
        let lease_until = later(self.core.clock.now(), self.core.settings.stitching.lease);
        let started = Instant::now();
        let claiming = self.core.store.claim_stitches(limit, due_until, lease_until);
        let inputs = measurements::timed("claim_stitches", claiming).await?;
        if inputs.is_empty() {
            return Ok(0);
        }
        let count = inputs.len();
        let (commits, indexed): (Vec<_>, Vec<_>) = self.assemble_all(inputs).await.into_iter().unzip();
        let indexed: Vec<IndexedEntity> = indexed.into_iter().flatten().collect();
        measurements::stitched(&commits, started);
        let coming = self.core.hand_off.announce();
        match self.commit(commits).await {
            Ok(report) => {
                // Unless some were dropped: nobody knows where the others are.
                if report.written == indexed.len() && report.written > 0 {
                    let StitchReport { before, sequence, .. } = report;
                    self.core.hand_off.put(Block { after: before, last: sequence, entities: indexed });
                }
                drop(coming);
                self.core.signals.index.notify_one();
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "could not write final entities");
                // The lease brings them back; not to be tried again at once.
                return Ok(0);
            }
        }
        Ok(count)
    }

    async fn commit(&self, commits: Vec<StitchCommit>) -> Result<StitchReport, StoreError> {
        let mut outage = Outage::to_the_end(&self.core.database, &self.stopping);
        loop {
            let committing = self.core.store.commit_stitched(commits.clone(), self.core.clock.now());
            match measurements::timed("commit_stitched", committing).await {
                Err(error) if outage.outlasts(&error).await => {}
                result => return result,
            }
        }
    }

    async fn assemble_all(&self, mut inputs: Vec<StitchInput>) -> Vec<(StitchCommit, Option<IndexedEntity>)> {
        let mut chunks = Vec::with_capacity(inputs.len() / CHUNK + 1);
        while !inputs.is_empty() {
            chunks.push(inputs.split_off(inputs.len().saturating_sub(CHUNK)));
        }
        let workers = self.core.settings.processing.workers.max(1);
        futures::stream::iter(chunks)
            .map(|chunk| self.tasks.spawn(async move { chunk.into_iter().map(stitched).collect::<Vec<_>>() }))
            .buffer_unordered(workers)
            // A chunk that panicked keeps its marks, and comes again when its lease is over.
            .filter_map(|chunk| async move { chunk.ok() })
            .concat()
            .await
    }

    async fn wait_for_work(&self) {
        let poll_interval = self.core.settings.stitching.poll_interval;
        let until_due = match self.core.store.next_stitch().await {
            Ok(Some(due)) => {
                Duration::try_from(self.core.clock.now().duration_until(due)).unwrap_or_default()
            }
            Ok(None) | Err(_) => poll_interval,
        };
        let pause = until_due.clamp(Duration::from_millis(5), poll_interval.max(Duration::from_millis(5)));
        tokio::select! {
            () = self.core.signals.stitching.notified() => {}
            () = self.stopping.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn stitched(input: StitchInput) -> (StitchCommit, Option<IndexedEntity>) {
    let Assembled { outcome, indexed } = assemble(&input);
    if let StitchOutcome::Failed { errors } = &outcome {
        let errors = String::from_utf8_lossy(errors);
        tracing::warn!(entity = %input.entity_ref, %errors, "the entity cannot be stitched");
    }
    (StitchCommit { entity_ref: input.entity_ref, uid: input.uid, ticket: input.ticket, outcome }, indexed)
}
