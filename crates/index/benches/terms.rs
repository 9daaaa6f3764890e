//! How long it takes to work out what an entity can be found by, and to look whether the index finds it by that:
//! `cargo bench -p callboard-index --bench terms`.

#![expect(clippy::unwrap_used, reason = "made-up entities are sound")]

use bytes::Bytes;
use callboard_index::{Change, Index, IndexedEntity, Terms};
use callboard_synthetic::{Rates, SyntheticCatalog, uid};
use serde_json::Value;

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENTITIES: usize = 2000;

struct Sample {
    value: Value,
    body: Bytes,
    number: usize,
}

fn main() {
    let catalog = SyntheticCatalog { size: ENTITIES };
    let samples: Vec<Sample> = (0..ENTITIES)
        .map(|number| {
            let value = catalog.entity(number);
            Sample { body: value.to_string().into(), value, number }
        })
        .collect();
    let indexed = |sample: &Sample, value: &Value| {
        let name = catalog.entity_ref(sample.number);
        IndexedEntity::new(name, &uid(sample.number), sample.body.clone(), value).unwrap()
    };
    let mut index = Index::new();
    index.apply(samples.iter().map(|sample| Change::Upsert(indexed(sample, &sample.value))));

    let rates = Rates::begin("Terms");
    let length = |sample: &Sample| sample.body.len();
    rates.measure("terms of an entity", &samples, length, |sample| Terms::of(&sample.value).unwrap());
    rates.measure("the same from JSON, ready to be indexed", &samples, length, |sample| {
        indexed(sample, &serde_json::from_slice(&sample.body).unwrap())
    });
    let entities: Vec<IndexedEntity> = samples.iter().map(|sample| indexed(sample, &sample.value)).collect();
    rates.measure(
        "whether the index finds it by its terms",
        &entities,
        |entity| entity.body.len(),
        |entity| {
            let faults = index.faults_of(entity);
            assert!(faults.is_empty(), "{faults:?}");
        },
    );
}
