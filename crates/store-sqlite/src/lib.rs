//! The store on SQLite: one file (or memory), one process.
//!
//! All SQL of this database is here, as constants beside the code that runs it. A batch of any size costs a
//! fixed number of statements: rows travel as one JSON parameter of numbers, and blobs in one arena beside it
//! (`row_set.rs`). There is one writer at a time, which is SQLite's own rule; transactions begin with
//! `BEGIN IMMEDIATE`, so that none fails half way for want of the lock.
//!
//! A newcomer starts at the comments in `migrations/`, which explain each table, and then at `claims.rs`, where
//! claims become entities. What counts as winning is decided in `callboard_store::winning_claim`, not here.
//!
//! This crate must not know what is in a document, nor how a final entity is assembled.

mod buckets;
mod change_log;
mod claims;
mod connection;
mod deletion;
mod event_queue;
mod incremental;
mod ingestion;
mod inspection;
mod interning;
mod invariants;
mod locations;
mod marks;
mod outputs;
mod processing;
mod published_keys;
mod refusals;
mod repair;
mod row_set;
mod stitching;
mod tasks;
mod transfer;

pub use connection::SqliteStore;

use callboard_store::StoreError;

/// Which kind of error a failure of the database is.
fn database_error(error: sqlx::Error) -> StoreError {
    let transient = match &error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_) => true,
        // SQLITE_BUSY and SQLITE_LOCKED, with their extended codes.
        sqlx::Error::Database(failure) => {
            let code = failure.code().and_then(|code| code.parse::<i64>().ok()).unwrap_or_default();
            matches!(code & 0xff, 5 | 6)
        }
        _ => false,
    };
    if transient { StoreError::Unavailable(error.into()) } else { StoreError::Refused(error.into()) }
}
