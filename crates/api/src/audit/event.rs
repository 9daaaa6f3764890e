use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use callboard_auth::Principal;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// One request, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// When it ended.
    pub at: Timestamp,
    /// What it was about, such as `location-mutate`.
    pub event_id: &'static str,
    /// What was done, such as `create`.
    pub action: &'static str,
    /// How much there is to lose.
    pub severity_level: AuditSeverity,
    /// How it ended.
    pub status: AuditStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<AuditError>,
    /// Who asked.
    pub actor: AuditActor,
    /// What it was done to: ids, refs, locations, as the request names them.
    pub target: Map<String, Value>,
    /// The request.
    pub request: AuditRequest,
}

/// How much there is to lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditSeverity {
    /// Nothing is changed.
    Low,
    /// Something is.
    Medium,
}

impl AuditSeverity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
        }
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditStatus {
    /// It was done.
    Succeeded,
    /// It was not, or nobody knows.
    Failed,
}

impl AuditStatus {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditError {
    /// As clients know it, such as `NotAllowedError`.
    pub name: String,
    /// In words; may be empty.
    pub message: String,
}

/// Who asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// The user or program; none for somebody who did not say, or was not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The plugin that asked on behalf of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// By what program, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl AuditActor {
    /// Takes over who it is.
    pub(super) fn identify(&mut self, principal: &Principal) {
        (self.id, self.via) = match principal {
            Principal::None => (None, None),
            Principal::User(user) => (Some(user.entity_ref.clone()), user.actor.clone()),
            Principal::Service(service) => (Some(service.subject.clone()), None),
        };
    }
}

/// What was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditRequest {
    /// Its id, as in the header `x-request-id` and in the log.
    pub id: String,
    /// Its method.
    pub method: String,
    /// Its path and query, relative to the catalog's API.
    pub url: String,
}

/// Takes what is to be remembered. It is called while a request waits, so it must not.
pub trait AuditSink: Send + Sync {
    /// Keeps an event.
    fn record(&self, event: &AuditEvent);
}

/// All that is told of events, in this order. By default the log alone.
#[derive(Clone)]
pub struct AuditSinks(Arc<[Arc<dyn AuditSink>]>);

impl AuditSinks {
    /// These.
    pub fn new(sinks: impl IntoIterator<Item = Arc<dyn AuditSink>>) -> Self {
        Self(sinks.into_iter().collect())
    }

    pub(super) fn record(&self, event: &AuditEvent) {
        for sink in self.0.iter() {
            sink.record(event);
        }
    }
}

impl Default for AuditSinks {
    fn default() -> Self {
        Self::new([Arc::new(AuditLog) as Arc<dyn AuditSink>])
    }
}

impl fmt::Debug for AuditSinks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AuditSinks({})", self.0.len())
    }
}

/// Writes events to the log, under the target `callboard::audit`.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditLog;

impl AuditSink for AuditLog {
    fn record(&self, event: &AuditEvent) {
        let target = serde_json::to_string(&event.target).unwrap_or_default();
        let error = event.error.as_ref().map(|error| format!("{}: {}", error.name, error.message));
        tracing::info!(
            target: "callboard::audit",
            event = event.event_id,
            action = event.action,
            severity = event.severity_level.as_str(),
            status = event.status.as_str(),
            error,
            actor = event.actor.id.as_deref().unwrap_or("nobody"),
            actor.via = event.actor.via,
            actor.address = event.actor.address.map(tracing::field::display),
            on = target,
            request.id = event.request.id,
            "{} {}",
            event.request.method,
            event.request.url,
        );
    }
}
