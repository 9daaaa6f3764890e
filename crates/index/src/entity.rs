//! What goes into the index and what comes out of it.

use std::sync::Arc;

use bytes::Bytes;
use callboard_model::EntityRef;
use serde_json::Value;

use crate::term::{DuplicateKeys, Terms};

/// A final entity ready to be indexed. Made before any lock is taken, since deriving terms is the larger part of the
/// work.
#[derive(Debug, Clone)]
pub struct IndexedEntity {
    /// Which entity it is; replaces the one with this ref.
    pub entity_ref: EntityRef,
    /// The uid, as lookups and ties in an order use it.
    pub uid: Arc<str>,
    /// `metadata.etag`; empty if the entity has none.
    pub etag: Box<str>,
    /// The JSON text to send. The index keeps it as it is, so its buffer should be no larger than the text.
    pub body: Bytes,
    /// What it can be found by.
    pub terms: Terms,
}

impl IndexedEntity {
    /// Derives the terms of an entity, whose JSON text is `body`.
    ///
    /// # Errors
    ///
    /// [`DuplicateKeys`] if the entity has keys that differ only in letter case.
    pub fn new(entity_ref: EntityRef, uid: &str, body: Bytes, entity: &Value) -> Result<Self, DuplicateKeys> {
        let etag = entity["metadata"]["etag"].as_str().unwrap_or_default();
        Ok(Self { entity_ref, uid: uid.into(), etag: etag.into(), body, terms: Terms::of(entity)? })
    }
}

/// One step of the change log.
#[derive(Debug, Clone)]
pub enum Change {
    /// The entity is new or differs.
    Upsert(IndexedEntity),
    /// The entity is gone.
    Remove(EntityRef),
}

/// An entity found by a query. Cloning copies pointers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Which entity it is.
    pub entity_ref: EntityRef,
    /// Its uid.
    pub uid: Arc<str>,
    /// Its JSON text, ready to send.
    pub body: Bytes,
}
