//! Tasks that are done from time to time: on this node, or on one of all that share a database.
//!
//! The state of a global task is a row in the database, and whoever takes its ticket runs it. That of a local one
//! is in memory. `task_loop.rs` decides what runs; `run.rs` is one run; `entry.rs` is what is known of a task here.

mod entry;
mod run;
mod scheduler;
mod task_loop;

pub use entry::{TaskDescription, TaskState, WorkerState};
pub use scheduler::Scheduler;
pub(crate) use task_loop::look_after;
