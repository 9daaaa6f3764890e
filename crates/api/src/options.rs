//! What whoever runs the API can choose.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use callboard_permissions::Permissions;

use crate::actions::Actions;
use crate::audit::AuditSinks;
use crate::authentication::Authentication;
use crate::event_ingress::EventIngress;
use crate::layers::{Cors, RateLimits, TrustProxy};
use crate::location_analyzers::LocationAnalyzers;
use crate::push_providers::PushProviders;
use crate::response::ContentSecurityPolicy;
use crate::routes::CookieScope;
use crate::routes::metrics::MetricsEndpoint;

/// Choices for an [`Api`](crate::Api). What concerns the catalog itself is in the engine's settings.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// The source code hosts (with their port, if it is not the usual one) that are known, for guessing annotations
    /// when a repository is analysed.
    pub integrations: HashMap<String, ScmKind>,
    /// The largest request body in bytes. 10 MiB by default: a hundred times what the reference takes.
    pub body_limit: usize,
    /// The longest time a handler may take to begin its answer; after that the answer is 503. 2 min by default, since
    /// dry runs read files from elsewhere.
    pub handler_timeout: Duration,
    /// How long a request waits for a catalog that is still starting, before the answer is 503. 5 s by default.
    pub startup_pause: Duration,
    /// How long a request may take to send its body, before the answer is 408. 1 min by default.
    pub body_timeout: Duration,
    /// Which pages of other origins may call; none by default.
    pub cors: Option<Cors>,
    /// The `Content-Security-Policy` of all responses.
    pub content_security_policy: ContentSecurityPolicy,
    /// The `Referrer-Policy` of all responses.
    pub referrer_policy: HeaderValue,
    /// Which proxies are believed when they say for whom they ask. Needs the connection's address in the extensions
    /// of each request, as axum's `ConnectInfo`.
    pub trust_proxy: TrustProxy,
    /// How many requests a client may make; any number by default.
    pub rate_limits: RateLimits,
    /// Further headers of the answers to health checks.
    pub health_headers: HeaderMap,
    /// Who is let in. By default everyone is who brings no token, and nobody who brings one.
    pub authentication: Authentication,
    /// Which events may come in over HTTP. None by default.
    pub event_ingress: EventIngress,
    /// The providers that are told of their entities by requests. None by default.
    pub push_providers: PushProviders,
    /// What those may do who are let in. By default everything.
    pub permissions: Permissions,
    /// Who is told of changes and refusals.
    pub audit: AuditSinks,
    /// For which addresses the cookies of users are.
    pub cookies: CookieScope,
    /// Where metrics are shown; nowhere by default.
    pub metrics: Option<MetricsEndpoint>,
    /// What other programs can have the catalog do. By default what is built in.
    pub actions: Actions,
    /// Who looks at locations before they are registered. By default only what can be told from their addresses, and by
    /// the catalog's URL reader.
    pub location_analyzers: LocationAnalyzers,
    /// Tells the router that the process is about to end.
    pub lifecycle: Lifecycle,
}

impl Default for ApiOptions {
    fn default() -> Self {
        let integrations = [
            ("github.com", ScmKind::Github),
            ("gitlab.com", ScmKind::Gitlab),
            ("bitbucket.org", ScmKind::BitbucketCloud),
            ("dev.azure.com", ScmKind::Azure),
        ];
        Self {
            integrations: integrations.into_iter().map(|(host, kind)| (host.to_owned(), kind)).collect(),
            body_limit: 10 * 1024 * 1024,
            handler_timeout: Duration::from_mins(2),
            startup_pause: Duration::from_secs(5),
            body_timeout: Duration::from_mins(1),
            cors: None,
            content_security_policy: ContentSecurityPolicy::default(),
            referrer_policy: HeaderValue::from_static("no-referrer"),
            trust_proxy: TrustProxy::default(),
            rate_limits: RateLimits::default(),
            health_headers: HeaderMap::new(),
            authentication: Authentication::default(),
            event_ingress: EventIngress::default(),
            push_providers: PushProviders::default(),
            permissions: Permissions::default(),
            audit: AuditSinks::default(),
            cookies: CookieScope::default(),
            metrics: None,
            actions: Actions::default(),
            location_analyzers: LocationAnalyzers::default(),
            lifecycle: Lifecycle::default(),
        }
    }
}

/// What runs on a source code host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScmKind {
    /// GitHub, also GitHub Enterprise.
    Github,
    /// GitLab.
    Gitlab,
    /// Bitbucket as configured under the old name `bitbucket`, the only one that has a known annotation.
    Bitbucket,
    /// bitbucket.org.
    BitbucketCloud,
    /// Bitbucket Server.
    BitbucketServer,
    /// Azure DevOps.
    Azure,
    /// Anything else.
    Other,
}

/// Whether the process is about to end. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle(Arc<AtomicU8>);

const LEAVING: u8 = 1;
const STOPPING: u8 = 2;

impl Lifecycle {
    /// From now on the server says that it is not ready, so that load balancers look elsewhere. It still answers.
    pub fn leave(&self) {
        self.0.fetch_max(LEAVING, Ordering::Relaxed);
    }

    /// From now on catalog requests are answered with 503, too.
    pub fn shut_down(&self) {
        self.0.fetch_max(STOPPING, Ordering::Relaxed);
    }

    /// Whether [`Lifecycle::leave`] or [`Lifecycle::shut_down`] was called.
    pub fn is_leaving(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= LEAVING
    }

    /// Whether [`Lifecycle::shut_down`] was called.
    pub fn is_shutting_down(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= STOPPING
    }
}
