//! Writes outcomes, many in one transaction.

use std::sync::Arc;
use std::time::Duration;

use callboard_store::{
    ClaimSource, CommitReport, Conflict, DueEntity, ProcessingCommit, ProcessingOutcome, StoreError,
};
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::in_flight::InFlight;
use super::outcome::Finished;
use crate::core::Core;
use crate::events::{CONFLICT_TOPIC, CatalogEvent, ERRORS_TOPIC};
use crate::measurements;
use crate::outage::Outage;

/// How long an outcome may wait for others.
const PATIENCE: Duration = Duration::from_millis(20);
/// The most outcomes of one transaction.
const LARGEST_GROUP: usize = 512;

pub(crate) struct Committer {
    core: Arc<Core>,
    in_flight: Arc<InFlight>,
    again: mpsc::Sender<Vec<DueEntity>>,
    stopping: CancellationToken,
}

impl Committer {
    pub(crate) fn new(
        core: Arc<Core>,
        in_flight: Arc<InFlight>,
        again: mpsc::Sender<Vec<DueEntity>>,
        stopping: CancellationToken,
    ) -> Self {
        Self { core, in_flight, again, stopping }
    }

    /// Ends when nobody is left to send outcomes.
    pub(crate) async fn run(self, outcomes: Arc<Mutex<mpsc::Receiver<Vec<Finished>>>>) {
        while let Some(group) = self.next_group(&outcomes).await {
            self.write(group).await;
        }
    }

    /// What is written together. One committer gathers at a time, while another one writes.
    async fn next_group(&self, outcomes: &Mutex<mpsc::Receiver<Vec<Finished>>>) -> Option<Vec<Finished>> {
        let mut outcomes = outcomes.lock().await;
        let mut group = outcomes.recv().await?;
        let patience = Instant::now() + PATIENCE;
        while group.len() < LARGEST_GROUP {
            let more = match outcomes.try_recv() {
                Ok(more) => more,
                // Nobody is about to have more soon.
                Err(_) if self.in_flight.computing() == 0 => break,
                Err(_) => match tokio::time::timeout_at(patience, outcomes.recv()).await {
                    Ok(Some(more)) => more,
                    Ok(None) | Err(_) => break,
                },
            };
            group.extend(more);
        }
        Some(group)
    }

    async fn write(&self, group: Vec<Finished>) {
        let refs: Vec<_> = group.iter().map(|finished| finished.commit.entity_ref.clone()).collect();
        self.report_failures(&group);
        let commits: Vec<_> = group
            .into_iter()
            .filter(|finished| finished.needs_commit)
            .map(|finished| finished.commit)
            .collect();
        if !commits.is_empty() {
            let report = self.commit(&commits).await;
            self.report_conflicts(&report, &commits);
            self.core.signals.stitching.notify_one();
            if report.children_written > 0 {
                self.core.signals.processing.notify_one();
            }
        }
        let again = self.in_flight.finish(refs.iter());
        if !again.is_empty() {
            // Fails only after the loop has ended; the leases then bring them back at the next start.
            let _ = self.again.send(again).await;
        }
    }

    async fn commit(&self, commits: &[ProcessingCommit]) -> CommitReport {
        match self.try_commit(commits).await {
            Ok(report) => report,
            Err(StoreError::Refused(_) | StoreError::Corrupt(_)) if commits.len() > 1 => {
                // One of them is to blame, and the others need not suffer for it.
                let mut total = CommitReport::default();
                for commit in commits {
                    if let Ok(report) = self.try_commit(std::slice::from_ref(commit)).await {
                        total.dropped += report.dropped;
                        total.children_written += report.children_written;
                        total.conflicts.extend(report.conflicts);
                    }
                }
                total
            }
            Err(_) => CommitReport::default(),
        }
    }

    async fn try_commit(&self, commits: &[ProcessingCommit]) -> Result<CommitReport, StoreError> {
        let mut outage = Outage::to_the_end(&self.core.database, &self.stopping);
        loop {
            let committing = self.core.store.commit_processed(commits.to_vec(), self.core.clock.now());
            match measurements::timed("commit_processed", committing).await {
                Err(error) if outage.outlasts(&error).await => {}
                Err(error) => {
                    let entity = commits.first().map(|commit| commit.entity_ref.to_string());
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        entities = commits.len(),
                        first = entity,
                        "could not write the outcome of processing"
                    );
                    return Err(error);
                }
                report => return report,
            }
        }
    }

    /// Events tell of every failed run; the log of those that are news.
    fn report_failures(&self, group: &[Finished]) {
        for Finished { commit, errors, location, .. } in
            group.iter().filter(|finished| !finished.errors.is_empty())
        {
            if self.core.settings.log_every_failure || !matches!(commit.outcome, ProcessingOutcome::Unchanged)
            {
                for error in errors {
                    tracing::warn!(entity = %commit.entity_ref, location, "processing failed: {error}");
                }
            }
            if self.core.events.is_wanted(ERRORS_TOPIC) {
                self.core.events.publish(CatalogEvent::ProcessingFailed {
                    entity_ref: commit.entity_ref.clone(),
                    location: location.clone(),
                    errors: errors.clone().into(),
                });
            }
        }
    }

    fn report_conflicts(&self, report: &CommitReport, commits: &[ProcessingCommit]) {
        for conflict in &report.conflicts {
            Core::log_conflict(conflict);
            if !self.core.events.is_wanted(CONFLICT_TOPIC) {
                continue;
            }
            if let Some(rejected_key) = &conflict.rejected_key {
                self.core.events.publish(CatalogEvent::Conflict {
                    entity_ref: conflict.entity_ref.clone(),
                    rejected_key: rejected_key.clone(),
                    holder_key: conflict.holder_key.clone(),
                    unprocessed_entity: losing_document(conflict, commits),
                    at: self.core.clock.now(),
                });
            }
        }
    }
}

/// The document of the claim that lost.
fn losing_document(conflict: &Conflict, commits: &[ProcessingCommit]) -> Option<Arc<[u8]>> {
    let ClaimSource::Entity(parent) = &conflict.source else { return None };
    let commit = commits.iter().find(|commit| commit.entity_ref == *parent)?;
    let ProcessingOutcome::Succeeded { children, .. } = &commit.outcome else { return None };
    let lost = children.iter().find(|child| {
        child.entity_ref == conflict.entity_ref && child.location_key == conflict.rejected_key
    })?;
    Some(lost.document.json.clone())
}
