//! A request and its answer, as far as the layers around the routes tell each other of them.

use std::net::IpAddr;
use std::sync::OnceLock;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri};

use crate::audit::AuditScope;
use crate::layers::{CallerKind, TrustProxy, client_address, identify};
use crate::route_table::Route;

/// What is known of a request before anything is done with it, and what is found out on the way to its answer. It is made
/// once, and handed from layer to layer.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    id: HeaderValue,
    pub(crate) method: Method,
    /// As it was received.
    pub(crate) uri: Uri,
    /// The address of the client, if the request came over a connection.
    pub(crate) client: Option<IpAddr>,
    /// What is to be recorded of the request, if anything is.
    pub(crate) audit: AuditScope,
    /// The route that answered.
    pub(crate) route: OnceLock<&'a Route>,
    /// What kind of caller was let in.
    pub(crate) caller: OnceLock<CallerKind>,
}

impl Exchange<'_> {
    /// Begins with a request.
    pub(crate) fn begin(trusted: &TrustProxy, request: &mut Request) -> Self {
        Self {
            id: identify(request),
            method: request.method().clone(),
            uri: request.uri().clone(),
            client: client_address(trusted, request),
            audit: AuditScope::default(),
            route: OnceLock::new(),
            caller: OnceLock::new(),
        }
    }

    /// The id of the request, for the log and for errors.
    pub(crate) fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// The id as it was sent, or is sent back.
    pub(crate) fn into_id(self) -> HeaderValue {
        self.id
    }
}
