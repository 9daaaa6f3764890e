//! How long checking, writing and hashing an entity takes: `cargo bench -p callboard-model`.

#![expect(clippy::unwrap_used, reason = "made-up entities are sound")]

use callboard_model::{
    Entity, FieldFormatValidators, KindRegistry, canonical_json, content_hash, policy, to_json_bytes,
};
use callboard_synthetic::{Descriptors, Rates};
use serde_json::Value;

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ENTITIES: usize = 1000;

fn main() {
    let catalog = Descriptors { size: ENTITIES, revision: 0 };
    let values: Vec<Value> = (0..ENTITIES).map(|n| catalog.descriptor(n)).collect();
    let texts: Vec<Vec<u8>> = values.iter().map(to_json_bytes).collect();
    let entities: Vec<Entity> =
        values.iter().map(|value| Entity::from_value(value.clone()).unwrap()).collect();

    let rates = Rates::begin("Entities");
    let length = |value: &Value| to_json_bytes(value).len();
    rates.measure("JSON, read by serde_json", &texts, Vec::len, |text| {
        serde_json::from_slice::<Value>(text).unwrap()
    });
    rates.measure("JSON, written", &values, length, to_json_bytes);
    rates.measure("canonical JSON", &values, length, canonical_json);
    rates.measure("hash of the content", &values, length, content_hash);

    let length = |entity: &Entity| entity.to_json_bytes().len();
    let formats = FieldFormatValidators::default();
    let kinds = KindRegistry::catalog();
    rates.measure("check of the envelope", &entities, length, |entity| policy::check_schema(entity).unwrap());
    rates.measure("check of names, labels and the like", &entities, length, |entity| {
        policy::check_field_format(entity, &formats).unwrap();
    });
    rates.measure("check of what the kind demands", &entities, length, |entity| {
        kinds.validate(entity).unwrap()
    });
}
