//! How a final entity is put together. A pure function of what the store has of it.

use std::sync::Arc;

use bytes::Bytes;
use callboard_index::IndexedEntity;
use callboard_model::{Entity, EntityError, annotation, is_script_url, write_canonical_object};
use callboard_store::{StitchInput, StitchOutcome};
use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};

use crate::hexadecimal::hexadecimal;
use crate::processing::outcome::errors_json;

/// The type of the status items that tell of failed processing.
const PROCESSING_STATUS: &str = "backstage.io/catalog-processing";

/// What stitching one entity comes to.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) outcome: StitchOutcome,
    /// What the index is to know of it, if it is new or differs.
    pub(crate) indexed: Option<IndexedEntity>,
}

/// Puts one final entity together, or says why that cannot be.
pub(crate) fn assemble(input: &StitchInput) -> Assembled {
    // Nothing is to be seen of an entity that never went through processing.
    let Some(processed) = &input.processed else { return StitchOutcome::Unchanged.into() };
    match final_entity(input, processed) {
        Ok((_, hash)) if input.final_hash == Some(hash) => StitchOutcome::Unchanged.into(),
        Ok((entity, hash)) => changed(input, entity, hash),
        Err(error) => failed(error).into(),
    }
}

impl From<StitchOutcome> for Assembled {
    fn from(outcome: StitchOutcome) -> Self {
        Self { outcome, indexed: None }
    }
}

fn changed(input: &StitchInput, mut entity: Entity, hash: [u8; 20]) -> Assembled {
    if entity.etag().is_none() {
        entity.set_etag(&hexadecimal(&hash));
    }
    let entity = entity.into_value();
    let body: Arc<[u8]> = callboard_model::to_json_bytes(&entity).into();
    let same_bytes = Bytes::from_owner(Arc::clone(&body));
    match IndexedEntity::new(input.entity_ref.clone(), &input.uid.to_string(), same_bytes, &entity) {
        Ok(indexed) => Assembled { outcome: StitchOutcome::Changed { body, hash }, indexed: Some(indexed) },
        Err(error) => failed(EntityError::input(error.to_string())).into(),
    }
}

/// Whether a final entity is one that was put together with this hash.
pub(crate) fn is_hash_of(hash: &[u8; 20], entity: Value) -> bool {
    let Value::Object(mut entity) = entity else { return false };
    // An etag of its own was there before the hash.
    if content_hash(&entity) == *hash {
        return true;
    }
    let metadata = entity.get_mut("metadata").and_then(Value::as_object_mut);
    let etag = metadata.and_then(|metadata| metadata.shift_remove("etag"));
    etag.is_some_and(|etag| etag == hexadecimal(hash)) && content_hash(&entity) == *hash
}

fn content_hash(entity: &Map<String, Value>) -> [u8; 20] {
    let mut canonical = Vec::with_capacity(4096);
    write_canonical_object(entity, &mut canonical);
    Sha1::digest(&canonical).into()
}

/// The final entity but for its etag, and the hash of that.
fn final_entity(input: &StitchInput, processed: &[u8]) -> Result<(Entity, [u8; 20]), EntityError> {
    let value: Value = serde_json::from_slice(processed)
        .map_err(|error| EntityError::general(format!("the processed entity cannot be read: {error}")))?;
    let mut entity = Entity::from_value(value)?;
    if input.orphan {
        entity.set_annotation(annotation::ORPHAN, "true");
    }
    reject_script_urls(&mut entity);
    entity.set_field("relations", relations(input))?;
    if let Some(errors) = &input.errors {
        add_status(&mut entity, errors)?;
    }
    entity.set_uid(&input.uid.to_string());

    let hash = content_hash(entity.as_map());
    Ok((entity, hash))
}

/// The links that people follow must not run scripts.
fn reject_script_urls(entity: &mut Entity) {
    for key in [annotation::VIEW_URL, annotation::EDIT_URL] {
        if entity.annotation(key).is_some_and(is_script_url) {
            entity.set_annotation(key, annotation::REJECTED_URL);
        }
    }
}

fn relations(input: &StitchInput) -> Value {
    input
        .relations
        .iter()
        .map(|(relation_type, target)| json!({ "type": &**relation_type, "targetRef": target.as_str() }))
        .collect()
}

fn add_status(entity: &mut Entity, errors: &[u8]) -> Result<(), EntityError> {
    let errors: Vec<Value> = serde_json::from_slice(errors)
        .map_err(|error| EntityError::general(format!("the stored errors cannot be read: {error}")))?;
    if errors.is_empty() {
        return Ok(());
    }
    let mut status = match entity.as_map().get("status") {
        Some(Value::Object(status)) => status.clone(),
        _ => serde_json::Map::new(),
    };
    let items = status.entry("items").or_insert_with(|| json!([]));
    if let Some(items) = items.as_array_mut() {
        items.extend(errors.into_iter().map(|error| {
            let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
            let message = format!("{}: {}", text("name"), text("message"));
            json!({ "type": PROCESSING_STATUS, "level": "error", "message": message, "error": error })
        }));
    }
    entity.set_field("status", Value::Object(status))?;
    Ok(())
}

fn failed(error: EntityError) -> StitchOutcome {
    StitchOutcome::Failed { errors: errors_json(&[error]) }
}

#[cfg(test)]
mod tests;
