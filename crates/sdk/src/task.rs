use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use crate::TaskSchedule;

/// Why a run of a task failed.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

type Run = dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), TaskError>> + Send>> + Send + Sync;

/// Something that is done from time to time.
///
/// ```
/// use std::time::Duration;
/// use callboard_sdk::{Task, TaskSchedule};
///
/// let schedule = TaskSchedule::every(Duration::from_secs(3600), Duration::from_secs(60));
/// let task = Task::new("greet", schedule, || async {
///     println!("hello");
///     Ok(())
/// });
/// assert_eq!(task.id(), "greet");
/// ```
#[derive(Clone)]
pub struct Task {
    id: String,
    schedule: TaskSchedule,
    run: Arc<Run>,
}

impl Task {
    /// A task with an id that stays the same over restarts. Each run is one future. It is dropped at its next
    /// `.await` when its time is over, when somebody cancels it, and when the server stops.
    pub fn new<F, R>(id: impl Into<String>, schedule: TaskSchedule, run: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), TaskError>> + Send + 'static,
    {
        Self { id: id.into(), schedule, run: Arc::new(move || Box::pin(run())) }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it runs.
    pub fn schedule(&self) -> &TaskSchedule {
        &self.schedule
    }

    /// Runs it once.
    pub fn run(&self) -> Pin<Box<dyn Future<Output = Result<(), TaskError>> + Send>> {
        (self.run)()
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Task")
            .field("id", &self.id)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// Why the scheduler did not do what it was asked.
#[derive(Debug, Error)]
pub enum SchedulerError {
    /// Tasks need an id. The author of the task has to give it one.
    #[error("a task has no id")]
    NoId,
    /// Another task has this id. One of the two has to take another one.
    #[error("there are two tasks with the id {0}")]
    Taken(String),
    /// There is no such task.
    #[error("Task {0} does not exist")]
    Unknown(String),
    /// It runs already; try again when it has ended.
    #[error("Task {0} is currently running")]
    Running(String),
    /// It does not run, so there is nothing to cancel.
    #[error("Task {0} is not running")]
    NotRunning(String),
    /// The database failed; try again later.
    #[error("the state of the tasks cannot be reached")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Runs tasks by their schedules.
#[async_trait]
pub trait TaskScheduler: Send + Sync {
    /// Takes a task on. Its state is that of the last start, if it was there then.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::NoId`], [`SchedulerError::Taken`].
    fn schedule(&self, task: Task) -> Result<(), SchedulerError>;

    /// Has a task run now, whatever its schedule says.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Unknown`], [`SchedulerError::Running`], [`SchedulerError::Failed`].
    async fn trigger(&self, id: &str) -> Result<(), SchedulerError>;

    /// Cuts off the run of a task; its next one is that of its schedule.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Unknown`], [`SchedulerError::NotRunning`], [`SchedulerError::Failed`].
    async fn cancel(&self, id: &str) -> Result<(), SchedulerError>;
}
