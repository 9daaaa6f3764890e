//! What requests are called in events.

use axum::http::Method;

use super::event::AuditSeverity;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventKind {
    pub(super) id: &'static str,
    pub(super) action: &'static str,
    /// Whether it is recorded however it ends. Others are only if they are refused.
    pub(super) is_always_recorded: bool,
    pub(super) severity: AuditSeverity,
    /// The members of the body that name what it is about.
    pub(super) body_members: &'static [&'static str],
}

/// The methods that have kinds; HEAD has those of GET.
const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

/// What the requests to one route are about, by method.
#[derive(Debug)]
pub(crate) struct EventKinds([Option<EventKind>; METHODS.len()]);

impl EventKinds {
    /// Of a route with this pattern, relative to the mount. What is not below that has none.
    pub(crate) fn of(pattern: Option<&str>) -> Self {
        Self(METHODS.map(|method| kind_of(&method, pattern?)))
    }

    /// What a request with this method is about.
    pub(super) fn of_method(&self, method: &Method) -> Option<EventKind> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let position = METHODS.iter().position(|known| known == method)?;
        self.0[position]
    }
}

/// What a request is about, by its method and the pattern of its route, relative to the mount.
fn kind_of(method: &Method, pattern: &str) -> Option<EventKind> {
    Some(match (method.as_str(), pattern) {
        ("POST", "/refresh") => change("entity-mutate", "refresh", &["entityRef"]),
        ("DELETE", "/entities/by-uid/{uid}" | "/entities/unprocessed/delete/{uid}") => {
            change("entity-mutate", "delete", &[])
        }
        ("POST", "/locations") => change("location-mutate", "create", &["type", "target"]),
        ("PUT", "/locations/{id}") => change("location-mutate", "update", &["type", "target"]),
        ("DELETE", "/locations/{id}") => change("location-mutate", "delete", &[]),
        ("POST", "/.backstage/scheduler/v1/tasks/{id}/trigger") => change("task-mutate", "trigger", &[]),
        ("POST", "/.backstage/scheduler/v1/tasks/{id}/cancel") => change("task-mutate", "cancel", &[]),
        ("PUT", "/providers/{provider}/entities") => change("provider-mutate", "replace", &[]),
        ("POST", "/providers/{provider}/delta") => change("provider-mutate", "delta", &[]),
        ("POST", "/providers/{provider}/confirm-removals") => {
            change("provider-mutate", "confirm-removals", &[])
        }
        ("POST", "/incremental/cleanup") => change("ingestion-mutate", "cleanup", &[]),
        ("POST", "/incremental/providers/{provider}/trigger") => change("ingestion-mutate", "trigger", &[]),
        ("POST", "/incremental/providers/{provider}/start") => change("ingestion-mutate", "start", &[]),
        ("POST", "/incremental/providers/{provider}/cancel") => change("ingestion-mutate", "cancel", &[]),
        ("DELETE", "/incremental/providers/{provider}") => change("ingestion-mutate", "delete", &[]),
        ("DELETE", "/incremental/providers/{provider}/marks") => {
            change("ingestion-mutate", "delete-marks", &[])
        }
        ("POST", "/.callboard/doctor") => change("store-mutate", "repair", &[]),
        (
            "POST",
            "/.backstage/actions/v1/actions/{id}/invoke" | "/.backstage/actions/v2/actions/{id}/invoke",
        ) => change("action-invoke", "invoke", &[]),
        ("POST", "/validate-entity") => judgement("entity-validate", "validate", &["location"]),
        ("POST", "/analyze-location") => judgement("location-analyze", "analyze", &["location"]),
        ("GET" | "POST", "/entity-facets") => read("entity-facets", "facets"),
        ("GET", "/entities") => read("entity-fetch", "all"),
        ("GET" | "POST", "/entities/by-query") => read("entity-fetch", "by-query"),
        ("POST", "/entities/by-refs") => read("entity-fetch", "by-refs"),
        ("GET", "/entities/by-uid/{uid}") => read("entity-fetch", "by-uid"),
        ("GET", "/entities/by-name/{kind}/{namespace}/{name}") => read("entity-fetch", "by-name"),
        ("GET", "/entities/by-name/{kind}/{namespace}/{name}/ancestry") => read("entity-fetch", "ancestry"),
        ("GET", "/locations") => read("location-fetch", "all"),
        ("POST", "/locations/by-query") => read("location-fetch", "by-query"),
        ("GET", "/locations/{id}") => read("location-fetch", "by-id"),
        ("GET", "/locations/by-entity/{kind}/{namespace}/{name}") => read("location-fetch", "by-entity"),
        ("GET", _) => read("catalog-fetch", "read"),
        _ => return None,
    })
}

fn change(id: &'static str, action: &'static str, body_members: &'static [&'static str]) -> EventKind {
    EventKind { id, action, is_always_recorded: true, severity: AuditSeverity::Medium, body_members }
}

fn judgement(id: &'static str, action: &'static str, body_members: &'static [&'static str]) -> EventKind {
    EventKind { severity: AuditSeverity::Low, ..change(id, action, body_members) }
}

fn read(id: &'static str, action: &'static str) -> EventKind {
    EventKind { is_always_recorded: false, ..judgement(id, action, &[]) }
}
