//! The model through its public API, one file per feature.

#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover their helper functions"
)]

mod canonical;
mod entity;
mod entity_refs;
mod errors;
mod field_format;
mod fixtures;
mod kinds;
mod layers;
mod location_refs;
mod policies;
mod relations;
mod schema;
mod worked_example;
