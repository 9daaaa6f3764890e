//! The HTTP API, asked over HTTP: a real catalog in memory behind the router, one file a route.

mod analyze_location;
mod conventions;
mod entities;
mod entities_by_query;
mod entities_by_refs;
mod entity_by_name;
mod entity_facets;
mod health;
mod locations;
mod refresh;
mod server;
mod unprocessed;
mod validate_entity;
