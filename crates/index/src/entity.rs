//! What goes into the index and what comes out of it.

use bytes::Bytes;
use callboard_model::EntityRef;
use serde_json::Value;
use thiserror::Error;

use crate::term::{DuplicateKeys, Terms};

/// A final entity ready to be indexed. Made before any lock is taken, since deriving terms is the larger part of the
/// work.
#[derive(Debug, Clone)]
pub struct IndexedEntity {
    /// Which entity it is; replaces the one with this ref.
    pub entity_ref: EntityRef,
    /// The uid, as lookups and ties in an order use it.
    pub uid: Box<str>,
    /// The JSON text to send. The index keeps a copy, which is as large as the text and nothing more.
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
        Ok(Self { entity_ref, uid: uid.into(), body, terms: Terms::of(entity)? })
    }

    /// Derives the terms of an entity from its JSON text, as the catalog wrote it.
    ///
    /// # Errors
    ///
    /// [`BodyError`]: it cannot be indexed.
    pub fn read(entity_ref: EntityRef, uid: &str, body: Bytes) -> Result<Self, BodyError> {
        let terms = Terms::read(&body)?;
        Ok(Self { entity_ref, uid: uid.into(), body, terms })
    }
}

/// Why the body of an entity cannot be indexed.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is not JSON.
    #[error("it is not JSON")]
    Json(#[from] serde_json::Error),
    /// It has keys that are equal when lower-cased.
    #[error(transparent)]
    DuplicateKeys(#[from] DuplicateKeys),
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
    /// Its JSON text, ready to send.
    pub body: Bytes,
}
