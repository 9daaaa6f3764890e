//! The kinds of entities: what each demands of the spec, and the relations that follow from it.
//!
//! A kind is one [`KindDefinition`], a table. To add a kind to the catalog write its table in [`catalog`] and
//! list it there; to add one in a binary of your own, write the table there and pass it to
//! [`KindRegistry::with`].

pub mod catalog;
mod definition;
mod registry;
mod relations;
pub mod scaffolder;
mod sorting;

pub use definition::{KindDefinition, RelationField};
pub use registry::{KindRegistry, KindValidation};
pub use sorting::sort_relation_lists;
