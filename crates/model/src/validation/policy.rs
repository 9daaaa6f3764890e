//! The checks and small corrections that every entity goes through before its kind is looked at.
//!
//! The catalog runs them in the order they stand here. They are plain functions; what strings them together, and
//! lets others join in, is not the business of this crate.

use super::field_format::FieldFormatValidators;
use super::schema::validate_schema;
use crate::{DEFAULT_NAMESPACE, Entity, EntityError, EntityRef, RefDefaults, parse_ref};

/// The shape of the entity must be right.
///
/// # Errors
///
/// `Error` with the first violation.
pub fn check_schema(entity: &Entity) -> Result<(), EntityError> {
    validate_schema(entity).map_err(|violation| {
        let (pointer, message) = (violation.pointer(), violation.message());
        EntityError::general(format!("Malformed envelope, {pointer} {message}"))
    })
}

/// An entity without a namespace gets the default one.
///
/// The order of keys shows it: `metadata` then comes first in the document, and `namespace` first in it.
pub fn default_namespace(entity: &mut Entity) {
    if entity.namespace().is_none() {
        entity.put_namespace_first(DEFAULT_NAMESPACE);
    }
}

/// Authors may only write the four fields of an entity, not those that the catalog adds.
///
/// # Errors
///
/// `Error` with the first other field.
pub fn no_foreign_root_fields(entity: &Entity) -> Result<(), EntityError> {
    const KNOWN_FIELDS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

    match entity.as_map().keys().find(|field| !KNOWN_FIELDS.contains(&field.as_str())) {
        Some(field) => Err(EntityError::general(format!("Unknown field {field}"))),
        None => Ok(()),
    }
}

/// Names, labels, tags and the like must have the right format.
///
/// # Errors
///
/// `Error` with the first field that is not valid.
pub fn check_field_format(entity: &Entity, validators: &FieldFormatValidators) -> Result<(), EntityError> {
    validators.check(entity)
}

/// Groups without a parent get a given one. Not part of the default chain.
#[derive(Clone, Debug)]
pub struct GroupDefaultParent {
    parent: EntityRef,
}

impl GroupDefaultParent {
    /// Prepares the policy. The parent's kind may be left out.
    ///
    /// # Errors
    ///
    /// `TypeError` or `Error` when the ref is malformed or of another kind than Group.
    pub fn new(parent: &str) -> Result<Self, EntityError> {
        let parent = parse_ref(parent, &RefDefaults { kind: Some("Group"), namespace: None })?;
        if !parent.kind.eq_ignore_ascii_case("group") {
            return Err(EntityError::type_error("group parent must be a group"));
        }
        Ok(Self { parent: parent.to_entity_ref() })
    }

    /// Sets the parent, unless the entity has one, is no Group or is the parent itself.
    pub fn apply(&self, entity: &mut Entity) {
        if entity.kind() != "Group" || entity.entity_ref() == self.parent {
            return;
        }
        let Some(spec) = entity.spec_mut() else { return };
        let has_parent = spec.get("parent").is_some_and(|parent| !parent.is_null() && parent != "");
        if !has_parent {
            spec.insert("parent".to_owned(), self.parent.as_str().into());
        }
    }
}
