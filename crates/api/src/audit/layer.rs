//! The layer that sees requests come and go.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use callboard_auth::Principal;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::event::{
    AuditActor, AuditError, AuditEvent, AuditRequest, AuditSeverity, AuditSinks, AuditStatus,
};
use super::kinds::EventKind;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::mount;
use crate::route_table::Route;

/// Longer values that requests name are cut off in events.
const MAX_TEXT: usize = 1024;
/// Objects with more members are left out.
const MAX_MEMBERS: usize = 8;

/// What is found out about the request that goes on. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditScope(Arc<Mutex<Findings>>);

#[derive(Debug, Default)]
struct Findings {
    actor: AuditActor,
    body_members: &'static [&'static str],
    /// What the body says it is about.
    named: Vec<(&'static str, Value)>,
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
                findings.named.push((name, brief(value)));
            }
        }
    }
}

/// What the routes that have dry runs call yes.
fn is_dry_run(query: Option<&str>) -> bool {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .any(|(name, value)| name == "dryRun" && crate::routes::is_yes(&value))
}

/// A request that has not ended. If it never does, because it is cut off, that is recorded, too.
pub(crate) struct Pending<'a, 'r> {
    kind: EventKind,
    route: &'r Route,
    exchange: &'a Exchange<'r>,
    user_agent: Option<HeaderValue>,
    is_dry_run: bool,
    sinks: &'a AuditSinks,
    is_recorded: bool,
}

impl<'a, 'r> Pending<'a, 'r> {
    /// Begins with a request on a route, if that is one of the catalog. What an event takes is only kept, and put together
    /// when there is something to record.
    pub(crate) fn begin(
        sinks: &'a AuditSinks,
        exchange: &'a Exchange<'r>,
        route: Option<&'r Route>,
        request: &Request,
    ) -> Option<Self> {
        let route = route?;
        let mut kind = route.event_kinds.of_method(&exchange.method)?;
        let is_dry_run =
            matches!(kind.id, "location-mutate" | "provider-mutate") && is_dry_run(exchange.uri.query());
        if is_dry_run {
            kind.severity = AuditSeverity::Low;
        }
        if !kind.body_members.is_empty() {
            exchange.audit.0.lock().body_members = kind.body_members;
        }
        let user_agent = request.headers().get(header::USER_AGENT).cloned();
        Some(Self { kind, route, exchange, user_agent, is_dry_run, sinks, is_recorded: false })
    }

    /// Ends with the answer.
    pub(crate) fn record(mut self, response: &Response) {
        self.is_recorded = true;
        let status = response.status();
        let error = response
            .extensions()
            .get::<ApiError>()
            .map(|error| AuditError { name: error.name().to_owned(), message: error.to_string() });
        let is_denied = self.exchange.audit.0.lock().is_denied;
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
        let (mut actor, named) = {
            let findings = self.exchange.audit.0.lock();
            (findings.actor.clone(), findings.named.clone())
        };
        actor.address = self.exchange.client;
        actor.user_agent = self.user_agent.as_ref().and_then(|agent| agent.to_str().ok()).map(cut);
        let event = AuditEvent {
            at: Timestamp::now(),
            event_id: self.kind.id,
            action: self.kind.action,
            severity_level: self.kind.severity,
            status,
            error,
            actor,
            target: self.target(named),
            request: AuditRequest {
                id: self.exchange.id().to_owned(),
                method: self.exchange.method.to_string(),
                url: cut(&mount::relative_url(&self.exchange.uri)),
            },
        };
        self.sinks.record(&event);
    }

    /// What the path names, and what the body does.
    fn target(&self, named: Vec<(&'static str, Value)>) -> Map<String, Value> {
        let parameters = self.route.parameters(self.exchange.uri.path());
        let parameters = parameters.iter().map(|(name, value)| (*name, Value::String(cut(value))));
        let dry_run = self.is_dry_run.then_some(("dryRun", Value::Bool(true)));
        let all = parameters.chain(dry_run).chain(named);
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The client went away, the time was over, or a handler panicked: it may have been done all the same.
impl Drop for Pending<'_, '_> {
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
