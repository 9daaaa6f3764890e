//! The store on a real server, which is started for these tests.

#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover their helper functions"
)]

mod nodes;
mod rounds;
mod suite;
mod tail;

use callboard_store_postgres::{PostgresOptions, PostgresStore};
use callboard_testkit::postgres_database;

/// A store on a fresh database.
async fn store() -> PostgresStore {
    open(&postgres_database().await).await
}

/// A store on a database: one node of several, perhaps.
async fn open(url: &str) -> PostgresStore {
    let options = PostgresOptions::new(url.parse().unwrap());
    PostgresStore::open(options).await.unwrap()
}
