//! How long one processing run takes, and the whole way of an entity from a claim to an answer: `cargo bench -p
//! callboard-engine`.
//!
//! A run is that of an entity that was never seen, without reading anything: processors, policies, relations. The whole
//! way is with a database in memory, everything on all cores. `ENTITIES` sets how many go that way (10 000 if not given).

#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    reason = "a table for people; a benchmark that cannot go on has failed"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard_engine::{EngineBuilder, EngineSettings};
use callboard_model::Entity;
use callboard_sdk::{
    DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError, Registry, async_trait,
};
use callboard_store::Store;
use callboard_store_sqlite::SqliteStore;
use callboard_synthetic::{Descriptors, Rates};
use serde_json::Value;

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LOCATION: &str = "url:https://host.example/catalog-info.yaml";
const RUNS: usize = 1000;
const PATIENCE: Duration = Duration::from_mins(10);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runs(&runtime);
    let count = std::env::var("ENTITIES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    runtime.block_on(whole_way(count));
}

fn runs(runtime: &tokio::runtime::Runtime) {
    let store: Arc<dyn Store> = Arc::new(runtime.block_on(SqliteStore::open_in_memory()).unwrap());
    let catalog = EngineBuilder::new(store).build().unwrap().catalog();
    let descriptors = Descriptors { size: RUNS, revision: 0 };
    let all: Vec<Value> = (0..RUNS).map(|n| descriptors.descriptor(n)).collect();
    let rates = Rates::begin("Processing runs");
    let measure = |name: &str, entities: &[Value]| {
        rates.measure(
            name,
            entities,
            |entity| entity.to_string().len(),
            |entity| runtime.block_on(catalog.validate_entity(entity.clone(), LOCATION)).unwrap(),
        );
    };
    measure("all kinds, as in a catalog", &all);
    for kind in ["Component", "API", "Group", "User", "System", "Domain", "Resource"] {
        let some: Vec<Value> = all.iter().filter(|entity| entity["kind"] == kind).cloned().collect();
        measure(kind, &some);
    }
}

/// Says everything at once.
struct Source(Vec<Value>);

#[async_trait]
impl EntityProvider for Source {
    fn name(&self) -> &'static str {
        "source"
    }

    async fn connect(&self, connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        let entities = self.0.iter().map(|value| {
            let mut entity = Entity::from_value(value.clone()).unwrap();
            for annotation in ["backstage.io/managed-by-location", "backstage.io/managed-by-origin-location"]
            {
                entity.set_annotation(annotation, LOCATION);
            }
            DeferredEntity { entity, location_key: None }
        });
        connection.apply_mutation(EntityMutation::Full(entities.collect())).await?;
        Ok(())
    }
}

async fn whole_way(count: usize) {
    let descriptors = Descriptors { size: count, revision: 0 };
    let source = Source((0..count).map(|n| descriptors.descriptor(n)).collect());
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open_in_memory().await.unwrap());
    let registry = Registry { providers: vec![Arc::new(source)], ..Registry::default() };
    let engine =
        EngineBuilder::new(Arc::clone(&store)).settings(EngineSettings::default()).registry(registry);
    let start = Instant::now();
    let running = engine.build().unwrap().start().await.unwrap();
    let catalog = running.catalog();
    while start.elapsed() < PATIENCE {
        let depth = store.queue_depth().await.unwrap();
        if catalog.index().read().len() == count && depth.stitch_marks == 0 && depth.urgent == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let elapsed = start.elapsed();
    assert_eq!(catalog.index().read().len(), count, "not everything is there");
    println!("\n## From claim to answer\n");
    println!("{:<44} {:>12} {:>12}", "entities", "seconds", "entities/s");
    println!("{count:<44} {:>12.2} {:>12.0}", elapsed.as_secs_f64(), count as f64 / elapsed.as_secs_f64());
    running.shutdown().await;
}
