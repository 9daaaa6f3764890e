//! The least an entity must have so that it can be named.

use serde_json::{Map, Value};

use super::rule::{ObjectRule, Rule, Unlisted};
use super::violation::SchemaViolation;
use crate::EntityError;

const ENVELOPE: ObjectRule = ObjectRule {
    required: &["apiVersion", "kind", "metadata"],
    fields: &[
        ("apiVersion", Rule::NonEmptyText),
        ("kind", Rule::NonEmptyText),
        ("metadata", Rule::Object(METADATA)),
    ],
    unlisted: Unlisted::Allowed,
};

const METADATA: ObjectRule = ObjectRule {
    required: &["name"],
    fields: &[("name", Rule::NonEmptyText), ("namespace", Rule::NonEmptyText)],
    unlisted: Unlisted::Allowed,
};

/// A document is no entity at all: its envelope is incomplete or of the wrong types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct EnvelopeError(#[from] SchemaViolation);

impl EnvelopeError {
    /// What exactly is wrong.
    pub fn violation(&self) -> &SchemaViolation {
        &self.0
    }
}

impl From<EnvelopeError> for EntityError {
    fn from(error: EnvelopeError) -> Self {
        error.0.into()
    }
}

pub(crate) fn check(document: &Map<String, Value>) -> Result<(), EnvelopeError> {
    Ok(ENVELOPE.check(document)?)
}

pub(crate) fn not_an_object() -> EnvelopeError {
    SchemaViolation::wrong_type("object").into()
}

/// Checks a new value for one field of a document whose envelope is fine.
pub(crate) fn check_field(key: &str, value: &Value) -> Result<(), EnvelopeError> {
    Ok(check_listed_field(&ENVELOPE, key, value)?)
}

/// Checks a new value for one field of the `metadata` of a document whose envelope is fine.
pub(crate) fn check_metadata_field(key: &str, value: &Value) -> Result<(), EnvelopeError> {
    Ok(check_listed_field(&METADATA, key, value).map_err(|violation| violation.within("metadata"))?)
}

pub(crate) fn requires_field(key: &str) -> bool {
    ENVELOPE.required.contains(&key)
}

pub(crate) fn requires_metadata_field(key: &str) -> bool {
    METADATA.required.contains(&key)
}

fn check_listed_field(object: &ObjectRule, key: &str, value: &Value) -> Result<(), SchemaViolation> {
    match object.fields.iter().find(|(listed, _)| *listed == key) {
        Some((_, rule)) => rule.check(value).map_err(|violation| violation.within(key)),
        None => Ok(()),
    }
}
