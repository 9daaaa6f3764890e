//! Reads a large source, made up row by row, into a database file: a pass in which all is new, one in which nothing
//! changed, and one in which half is gone. It prints how much memory the process has on the way. Processing is off, so
//! that the index stays empty: what is measured is the way from the source to the bucket.
//!
//! ```sh
//! cargo run --profile bench -p callboard-engine --example large_source -- 1000000
//! ```

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use callboard_engine::{Catalog, EngineBuilder, EngineSettings, IncrementalState};
use callboard_model::Entity;
use callboard_sdk::{
    Burst, DeferredEntity, IncrementalEntityProvider, IncrementalOptions, Page, ProviderError, Registry,
    async_trait,
};
use callboard_store::{IngestionStatus, ProviderName, Uid};
use callboard_store_sqlite::SqliteStore;
use serde_json::json;

// That of the server: others keep more of what was given back, which would be measured along.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS_A_PAGE: usize = 1000;
/// The memory is looked at so many times in a pass.
const LOOKS: usize = 10;

struct MadeUp {
    /// How many there are at present.
    rows: Arc<AtomicUsize>,
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
        let rows = self.rows.load(Ordering::Relaxed);
        let between_looks = (rows / ROWS_A_PAGE / LOOKS).max(1);
        if from > 0 && (from / ROWS_A_PAGE).is_multiple_of(between_looks) {
            println!("{from:>9} rows: {} MB", memory("VmRSS:")?);
        }
        let to = rows.min(from + ROWS_A_PAGE);
        let entities = (from..to).map(entity).collect::<Result<Vec<_>, ProviderError>>()?;
        Ok(if to == rows { Page::Last { entities } } else { Page::More { entities, cursor: to } })
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
    let most = std::env::args().nth(1).map_or(Ok(1_000_000), |rows| rows.parse())?;
    let folder = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(&folder.path().join("catalog.sqlite")).await?);
    let settings = EngineSettings {
        processing_interval: None,
        task_poll_interval: Duration::from_millis(100),
        ..EngineSettings::default()
    };
    let mut registry = Registry::default();
    let options =
        IncrementalOptions { burst_length: Duration::from_hours(1), ..IncrementalOptions::default() };
    let rows = Arc::new(AtomicUsize::new(most));
    registry.add_incremental_provider(MadeUp { rows: Arc::clone(&rows) }, options);
    println!("before the start: {} MB", memory("VmRSS:")?);
    let engine = EngineBuilder::new(store).settings(settings).registry(registry).build()?.start().await?;
    let catalog = engine.catalog();
    let mut last = pass(&catalog, "all are new", None).await?;
    last = again(&catalog, "nothing changed", last).await?;
    rows.store(most / 2, Ordering::Relaxed);
    again(&catalog, "half of them are gone, and are swept", last).await?;
    engine.shutdown().await;
    Ok(())
}

/// Starts another pass, and waits for its end.
async fn again(catalog: &Catalog, what: &str, last: Uid) -> Result<Uid, Box<dyn Error>> {
    catalog.incremental().start(&ProviderName::new("made-up")).await?;
    pass(catalog, what, Some(last)).await
}

/// Waits until a pass has ended that is not the last one.
async fn pass(catalog: &Catalog, what: &str, last: Option<Uid>) -> Result<Uid, Box<dyn Error>> {
    println!("{what}");
    let begun = Instant::now();
    let provider = ProviderName::new("made-up");
    loop {
        if let IncrementalState::Open(pass) = catalog.incremental().state(&provider).await?
            && pass.status == IngestionStatus::Resting
            && Some(pass.id) != last
        {
            let (now, most) = (memory("VmRSS:")?, memory("VmHWM:")?);
            println!("     done: {now} MB, {most} MB at most, {:.0} s", begun.elapsed().as_secs_f64());
            return Ok(pass.id);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A number of this process as Linux counts it, in MB.
fn memory(name: &str) -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.unwrap_or_default() / 1024)
}
