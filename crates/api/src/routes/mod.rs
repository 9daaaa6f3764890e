//! The routes, one file each. This table is where to look one up.

mod analyze_location;
mod entities;
mod entities_by_query;
mod entities_by_refs;
mod entity_ancestry;
mod entity_by_name;
mod entity_by_uid;
mod entity_facets;
mod health;
mod jwks;
mod location;
mod location_by_entity;
mod locations;
mod locations_by_query;
mod projection;
mod refresh;
mod scheduler_tasks;
mod unprocessed;
mod validate_entity;

use axum::routing::{MethodRouter, delete, get, post};

use crate::mount::JWKS_PATH;
use crate::state::ApiState;

/// The routes below the mount path.
pub(crate) fn catalog() -> Vec<(&'static str, MethodRouter<ApiState>)> {
    vec![
        ("/entities", get(entities::get)),
        ("/entities/by-query", get(entities_by_query::get).post(entities_by_query::post)),
        ("/entities/by-refs", post(entities_by_refs::post)),
        ("/entities/by-uid/{uid}", get(entity_by_uid::get).delete(entity_by_uid::delete)),
        ("/entities/by-name/{kind}/{namespace}/{name}", get(entity_by_name::get)),
        ("/entities/by-name/{kind}/{namespace}/{name}/ancestry", get(entity_ancestry::get)),
        ("/entities/unprocessed/pending", get(unprocessed::pending)),
        ("/entities/unprocessed/failed", get(unprocessed::failed)),
        ("/entities/unprocessed/delete/{uid}", delete(unprocessed::delete)),
        ("/entity-facets", get(entity_facets::get).post(entity_facets::post)),
        ("/refresh", post(refresh::post)),
        ("/locations", get(locations::get).post(locations::post)),
        ("/locations/by-query", post(locations_by_query::post)),
        ("/locations/by-entity/{kind}/{namespace}/{name}", get(location_by_entity::get)),
        ("/locations/{id}", get(location::get).put(location::put).delete(location::delete)),
        ("/validate-entity", post(validate_entity::post)),
        ("/analyze-location", post(analyze_location::post)),
        ("/.backstage/scheduler/v1/tasks", get(scheduler_tasks::get)),
        ("/.backstage/scheduler/v1/tasks/{id}/trigger", post(scheduler_tasks::trigger)),
        ("/.backstage/scheduler/v1/tasks/{id}/cancel", post(scheduler_tasks::cancel)),
        (JWKS_PATH, get(jwks::get)),
    ]
}

/// The routes at the root of the server.
pub(crate) fn root() -> Vec<(&'static str, MethodRouter<ApiState>)> {
    vec![
        ("/.backstage/health/v1/liveness", get(health::liveness)),
        ("/.backstage/health/v1/readiness", get(health::readiness)),
    ]
}
