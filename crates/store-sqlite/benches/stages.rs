//! What each stage of the store costs, without an engine around it: `cargo bench -p callboard-store-sqlite`.
//!
//! Prints one table: entities per second of each stage, and bytes on disk per entity. `ENTITIES` sets how many
//! (20 000 if not given).

#![expect(clippy::print_stdout, reason = "it prints a table")]

use callboard_store::suite::stages::{measure, table};
use callboard_store_sqlite::SqliteStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::var("ENTITIES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("catalog.sqlite");
    let store = SqliteStore::open(&file).await?;
    let stages = measure(&store, count).await?;
    store.close().await;
    println!("{}", table(&stages, count, std::fs::metadata(&file)?.len()));
    Ok(())
}
