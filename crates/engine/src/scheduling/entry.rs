use std::time::Duration;

use callboard_sdk::{Frequency, Task, TaskSchedule, TaskScope};
use callboard_store::{StoredTask, TaskRun, TaskTicket};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::clock::later;

/// Nothing runs more often.
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);

/// A task, and how it stands with it on this node.
pub(crate) struct Entry {
    pub(crate) task: Task,
    pub(crate) worker: Mutex<Worker>,
}

/// What this node does about a task.
#[derive(Default)]
pub(crate) struct Worker {
    /// Nothing runs before, unless somebody asks; `None` until the loop has seen the task.
    pub(crate) waits_until: Option<Timestamp>,
    /// The run of this node.
    pub(crate) run: Option<LiveRun>,
    /// The state of a local task.
    pub(crate) local: LocalState,
}

/// A run on this node.
pub(crate) struct LiveRun {
    /// Its row in the database says the same, if it is a global task's.
    pub(crate) row: TaskRun,
    /// Ends it; gone when that has been said.
    pub(crate) stop: Option<oneshot::Sender<StopReason>>,
}

/// Why a run was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// It took too long.
    TimedOut,
    /// Somebody did not want it any more.
    Cancelled,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct LocalState {
    pub(crate) next_run: Option<Timestamp>,
    pub(crate) last_error: Option<String>,
    pub(crate) last_ended: Option<Timestamp>,
}

impl Entry {
    pub(crate) fn new(task: Task) -> Self {
        Self { task, worker: Mutex::default() }
    }

    pub(crate) fn is_global(&self) -> bool {
        self.task.schedule().scope == TaskScope::Global
    }

    /// Cuts off the run with this ticket, if it is still going on here.
    pub(crate) fn stop(&self, ticket: TaskTicket, reason: StopReason) {
        let mut worker = self.worker.lock();
        let run = worker.run.as_mut().filter(|run| run.row.ticket == ticket);
        if let Some(stop) = run.and_then(|run| run.stop.take()) {
            // A run that has ended meanwhile needs no word.
            let _ = stop.send(reason);
        }
    }

    /// When the first run is due, of a task that begins to be known.
    pub(crate) fn first_run(&self, now: Timestamp) -> Option<Timestamp> {
        let from = later(now, self.task.schedule().initial_delay);
        match &self.task.schedule().frequency {
            Frequency::Every(_) => Some(from),
            Frequency::Cron(cron) => cron.next_after(from, &TimeZone::system()),
            Frequency::Manual => None,
        }
    }

    /// When the next run is due, after one that began at `before`.
    pub(crate) fn next_run(&self, before: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match &self.task.schedule().frequency {
            Frequency::Every(period) => Some(later(before, (*period).max(SHORTEST_PERIOD)).max(now)),
            Frequency::Cron(cron) => cron.next_after(now, &TimeZone::system()),
            Frequency::Manual => None,
        }
    }
}

/// A task as people see it.
#[derive(Debug, Clone)]
pub struct TaskDescription {
    /// Its id.
    pub id: String,
    /// When it runs.
    pub schedule: TaskSchedule,
    /// How it stands with it; `None` until it has been written down.
    pub state: Option<TaskState>,
    /// What this node does about it.
    pub worker: WorkerState,
}

/// How it stands with a task, on whichever node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskState {
    /// The run that goes on: when it began, and when it is cut off.
    pub run: Option<(Timestamp, Timestamp)>,
    /// When the next run is due; `None` for when somebody asks.
    pub next_run: Option<Timestamp>,
    /// Why the last run failed; `None` if it did not.
    pub last_error: Option<String>,
    /// When the last run ended.
    pub last_ended: Option<Timestamp>,
}

/// What this node does about a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// It waits out the initial delay.
    InitialWait,
    /// It waits for the next run.
    Idle,
    /// It runs the task.
    Running,
}

impl TaskState {
    pub(crate) fn of_row(row: &StoredTask) -> Self {
        Self {
            run: row.run.map(|run| (run.started, run.expires)),
            next_run: row.next_run,
            last_error: row.last_error.clone(),
            last_ended: row.last_ended,
        }
    }

    pub(crate) fn of_worker(worker: &Worker) -> Self {
        let local = worker.local.clone();
        Self {
            run: worker.run.as_ref().map(|run| (run.row.started, run.row.expires)),
            next_run: local.next_run,
            last_error: local.last_error,
            last_ended: local.last_ended,
        }
    }
}

impl WorkerState {
    pub(crate) fn of(worker: &Worker, now: Timestamp) -> Self {
        match (&worker.run, worker.waits_until) {
            (Some(_), _) => Self::Running,
            (None, Some(until)) if until <= now => Self::Idle,
            (None, _) => Self::InitialWait,
        }
    }
}
