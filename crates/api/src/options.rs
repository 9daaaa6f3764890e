//! What whoever runs the API can choose.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use crate::authentication::Authentication;

/// Choices for [`router`](crate::router()). What concerns the catalog itself is in the engine's settings.
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
    /// The `Content-Security-Policy` of all responses.
    pub content_security_policy: Option<HeaderValue>,
    /// Further headers of the answers to health checks.
    pub health_headers: HeaderMap,
    /// Who is let in. By default everyone is who brings no token, and nobody who brings one.
    pub authentication: Authentication,
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
            content_security_policy: Some(HeaderValue::from_static(
                "default-src 'self';base-uri 'self';font-src 'self' https: data:;frame-ancestors 'self';\
                 img-src 'self' data:;object-src 'none';script-src 'self' 'unsafe-eval';script-src-attr 'none';\
                 style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
            )),
            health_headers: HeaderMap::new(),
            authentication: Authentication::default(),
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
pub struct Lifecycle(Arc<AtomicBool>);

impl Lifecycle {
    /// From now on health checks and catalog requests answer 503, so that load balancers look elsewhere.
    pub fn shut_down(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Lifecycle::shut_down`] was called.
    pub fn is_shutting_down(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
