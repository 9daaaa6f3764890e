//! What is known of the database: whether it answers, and takes what is written.

use std::sync::atomic::{AtomicU8, Ordering};

use callboard_store::StoreError;

/// What the database does, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DatabaseState {
    /// It reads and writes.
    Writable,
    /// It answers, but has no room left, or can only be read. Nothing can be changed.
    Unwritable,
    /// It does not answer: the index shows the catalog as it was, and nothing can be changed.
    Unreachable,
}

/// The state that all parts of an engine share. It is what clients are told, and holds nobody up: calls are made all
/// the same. Whoever is refused says so; only the beat, which asks again and again, finds out that it is over.
#[derive(Debug)]
pub(crate) struct DatabaseWatch(AtomicU8);

impl Default for DatabaseWatch {
    fn default() -> Self {
        Self(AtomicU8::new(DatabaseState::Writable as u8))
    }
}

impl DatabaseWatch {
    pub(crate) fn state(&self) -> DatabaseState {
        match self.0.load(Ordering::Relaxed) {
            it if it == DatabaseState::Unreachable as u8 => DatabaseState::Unreachable,
            it if it == DatabaseState::Unwritable as u8 => DatabaseState::Unwritable,
            _ => DatabaseState::Writable,
        }
    }

    /// Returns whether that is news.
    pub(crate) fn set(&self, state: DatabaseState) -> bool {
        self.0.swap(state as u8, Ordering::Relaxed) != state as u8
    }

    /// To be told of the failure of a call.
    pub(crate) fn note(&self, error: &StoreError) {
        if matches!(error, StoreError::Unwritable(_)) && self.note_unwritable() {
            tracing::error!(error = error as &dyn std::error::Error, "{UNWRITABLE}");
        }
    }

    /// Returns whether that is news. Of a database that does not answer, the beat knows better.
    pub(crate) fn note_unwritable(&self) -> bool {
        let (from, to) = (DatabaseState::Writable as u8, DatabaseState::Unwritable as u8);
        self.0.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

pub(crate) const UNWRITABLE: &str =
    "the database cannot be written to: the catalog is served as it is, and nothing can be changed";
