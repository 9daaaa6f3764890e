//! What a run comes to for the store, and whether that is news.

use std::collections::HashMap;
use std::sync::Arc;

use callboard_model::{
    Entity, EntityError, LocationKey, annotation, write_canonical_json, write_canonical_object, write_json,
};
use callboard_store::{
    Document, DocumentHash, DueEntity, NewClaim, ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate,
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::breathe;
use super::emissions::{Child, Emissions};
use super::pipeline::{Completed, Pipeline};
use super::run_cache::{CacheChange, RunCache, after_failure};
use crate::measurements;

/// A finished run.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) commit: ProcessingCommit,
    /// The errors of the run, empty if it went well.
    pub(crate) errors: Vec<EntityError>,
    /// Where the entity says that it was read from, if the run failed.
    pub(crate) location: Option<String>,
    /// Whether there is anything to write.
    pub(crate) needs_commit: bool,
}

impl Finished {
    /// Whether the run went well, and came to what is stored already.
    pub(crate) fn is_unchanged_success(&self) -> bool {
        self.errors.is_empty()
            && matches!(self.commit.outcome, ProcessingOutcome::Unchanged)
            && matches!(self.commit.cache, ProcessorCacheUpdate::Keep)
    }
}

/// Processes one entity that is due.
pub(crate) async fn process(pipeline: &Pipeline, due: DueEntity, next_due: Timestamp) -> Finished {
    let mut cache = RunCache::load(due.cache.clone()).await;
    let mut location = None;
    let result = match entity_of(&due.document) {
        Ok(entity) => {
            location = entity.annotation(annotation::MANAGED_BY_LOCATION).map(str::to_owned);
            let started = Instant::now();
            let completed = pipeline.run(entity, &mut cache).await;
            measurements::processors_ran(completed.is_ok(), started);
            completed
        }
        Err(error) => Err(vec![error]),
    };
    let (outcome, cache, errors) = match result {
        Ok(completed) => (succeeded(completed, due.result_hash).await, cache.after_success(), Vec::new()),
        Err(errors) => (failed(&errors, due.result_hash), after_failure(due.cache.as_deref()), errors),
    };
    let location = location.filter(|_| !errors.is_empty());
    let cache = match cache {
        CacheChange::Keep => ProcessorCacheUpdate::Keep,
        CacheChange::Clear => ProcessorCacheUpdate::Clear,
        CacheChange::Replace(bytes) => ProcessorCacheUpdate::Replace(bytes.into()),
    };
    // A routine refresh that came to nothing new is finished: taking it up has moved its due time already.
    let unchanged = matches!(outcome, ProcessingOutcome::Unchanged);
    let needs_commit = due.urgent || !unchanged || !matches!(cache, ProcessorCacheUpdate::Keep);
    let commit = ProcessingCommit {
        entity_ref: due.entity_ref,
        uid: due.uid,
        document_hash: due.document.hash,
        outcome,
        cache,
        next_due,
    };
    Finished { commit, errors, location, needs_commit }
}

/// A document as the store keeps it.
pub(crate) fn document(entity: &Entity) -> Document {
    Document { json: entity.to_json_bytes().into(), hash: document_hash(entity) }
}

pub(super) fn document_hash(entity: &Entity) -> DocumentHash {
    let mut canonical = Vec::with_capacity(2048);
    write_canonical_object(entity.as_map(), &mut canonical);
    hash(&canonical)
}

/// A claim as the store takes it.
pub(crate) fn claim(entity: &Entity, key: Option<LocationKey>) -> NewClaim {
    NewClaim { entity_ref: entity.entity_ref(), location_key: key, document: document(entity) }
}

/// A list of errors as the store keeps it.
pub(crate) fn errors_json(errors: &[EntityError]) -> Arc<[u8]> {
    let mut json = Vec::with_capacity(256);
    write_json(&errors_value(errors), &mut json);
    json.into()
}

