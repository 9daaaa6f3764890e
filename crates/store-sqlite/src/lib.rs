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
    match &error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_) => StoreError::Unavailable(error.into()),
        sqlx::Error::Database(failure) => {
            let code = failure.code().and_then(|code| code.parse::<i64>().ok()).unwrap_or_default();
            match (code & 0xff, code >> 8) {
                // SQLITE_BUSY and SQLITE_LOCKED, with their extended codes.
                (5 | 6, _) => StoreError::Unavailable(error.into()),
                // SQLITE_READONLY and SQLITE_FULL; of SQLITE_IOERR: WRITE, FSYNC, DIR_FSYNC, TRUNCATE, SHMOPEN,
                // SHMSIZE and SHMMAP. A quota, or a limit of the size of files, fails a write rather than fill the disk.
                (8 | 13, _) | (10, 3 | 4 | 5 | 6 | 18 | 19 | 21) => StoreError::Unwritable(error.into()),
                _ => StoreError::Refused(error.into()),
            }
        }
        _ => StoreError::Refused(error.into()),
    }
}
