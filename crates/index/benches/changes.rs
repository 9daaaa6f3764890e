//! How long the index takes to take in entities that are new, and the same entities again when something about them changed:
//! `cargo bench -p callboard-index --bench changes`. `ENTITIES=10000,50000` says how many.

#![expect(clippy::print_stdout, reason = "its output is for people")]

use std::time::Instant;

use bytes::Bytes;
use callboard_index::{Change, Index, IndexedEntity, share};
use callboard_synthetic::{SyntheticCatalog, shuffled, uid};
use serde_json::json;

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many come from the store at a time.
const BLOCK: usize = 500;

fn main() {
    let sizes = std::env::var("ENTITIES").unwrap_or_else(|_| "10000,50000".to_owned());
    println!("{:>10} {:>16} {:>16}", "entities", "new, µs each", "changed, µs each");
    for size in sizes.split(',').filter_map(|size| size.trim().parse().ok()) {
        let catalog = SyntheticCatalog { size };
        let (mut writer, _reader) = share(Index::new());
        let mut take_in = |description: &str| {
            // In no particular order, as they are stitched.
            let changes: Vec<Change> = (0..size)
                .map(|number| shuffled(number, size))
                .filter_map(|number| {
                    let mut entity = catalog.entity(number);
                    entity["metadata"]["description"] = json!(format!("{description} {number}"));
                    let body = Bytes::from(entity.to_string());
                    IndexedEntity::read(catalog.entity_ref(number), &uid(number), body).ok()
                })
                .map(Change::Upsert)
                .collect();
            let mut changes = changes.into_iter();
            let before = Instant::now();
            while changes.len() > 0 {
                writer.apply(changes.by_ref().take(BLOCK), 1);
            }
            before.elapsed().as_secs_f64() * 1e6
        };
        let each = |micros: f64| micros / f64::from(u32::try_from(size).unwrap_or(u32::MAX));
        let (new, changed) = (each(take_in("New")), each(take_in("Changed")));
        println!("{size:>10} {new:>16.1} {changed:>16.1}");
    }
}
