use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Result, Uid};

/// Tells one run of a task from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskTicket(Uid);

impl TaskTicket {
    /// A new random one.
    pub fn random() -> Self {
        Self(Uid::random())
    }

    /// From the 16 bytes that a database keeps.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uid::from_bytes(bytes))
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

/// A run that has begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskRun {
    /// Its ticket.
    pub ticket: TaskTicket,
    /// When it began.
    pub started: Timestamp,
    /// When it counts as lost.
    pub expires: Timestamp,
}

/// What is known of a task that runs on one node at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTask {
    /// Its id.
    pub id: String,
    /// When it is to run; `None` for when somebody asks.
    pub next_run: Option<Timestamp>,
    /// The run that goes on, if one does.
    pub run: Option<TaskRun>,
    /// Why the last run failed; `None` if it did not.
    pub last_error: Option<String>,
    /// When the last run ended.
    pub last_ended: Option<Timestamp>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEnd {
    /// When.
    pub at: Timestamp,
    /// Why it failed; `None` if it did not.
    pub error: Option<String>,
    /// When the next one is to begin; `None` for when somebody asks.
    pub next_run: Option<Timestamp>,
}

/// What asking for a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskTrigger {
    /// It is due now.
    Due,
    /// A run goes on; nothing was changed.
    Running,
    /// There is no such task.
    Unknown,
}

/// Tasks that run on one node at a time: whoever holds the ticket of a task may run it.
///
/// Each method is one transaction.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// All of them, in order of their ids.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn tasks(&self) -> Result<Vec<StoredTask>>;

    /// Makes a task known. A new one is due at `first_run`. One that is there is due at `next_run` if that is
    /// earlier; only with `None` it is not due at all any more. What runs goes on.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn register_task(
        &self,
        id: &str,
        first_run: Option<Timestamp>,
        next_run: Option<Timestamp>,
    ) -> Result<()>;

    /// Begins a run, if the task is due and no other run goes on. Of all that ask at the same time, one is told
    /// `true`.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn claim_task(&self, id: &str, run: TaskRun) -> Result<bool>;

    /// Ends the run with this ticket. `false`: it has ended before, and nothing was changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn release_task(&self, id: &str, ticket: TaskTicket, end: TaskEnd) -> Result<bool>;

    /// Makes a task due now, unless it runs.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn trigger_task(&self, id: &str, now: Timestamp) -> Result<TaskTrigger>;

    /// Ends all runs that have expired, as failed; their tasks are due when they were. Returns their ids.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn expire_tasks(&self, now: Timestamp) -> Result<Vec<String>>;
}
