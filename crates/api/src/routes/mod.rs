//! The routes, one file each. This table is where to look one up.

mod actions;
mod analyze_location;
mod apply_conditions;
mod cookie;
mod doctor;
mod entities;
mod entities_by_query;
mod entities_by_refs;
mod entity_ancestry;
mod entity_by_name;
mod entity_by_uid;
mod entity_facets;
mod events;
pub(crate) mod health;
mod incremental;
mod jwks;
mod location;
mod location_by_entity;
mod locations;
mod locations_by_query;
pub(crate) mod metrics;
mod openapi;
mod permission_metadata;
pub(crate) mod projection;
mod push;
mod refresh;
mod refused_removals;
mod scheduler_tasks;
mod unprocessed;
mod validate_entity;

pub use cookie::CookieScope;
pub(crate) use locations::is_yes;

use utoipa::openapi::path::Paths;
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::handlers::Handlers;
use crate::state::ApiState;

/// A line of the table.
pub(crate) struct Declared {
    /// What is said at the handlers: the path that they share, with an operation for each of their methods …
    pub(crate) paths: Paths,
    /// … and the schemas that it names.
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    pub(crate) handlers: Handlers,
}

/// A line of the table, from the handlers of one path.
macro_rules! routes {
    ($($handler:path),+ $(,)?) => {{
        let (schemas, paths, _): UtoipaMethodRouter<ApiState> = utoipa_axum::routes!($($handler),+);
        let handlers = Handlers::default();
        $(
            let (_, declared, _): UtoipaMethodRouter<ApiState> = utoipa_axum::routes!($handler);
            let handlers = handlers.declared(&declared, &$handler);
        )+
        Declared { paths, schemas, handlers }
    }};
}

/// The routes below the mount path: one line for each path, with the handlers of its methods. Where they are, and what
/// they take and answer, is said at the handlers.
pub(crate) fn catalog() -> Vec<Declared> {
    vec![
        routes!(entities::get),
        routes!(entities_by_query::get, entities_by_query::post),
        routes!(entities_by_refs::post),
        routes!(entity_by_uid::get, entity_by_uid::delete),
        routes!(entity_by_name::get),
        routes!(entity_ancestry::get),
        routes!(unprocessed::pending),
        routes!(unprocessed::failed),
        routes!(unprocessed::delete),
        routes!(entity_facets::get, entity_facets::post),
        routes!(refresh::post),
        routes!(locations::get, locations::post),
        routes!(locations_by_query::post),
        routes!(location_by_entity::get),
        routes!(location::get, location::put, location::delete),
        routes!(validate_entity::post),
        routes!(analyze_location::post),
        routes!(scheduler_tasks::get),
        routes!(scheduler_tasks::trigger),
        routes!(scheduler_tasks::cancel),
        routes!(actions::get),
        routes!(actions::invoke),
        routes!(actions::invoke_with_secrets),
        routes!(permission_metadata::get),
        routes!(apply_conditions::post),
        routes!(incremental::health),
        routes!(incremental::cleanup),
        routes!(incremental::providers),
        routes!(incremental::get, incremental::delete),
        routes!(incremental::trigger),
        routes!(incremental::start),
        routes!(incremental::cancel),
        routes!(incremental::marks, incremental::delete_marks),
        routes!(push::put),
        routes!(push::delta),
        routes!(refused_removals::get),
        routes!(refused_removals::confirm),
        routes!(jwks::get),
        routes!(cookie::get, cookie::delete),
        routes!(doctor::get, doctor::post),
        routes!(openapi::get),
        routes!(openapi::page),
    ]
}

/// The routes at the root of the server.
pub(crate) fn root() -> Vec<Declared> {
    vec![routes!(health::liveness), routes!(health::readiness), routes!(events::post)]
}
