//! The store on PostgreSQL, 13 and later: many processes on one database.
//!
//! All SQL of this database is here, as constants beside the code that runs it. A batch of any size costs a fixed
//! number of statements: rows travel as arrays, one a column, which SQL reads with `unnest`.
//!
//! **Who waits for whom.** Whoever writes claims holds the claim lock (`locks.rs`), shared if it only adds, changes
//! or releases claims on entities whose rows in `refs` it locks, in order of their ids; alone if it deletes
//! entities, since what may go depends on claims anywhere. Locks are taken in one order: claim lock, provider, refs,
//! refresh rounds, stitch marks, the counter of the change log. The exceptions are rare, and end in a deadlock that is noticed and
//! tried again (`retries.rs`).
//!
//! **The change log is numbered under a lock** (`change_log.rs`): places are taken last, from a counter whose row
//! stays locked until they are visible. So a reader that has seen a place has seen all before it. The horizon of
//! running transactions (`pg_snapshot_xmin`), which needs no lock, was not taken: any long transaction in the
//! cluster, a backup's for one, would hide all changes for as long as it lasts.
//!
//! **No state in a session.** Every statement is in a transaction, settings and locks are of the transaction, so
//! that a proxy may give each transaction another connection. Only the connection that listens (`wakeups.rs`) is
//! kept, and without it everything goes on by polling.
//!
//! A newcomer starts at the comments in `migrations/`, which explain each table, and then at `claims.rs`, where
//! claims become entities. What counts as winning is decided in `callboard_store::claim_rows`, not here.
//!
//! This crate must not know what is in a document, nor how a final entity is assembled.

mod buckets;
mod change_log;
mod claims;
mod connection;
mod deletion;
mod due_entities;
mod error;
mod event_queue;
mod hashing;
mod incremental;
mod ingestion;
mod inspection;
mod interning;
mod invariants;
mod locations;
mod locks;
mod marks;
mod membership;
mod migration;
mod outputs;
mod processing;
mod published_keys;
mod refresh_rounds;
mod refusals;
mod repair;
mod retries;
mod stitching;
mod tasks;
mod transfer;
mod wakeups;
mod work_queue;
mod writing;

pub use connection::{Participation, PostgresOptions, PostgresStore};
pub use retries::RetryCounts;
pub use sqlx::postgres::{PgConnectOptions, PgSslMode};
