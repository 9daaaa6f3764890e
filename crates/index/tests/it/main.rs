//! Tests through the public interface, a file for each feature.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like the tests themselves")]

mod cursors;
mod facets;
mod fields;
mod filters;
mod full_text;
mod lists;
mod locations;
mod naive;
mod orders;
mod pages;
mod predicates;
mod properties;
mod sharing;
mod strategies;
mod terms;
mod updates;

use callboard_index::{Change, Hit, Index, IndexedEntity};
use callboard_model::EntityRef;
use serde_json::{Value, json};

/// An index of these entities. Each needs a kind and a name; the uid is the name unless it says otherwise.
fn index_of(entities: &[Value]) -> Index {
    let mut index = Index::new();
    index.apply(entities.iter().map(upsert));
    index
}

fn upsert(entity: &Value) -> Change {
    Change::Upsert(indexed(entity))
}

fn indexed(entity: &Value) -> IndexedEntity {
    let metadata = &entity["metadata"];
    let name = metadata["name"].as_str().unwrap();
    let uid = metadata["uid"].as_str().unwrap_or(name);
    let namespace = metadata["namespace"].as_str().unwrap_or("default");
    let entity_ref = EntityRef::new(entity["kind"].as_str().unwrap(), namespace, name);
    IndexedEntity::new(entity_ref, uid, entity.to_string().into(), entity).unwrap()
}

/// An entity with a kind, a name, and more metadata or spec.
fn entity(kind: &str, name: &str, more: &Value) -> Value {
    let mut entity =
        json!({ "apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": { "name": name } });
    for (section, members) in more.as_object().into_iter().flatten() {
        match (entity.get_mut(section), members) {
            (Some(Value::Object(present)), Value::Object(members)) => present.extend(members.clone()),
            _ => entity[section] = members.clone(),
        }
    }
    entity
}

fn names(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.entity_ref.name()).collect()
}
