//! The layer that sees requests come and go.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, OriginalUri, RawPathParams, Request};
use axum::http::header;
use axum::response::Response;
use callboard_auth::Principal;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tower_http::request_id::RequestId;
use url::form_urlencoded;

use super::event::{
    AuditActor, AuditError, AuditEvent, AuditRequest, AuditSeverity, AuditSinks, AuditStatus,
};
use super::kinds::{EventKind, kind_of};
use crate::error::ApiError;
use crate::layers::{ClientAddress, Next};
use crate::mount::{self, MOUNT_PATH};
use crate::state::ApiState;

/// Longer values that requests name are cut off in events.
const MAX_TEXT: usize = 1024;
/// Objects with more members are left out.
const MAX_MEMBERS: usize = 8;

/// What is known of the request that goes on. It is in its extensions; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditScope(Arc<Mutex<Findings>>);

#[derive(Debug, Default)]
struct Findings {
    actor: AuditActor,
    body_members: &'static [&'static str],
    target: Map<String, Value>,
    is_denied: bool,
}

impl AuditScope {
    /// Who asks.
    pub(crate) fn identify(&self, principal: &Principal) {
        self.0.lock().actor.identify(principal);
    }

    /// Some of what was asked for is kept from the caller, however the answer looks.
    pub(crate) fn deny(&self) {
        self.0.lock().is_denied = true;
    }

    /// The body of the request, of which only some members are looked at.
    pub(crate) fn see_body(&self, body: &Value) {
        let mut findings = self.0.lock();
        for &name in findings.body_members {
            if let Some(value) = body.get(name) {
                findings.target.insert(name.to_owned(), brief(value));
            }
        }
    }
}

/// Records a request on a route of the catalog.
pub(crate) async fn audit(
    state: &ApiState,
    matched: Option<&MatchedPath>,
    parameters: &Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: impl Next,
) -> Response {
    let pattern = matched.and_then(|matched| matched.as_str().strip_prefix(MOUNT_PATH));
    let Some(mut kind) = pattern.and_then(|pattern| kind_of(request.method(), pattern)) else {
        return next.run(request).await;
    };
    let mut target = Map::new();
    for (name, value) in parameters.iter().flatten() {
        target.insert(name.to_owned(), brief(&Value::from(value)));
    }
    if is_dry_run(request.uri().query()) && matches!(kind.id, "location-mutate" | "provider-mutate") {
        target.insert("dryRun".to_owned(), Value::Bool(true));
        kind.severity = AuditSeverity::Low;
    }
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let actor = AuditActor { address, user_agent: user_agent.map(cut), ..AuditActor::default() };
    let findings = Findings { actor, body_members: kind.body_members, target, is_denied: false };
    let scope = AuditScope(Arc::new(Mutex::new(findings)));
    let pending = Pending {
        kind,
        request: describe(&request),
        scope: scope.clone(),
        sinks: state.options.audit.clone(),
        is_recorded: false,
    };
    request.extensions_mut().insert(scope);
    let response = next.run(request).await;
    pending.record(&response);
    response
}

fn describe(request: &Request) -> AuditRequest {
    let extensions = request.extensions();
    let id = extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let uri = extensions.get::<OriginalUri>().map_or_else(|| request.uri(), |uri| &uri.0);
    AuditRequest {
        id: id.unwrap_or_default().to_owned(),
        method: request.method().to_string(),
        url: cut(&mount::relative_url(uri)),
    }
}

/// What the routes that have dry runs call yes.
fn is_dry_run(query: Option<&str>) -> bool {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .any(|(name, value)| name == "dryRun" && crate::routes::is_yes(&value))
}

/// A request that has not ended. If it never does, because it is cut off, that is recorded, too.
struct Pending {
    kind: EventKind,
    request: AuditRequest,
    scope: AuditScope,
    sinks: AuditSinks,
    is_recorded: bool,
}

impl Pending {
    fn record(mut self, response: &Response) {
        self.is_recorded = true;
        let status = response.status();
        let error = response
            .extensions()
            .get::<ApiError>()
            .map(|error| AuditError { name: error.name().to_owned(), message: error.to_string() });
        let is_denied = self.scope.0.lock().is_denied;
        let is_refused = is_denied || matches!(status.as_u16(), 401 | 403);
        if !self.kind.is_always_recorded && !is_refused {
            return;
        }
        let failure = |name: String, message: &str| AuditError { name, message: message.to_owned() };
        if status.is_client_error() || status.is_server_error() {
            self.write(AuditStatus::Failed, error.or_else(|| Some(failure(status.to_string(), ""))));
        } else if is_denied {
            let message = "the answer leaves out what the caller may not see";
            self.write(AuditStatus::Failed, Some(failure("NotAllowedError".to_owned(), message)));
        } else {
            self.write(AuditStatus::Succeeded, None);
        }
    }

    fn write(&self, status: AuditStatus, error: Option<AuditError>) {
        let (actor, target) = {
            let findings = self.scope.0.lock();
            (findings.actor.clone(), findings.target.clone())
        };
        let event = AuditEvent {
            at: Timestamp::now(),
            event_id: self.kind.id,
            action: self.kind.action,
            severity_level: self.kind.severity,
            status,
            error,
            actor,
            target,
            request: self.request.clone(),
        };
        self.sinks.record(&event);
    }
}

/// The client went away, the time was over, or a handler panicked: it may have been done all the same.
impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_recorded && self.kind.is_always_recorded {
            let error = AuditError {
                name: "Aborted".to_owned(),
                message: "the request was cut off; what it asked for may have been done".to_owned(),
            };
            self.write(AuditStatus::Failed, Some(error));
        }
    }
}

/// A value without what is too long.
fn brief(value: &Value) -> Value {
    match value {
        Value::Object(members) if members.len() <= MAX_MEMBERS => {
            members.iter().map(|(name, value)| (cut(name), brief_scalar(value))).collect()
        }
        other => brief_scalar(other),
    }
}

fn brief_scalar(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(text)),
        Value::Object(_) | Value::Array(_) => Value::String("…".to_owned()),
        other => other.clone(),
    }
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(MAX_TEXT);
    format!("{}…", &text[..end])
}
