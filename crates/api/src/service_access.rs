//! What a program may do whose token is restricted to some permissions.
//!
//! Such a token is judged by the route alone, and refused where it lacks the route's permission; lists that it may not
//! see are refused too, rather than empty.

use axum::http::Method;
use callboard_auth::{AccessRestriction, PermissionAction};

/// Whether a restricted token is enough for a route, given relative to the mount.
pub(crate) fn is_permitted(restriction: &AccessRestriction, method: &Method, path: &str) -> bool {
    match permission_of(method, path) {
        Some((permission, action)) => restriction.allows(permission, action),
        None => false,
    }
}

/// The permission that a route asks for; none for what is no route, where nothing is permitted.
fn permission_of(method: &Method, path: &str) -> Option<(&'static str, Option<PermissionAction>)> {
    use PermissionAction::{Create, Delete, Read, Update};
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let method = if method == Method::HEAD { &Method::GET } else { method };
    Some(match (method.as_str(), segments.as_slice()) {
        ("GET", ["entities", "unprocessed", ..]) => ("catalog.entities.unprocessed.read", Some(Read)),
        ("DELETE", ["entities", "unprocessed", ..]) => ("catalog.entities.unprocessed.delete", Some(Delete)),
        ("GET", ["entities" | "entity-facets", ..])
        | ("POST", ["entities", "by-query" | "by-refs"] | ["entity-facets"]) => {
            ("catalog.entity.read", Some(Read))
        }
        ("DELETE", ["entities", "by-uid", _]) => ("catalog.entity.delete", Some(Delete)),
        ("POST", ["refresh"]) => ("catalog.entity.refresh", Some(Update)),
        ("POST", ["validate-entity"]) => ("catalog.entity.validate", None),
        ("GET", ["locations", ..]) | ("POST", ["locations", "by-query"]) => {
            ("catalog.location.read", Some(Read))
        }
        ("POST", ["locations"]) | ("PUT", ["locations", _]) => ("catalog.location.create", Some(Create)),
        ("DELETE", ["locations", _]) => ("catalog.location.delete", Some(Delete)),
        ("GET", [".backstage", "scheduler", ..]) => ("catalog.ingestion.read", Some(Read)),
        ("POST", [".backstage", "scheduler", ..]) => ("catalog.ingestion.manage", None),
        ("POST", ["analyze-location"]) => ("catalog.location.analyze", None),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_a_permission() {
        let cases = [
            ("GET", "/entities", "catalog.entity.read"),
            ("HEAD", "/entities", "catalog.entity.read"),
            ("GET", "/entities/by-query", "catalog.entity.read"),
            ("POST", "/entities/by-query", "catalog.entity.read"),
            ("POST", "/entities/by-refs", "catalog.entity.read"),
            ("GET", "/entities/by-uid/7", "catalog.entity.read"),
            ("DELETE", "/entities/by-uid/7", "catalog.entity.delete"),
            ("GET", "/entities/by-name/component/default/a", "catalog.entity.read"),
            ("GET", "/entities/by-name/component/default/a/ancestry", "catalog.entity.read"),
            ("GET", "/entities/unprocessed/pending", "catalog.entities.unprocessed.read"),
            ("GET", "/entities/unprocessed/failed", "catalog.entities.unprocessed.read"),
            ("DELETE", "/entities/unprocessed/delete/7", "catalog.entities.unprocessed.delete"),
            ("GET", "/entity-facets", "catalog.entity.read"),
            ("POST", "/entity-facets", "catalog.entity.read"),
            ("POST", "/refresh", "catalog.entity.refresh"),
            ("GET", "/locations", "catalog.location.read"),
            ("POST", "/locations", "catalog.location.create"),
            ("POST", "/locations/by-query", "catalog.location.read"),
            ("GET", "/locations/by-entity/component/default/a", "catalog.location.read"),
            ("GET", "/locations/7", "catalog.location.read"),
            ("PUT", "/locations/7", "catalog.location.create"),
            ("DELETE", "/locations/7", "catalog.location.delete"),
            ("POST", "/validate-entity", "catalog.entity.validate"),
            ("POST", "/analyze-location", "catalog.location.analyze"),
            ("GET", "/.backstage/scheduler/v1/tasks", "catalog.ingestion.read"),
            ("POST", "/.backstage/scheduler/v1/tasks/x/trigger", "catalog.ingestion.manage"),
            ("POST", "/.backstage/scheduler/v1/tasks/x/cancel", "catalog.ingestion.manage"),
            ("POST", "/nope", ""),
            ("PATCH", "/entities", ""),
        ];
        for (method, path, expected) in cases {
            let permission = permission_of(&method.parse().unwrap(), path);
            assert_eq!(permission.map_or("", |(name, _)| name), expected, "{method} {path}");
        }
    }
}
