//! Reads a large source, made up row by row, into a database file, and prints how long it took and how much memory
//! the process ever had. Processing is off: what is measured is the way from the source to the bucket.
//!
//! ```sh
//! cargo run --profile bench -p callboard-engine --example large_source -- 1000000
//! ```

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard_engine::{EngineBuilder, EngineSettings, IncrementalState};
use callboard_model::Entity;
use callboard_sdk::{
    Burst, DeferredEntity, IncrementalEntityProvider, IncrementalOptions, Page, ProviderError, Registry,
    async_trait,
};
use callboard_store::{IngestionStatus, ProviderName};
use callboard_store_sqlite::SqliteStore;
use serde_json::json;

const ROWS_A_PAGE: usize = 1000;

struct MadeUp {
    rows: usize,
}

#[async_trait]
impl IncrementalEntityProvider for MadeUp {
    type Cursor = usize;
    type Context = ();

    fn name(&self) -> &'static str {
        "made-up"
    }

    async fn around(&self, burst: Burst<'_, Self>) -> Result<(), ProviderError> {
        burst.run(&()).await
    }

    async fn next(&self, (): &(), cursor: Option<usize>) -> Result<Page<usize>, ProviderError> {
        let from = cursor.unwrap_or_default();
        let to = self.rows.min(from + ROWS_A_PAGE);
        let entities = (from..to).map(entity).collect::<Result<Vec<_>, ProviderError>>()?;
        Ok(if to == self.rows { Page::Last { entities } } else { Page::More { entities, cursor: to } })
    }
}

fn entity(row: usize) -> Result<DeferredEntity, ProviderError> {
    let entity = Entity::from_value(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": format!("row-{row}"),
            "description": format!("What row {row} of the source has to say of itself"),
            "annotations": {
                "backstage.io/managed-by-location": "made-up:rows",
                "backstage.io/managed-by-origin-location": "made-up:rows",
            },
        },
        "spec": { "type": "service", "lifecycle": "production", "owner": format!("team-{}", row % 500) },
    }))?;
    Ok(DeferredEntity { entity, location_key: None })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let rows = std::env::args().nth(1).map_or(Ok(1_000_000), |rows| rows.parse())?;
    let folder = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(&folder.path().join("catalog.sqlite")).await?);
    let settings = EngineSettings { processing_interval: None, ..EngineSettings::default() };
    let mut registry = Registry::default();
    let options =
        IncrementalOptions { burst_length: Duration::from_hours(1), ..IncrementalOptions::default() };
    registry.add_incremental_provider(MadeUp { rows }, options);
    let begun = Instant::now();
    let engine = EngineBuilder::new(store).settings(settings).registry(registry).build()?.start().await?;
    let provider = ProviderName::new("made-up");
    loop {
        if let IncrementalState::Open(pass) = engine.catalog().incremental().state(&provider).await?
            && pass.status == IngestionStatus::Resting
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{rows} rows in {seconds:.1} s; the most memory: {}", most_memory()?);
    engine.shutdown().await;
    Ok(())
}

/// As Linux counts it.
fn most_memory() -> std::io::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.unwrap_or("unknown here").trim().to_owned())
}
