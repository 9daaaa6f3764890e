//! Large sources: read page by page, in passes that go on after a restart where they were.
//!
//! `ingester.rs` is the state machine: one step for each run of the provider's task. `pages.rs` writes pages,
//! `listener.rs` what
//! events change between them, `control.rs` is what people can do to a pass.

mod control;
mod ingester;
mod listener;
mod pages;

pub use control::{IncrementalControl, IncrementalState};
pub(crate) use ingester::schedule;
pub(crate) use listener::Listener;