fn errors_value(errors: &[EntityError]) -> Value {
    errors.iter().map(|error| serde_json::to_value(error).unwrap_or_default()).collect()
}

fn entity_of(document: &Document) -> Result<Entity, EntityError> {
    let value: Value = serde_json::from_slice(&document.json)
        .map_err(|error| EntityError::general(format!("the stored document cannot be read: {error}")))?;
    Entity::from_value(value).map_err(|error| {
        EntityError::input("Entity envelope failed validation before processing").caused_by(error.into())
    })
}

fn failed(errors: &[EntityError], before: Option<DocumentHash>) -> ProcessingOutcome {
    let mut canonical = Vec::with_capacity(512);
    write_canonical_json(&errors_value(errors), &mut canonical);
    let result_hash = hash(&canonical);
    if before == Some(result_hash) {
        return ProcessingOutcome::Unchanged;
    }
    ProcessingOutcome::Failed { errors: errors_json(errors), result_hash }
}

/// Hashes first, and writes JSON only if that is news.
async fn succeeded(completed: Completed, before: Option<DocumentHash>) -> ProcessingOutcome {
    let Completed { entity, emissions } = completed;
    let Emissions { children, relations, refresh_keys, .. } = emissions;
    let children = last_of_each_claim(children);
    let processed_hash = document_hash(&entity);

    let mut hasher = blake3::Hasher::new();
    hasher.update(processed_hash.as_bytes());
    let mut digests = Vec::with_capacity(children.len());
    for (index, child) in children.iter().enumerate() {
        let child_hash = document_hash(&child.entity);
        part(&mut hasher, b"child", &[child.entity_ref.as_str()]);
        part(&mut hasher, b"key", child.key.as_ref().map(LocationKey::as_str).as_slice());
        hasher.update(child_hash.as_bytes());
        digests.push(child_hash);
        breathe(index).await;
    }
    for relation in &relations {
        let texts = [relation.source.as_str(), &relation.relation_type, relation.target.as_str()];
        part(&mut hasher, b"relation", &texts);
    }
    for key in &refresh_keys {
        part(&mut hasher, b"refresh", &[key]);
    }
    let result_hash = shortened(hasher.finalize());
    if before == Some(result_hash) {
        return ProcessingOutcome::Unchanged;
    }

    let mut claims = Vec::with_capacity(children.len());
    for (index, (child, hash)) in children.into_iter().zip(digests).enumerate() {
        let document = Document { json: child.entity.to_json_bytes().into(), hash };
        claims.push(NewClaim { entity_ref: child.entity_ref, location_key: child.key, document });
        breathe(index).await;
    }
    let processed = entity.to_json_bytes().into();
    ProcessingOutcome::Succeeded { processed, relations, children: claims, refresh_keys, result_hash }
}

/// The children in order of their refs. Of several with one ref and one key, the one emitted last; those with
/// different keys are rivals, which the store tells apart and reports.
fn last_of_each_claim(children: Vec<Child>) -> Vec<Child> {
    let mut places = HashMap::with_capacity(children.len());
    let mut kept: Vec<Child> = Vec::with_capacity(children.len());
    for child in children {
        let place = *places.entry((child.entity_ref.clone(), child.key.clone())).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(earlier) => *earlier = child,
            None => kept.push(child),
        }
    }
    // Stable, so that of rivals the one emitted first comes first.
    kept.sort_by(|left, right| left.entity_ref.cmp(&right.entity_ref));
    kept
}

/// Texts with their lengths in front, so that no two lists of them look the same.
fn part(hasher: &mut blake3::Hasher, name: &[u8], texts: &[&str]) {
    hasher.update(name);
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
}

fn hash(bytes: &[u8]) -> DocumentHash {
    shortened(blake3::hash(bytes))
}

fn shortened(hash: blake3::Hash) -> DocumentHash {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    DocumentHash::new(bytes)
}

#[cfg(test)]
mod tests;
