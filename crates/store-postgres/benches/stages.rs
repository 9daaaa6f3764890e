//! What each stage of the store costs, without an engine around it: `cargo bench -p callboard-store-postgres`.
//!
//! Prints one table: entities per second of each stage, and bytes on disk per entity. `ENTITIES` sets how many
//! (20 000 if not given). A server without `fsync` is started for it, unless `CALLBOARD_TEST_POSTGRES` names one.

#![expect(clippy::print_stdout, reason = "it prints a table")]

use callboard_store::suite::stages::{measure, table};
use callboard_store_postgres::{PostgresOptions, PostgresStore};
use callboard_testkit::{measure_database, postgres_database};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::var("ENTITIES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let url = postgres_database().await;
    let store = PostgresStore::open(PostgresOptions::new(url.parse()?)).await?;
    let stages = measure(&store, count).await?;
    store.close().await;
    let (bytes, _) = measure_database(&url).await;
    println!("{}", table(&stages, count, bytes));
    Ok(())
}
