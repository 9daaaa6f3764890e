//! What makes an entity well-formed, whatever its kind.
//!
//! Read [`rule`] first: all checks of shape, those of kinds included, are tables of rules. The order in which
//! rules are checked decides which error an author sees first, so it is part of the behaviour.

pub mod envelope;
pub mod field_format;
pub mod policy;
pub mod rule;
pub mod schema;
pub mod violation;

pub use envelope::EnvelopeError;
pub use field_format::{FieldFormatValidators, FormatValidator};
pub use rule::{ObjectRule, Rule, Unlisted};
pub use schema::validate_schema;
pub use violation::SchemaViolation;
