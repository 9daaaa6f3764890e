//! Entities, entity refs, kinds, validation and the relations of kinds.
//!
//! This crate is the vocabulary of the catalog: every other crate speaks in its types. It decides what a
//! well-formed entity is, what an entity is called, what its kind demands of it and which relations follow from
//! its spec. It must not know where entities come from or where they go: no files, no network, no database, no
//! clock, no async. Everything here is a pure function of its arguments.
//!
//! A newcomer starts with [`Entity`] (the document) and [`EntityRef`] (its identity), then reads
//! [`kinds::catalog`] to see that a kind is one table, and [`validation::policy`] for the checks every entity
//! passes whatever its kind.
//!
//! ```
//! use callboard_model::{Entity, KindRegistry, KindValidation, policy};
//! use serde_json::json;
//!
//! let mut entity = Entity::from_value(json!({
//!     "apiVersion": "backstage.io/v1alpha1",
//!     "kind": "Component",
//!     "metadata": { "name": "Cart" },
//!     "spec": { "type": "service", "lifecycle": "production", "owner": "team-a" },
//! }))?;
//! policy::check_schema(&entity)?;
//! policy::default_namespace(&mut entity);
//!
//! let kinds = KindRegistry::catalog();
//! assert_eq!(kinds.validate(&entity)?, KindValidation::Valid);
//! assert_eq!(entity.entity_ref().as_str(), "component:default/cart");
//! assert_eq!(kinds.relations(&entity)?[0].relation_type, "ownedBy");
//! # Ok::<(), callboard_model::EntityError>(())
//! ```

pub mod annotation;
pub mod canonical;
pub mod entity;
pub mod entity_ref;
pub mod error;
pub mod javascript;
pub mod kinds;
pub mod layers;
pub mod location_key;
pub mod location_ref;
pub mod relation;
pub mod validation;

pub use canonical::{
    canonical_json, content_hash, js_number, sha1_hex, to_json_bytes, write_canonical_json,
    write_canonical_object, write_js_number, write_json, write_json_object, write_json_string,
};
pub use entity::Entity;
pub use entity_ref::{CompoundEntityRef, DEFAULT_NAMESPACE, EntityRef, RefDefaults, RefError, parse_ref};
pub use error::EntityError;
pub use kinds::{KindDefinition, KindRegistry, KindValidation, RelationField, sort_relation_lists};
pub use location_key::LocationKey;
pub use location_ref::{
    LocationPresence, LocationRef, LocationRefError, LocationSpec, generated_location_name, is_script_url,
};
pub use relation::Relation;
pub use validation::{
    EnvelopeError, FieldFormatValidators, FormatValidator, ObjectRule, Rule, SchemaViolation, Unlisted,
    policy, validate_schema,
};
