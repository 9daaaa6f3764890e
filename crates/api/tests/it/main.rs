//! The HTTP API, asked over HTTP: a real catalog in memory behind the router, one file a route.

#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover their helper functions"
)]

mod actions;
mod analyze_location;
mod audit;
mod authentication;
mod conventions;
mod cross_origin;
mod entities;
mod entities_by_query;
mod entities_by_refs;
mod entity_by_name;
mod entity_facets;
mod events;
mod health;
mod incremental;
mod locations;
mod openapi;
mod permissions;
mod push;
mod rate_limits;
mod refresh;
mod scheduler_tasks;
mod server;
mod unprocessed;
mod validate_entity;
