use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use callboard_sdk::{SchedulerError, Task, TaskScheduler, async_trait};
use callboard_store::{Store, StoreError, TaskEnd, TaskTrigger};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::entry::{Entry, StopReason, TaskDescription, TaskState, WorkerState};
use crate::clock::Clock;
use crate::database_state::DatabaseWatch;

/// What runs tasks. A cheap handle; clones share it.
#[derive(Clone)]
pub struct Scheduler {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) database: Arc<DatabaseWatch>,
    pub(super) poll_interval: Duration,
    pub(super) wake: Arc<Notify>,
    entries: Arc<Mutex<BTreeMap<String, Arc<Entry>>>>,
}

impl Scheduler {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        database: Arc<DatabaseWatch>,
        poll_interval: Duration,
    ) -> Self {
        Self { store, clock, database, poll_interval, wake: Arc::default(), entries: Arc::default() }
    }

    /// All tasks of this node, in order of their ids.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn tasks(&self) -> Result<Vec<TaskDescription>, StoreError> {
        let rows = self.store.tasks().await?;
        let rows: HashMap<&str, &callboard_store::StoredTask> =
            rows.iter().map(|row| (row.id.as_str(), row)).collect();
        let now = self.clock.now();
        let describe = |entry: &Arc<Entry>| {
            let worker = entry.worker.lock();
            let state = if entry.is_global() {
                rows.get(entry.task.id()).copied().map(TaskState::of_row)
            } else {
                worker.waits_until.map(|_| TaskState::of_worker(&worker))
            };
            TaskDescription {
                id: entry.task.id().to_owned(),
                schedule: entry.task.schedule().clone(),
                state,
                worker: WorkerState::of(&worker, now),
            }
        };
        Ok(self.entries().iter().map(describe).collect())
    }

    pub(super) fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries.lock().values().cloned().collect()
    }

    pub(super) fn forget_all(&self) {
        self.entries.lock().clear();
    }

    fn entry(&self, id: &str) -> Option<Arc<Entry>> {
        self.entries.lock().get(id).cloned()
    }

    /// Of a task that no node but another may know.
    async fn trigger_global(&self, id: &str) -> Result<(), SchedulerError> {
        match self.store.trigger_task(id, self.clock.now()).await.map_err(failed)? {
            TaskTrigger::Due => Ok(()),
            TaskTrigger::Running => Err(SchedulerError::Running(id.to_owned())),
            TaskTrigger::Unknown => Err(SchedulerError::Unknown(id.to_owned())),
        }
    }

    async fn cancel_global(&self, entry: &Entry) -> Result<(), SchedulerError> {
        let id = entry.task.id();
        let not_running = || SchedulerError::NotRunning(id.to_owned());
        let rows = self.store.tasks().await.map_err(failed)?;
        let row = rows.into_iter().find(|row| row.id == id).ok_or_else(not_running)?;
        let run = row.run.ok_or_else(not_running)?;
        let now = self.clock.now();
        let end = TaskEnd {
            at: now,
            error: Some(CANCELLED.to_owned()),
            next_run: entry.next_run(run.started, now),
        };
        if !self.store.release_task(id, run.ticket, end).await.map_err(failed)? {
            return Err(not_running());
        }
        // On another node, its loop notices that the ticket is gone.
        entry.stop(run.ticket, StopReason::Cancelled);
        Ok(())
    }
}

/// What the state of a task says that was cancelled.
pub(super) const CANCELLED: &str = "it was cancelled";

fn failed(error: StoreError) -> SchedulerError {
    SchedulerError::Failed(error.into())
}

#[async_trait]
impl TaskScheduler for Scheduler {
    fn schedule(&self, task: Task) -> Result<(), SchedulerError> {
        if task.id().trim().is_empty() {
            return Err(SchedulerError::NoId);
        }
        let mut entries = self.entries.lock();
        if entries.contains_key(task.id()) {
            return Err(SchedulerError::Taken(task.id().to_owned()));
        }
        entries.insert(task.id().to_owned(), Arc::new(Entry::new(task)));
        drop(entries);
        self.wake.notify_one();
        Ok(())
    }

    async fn trigger(&self, id: &str) -> Result<(), SchedulerError> {
        let now = self.clock.now();
        match self.entry(id) {
            Some(entry) if !entry.is_global() => {
                let mut worker = entry.worker.lock();
                if worker.run.is_some() {
                    return Err(SchedulerError::Running(id.to_owned()));
                }
                worker.local.next_run = Some(now);
                worker.waits_until = Some(now);
            }
            Some(entry) => {
                self.trigger_global(id).await?;
                entry.worker.lock().waits_until = Some(now);
            }
            None => self.trigger_global(id).await?,
        }
        self.wake.notify_one();
        Ok(())
    }

    async fn cancel(&self, id: &str) -> Result<(), SchedulerError> {
        let entry = self.entry(id).ok_or_else(|| SchedulerError::Unknown(id.to_owned()))?;
        if entry.is_global() {
            return self.cancel_global(&entry).await;
        }
        let ticket = entry.worker.lock().run.as_ref().map(|run| run.row.ticket);
        let ticket = ticket.ok_or_else(|| SchedulerError::NotRunning(id.to_owned()))?;
        entry.stop(ticket, StopReason::Cancelled);
        Ok(())
    }
}
