//! The HTTP API of the catalog: routes, wire types, the error envelope.
//!
//! This crate translates between HTTP and the catalog, in the words that existing clients of a Backstage catalog
//! understand: it reads paths, query strings and JSON bodies, checks them as those clients expect, asks the engine and
//! the index, and writes what comes back. It must not know how a query is evaluated, how anything is stored, or where
//! entities come from: no SQL, no filters of its own, no business rules beyond what a request may say.
//!
//! A newcomer starts at [`Api`], whose layers are the way of a request from the outside in, then reads the table in
//! `routes/mod.rs` and one route, say `routes/entity_by_name.rs`. `route_table.rs` finds the route of a path. What every route shares is in `request/` (reading
//! and checking) and `response/` (JSON, entity tags, streams). What happens around the routes is in `layers/`;
//! `error.rs` and `envelope.rs` are how requests fail.

mod actions;
mod admission;
mod audit;
mod authentication;
mod caller;
mod envelope;
mod error;
mod event_ingress;
mod exchange;
mod handlers;
mod layers;
mod location_analyzers;
mod mount;
mod openapi;
mod options;
mod pattern;
mod push_providers;
mod request;
mod response;
mod route_table;
mod router;
mod routes;
mod state;
mod visibility;
mod wire;

pub use self::actions::{Actions, ActionsError};
pub use self::audit::{
    AuditActor, AuditError, AuditEvent, AuditLog, AuditRequest, AuditSeverity, AuditSink, AuditSinks,
    AuditStatus,
};
pub use self::authentication::{AuthPolicy, Authentication};
pub use self::event_ingress::{EventIngress, HeaderTokenValidator, SignatureValidator};
pub use self::layers::{
    Cors, OriginPatterns, RateLimit, RateLimits, TrustProxy, TrustProxyError, describe_metrics,
};
pub use self::location_analyzers::LocationAnalyzers;
pub use self::options::{ApiOptions, Lifecycle, ScmKind};
pub use self::push_providers::{PushAccess, PushProviders};
pub use self::response::{ContentSecurityPolicy, PolicyError};
pub use self::router::Api;
pub use self::routes::CookieScope;
pub use self::routes::metrics::MetricsEndpoint;
