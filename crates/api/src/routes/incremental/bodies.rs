//! What the routes of large sources answer: not the envelope of errors, but bodies of their own.

use callboard_store::{IngestionCounts, IngestionMark, IngestionPass, IngestionStatus};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Whether every large source is in at most one pass.
#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalHealth)]
pub(crate) struct HealthBody {
    pub(crate) healthy: bool,
}

/// The large sources that have been read.
#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalProviders)]
pub(crate) struct ProvidersBody {
    pub(crate) success: bool,
    pub(crate) providers: Vec<String>,
}

/// How it stands with a large source.
#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalStatus)]
pub(crate) struct StatusBody {
    pub(crate) success: bool,
    pub(crate) status: ActionBody,
    /// Why the last burst failed, or why nothing was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<Value>,
}

/// What is done, and when something else is.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = IncrementalAction)]
pub(crate) struct ActionBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    current_action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action_at: Option<String>,
}

/// What has been done.
#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalMessage)]
pub(crate) struct MessageBody {
    pub(crate) success: bool,
    pub(crate) message: String,
}

/// How far the present pass has come.
#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalMarks)]
pub(crate) struct MarksBody {
    pub(crate) success: bool,
    /// The latest first.
    pub(crate) records: Vec<MarkBody>,
}

/// One page that was read.
#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalMark)]
pub(crate) struct MarkBody {
    id: String,
    ingestion_id: String,
    /// Where the next page begins; null after the last.
    cursor: Value,
    sequence: u64,
    created_at: String,
}

/// What was forgotten of one provider.
#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalPurge)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PurgeBody {
    provider: String,
    ingestions_deleted: u64,
    marks_deleted: u64,
    mark_entities_deleted: u64,
}

/// What was forgotten of all providers.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = IncrementalCleanup)]
pub(crate) struct CleanupBody {
    #[serde(rename = "ingestionsDeleted")]
    passes: u64,
    #[serde(rename = "ingestionMarksDeleted")]
    marks: u64,
    #[serde(rename = "markEntitiesDeleted")]
    seen: u64,
}

/// What was forgotten of passes that have ended.
#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalForgotten)]
pub(crate) struct ForgottenBody {
    success: bool,
    message: String,
    deletions: DeletionsBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalDeletions)]
struct DeletionsBody {
    deletions: CountsBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = IncrementalDeletionCounts)]
struct CountsBody {
    #[serde(rename = "markEntitiesDeleted")]
    seen: u64,
    #[serde(rename = "marksDeleted")]
    marks: u64,
    #[serde(rename = "ingestionsDeleted")]
    passes: u64,
}

impl ActionBody {
    pub(crate) fn of(pass: &IngestionPass) -> Self {
        let action = match pass.status {
            IngestionStatus::Bursting => "bursting",
            IngestionStatus::Interstitial => "interstitial",
            IngestionStatus::Resting => "resting",
            IngestionStatus::BackingOff => "backing off",
            IngestionStatus::Canceling => "canceling",
            IngestionStatus::Complete => "complete",
        };
        Self { current_action: Some(action), next_action_at: Some(format!("{:.3}", pass.next_action_at)) }
    }

    pub(crate) fn between_passes() -> Self {
        Self { current_action: Some("rest complete, waiting to start"), next_action_at: None }
    }
}

impl From<IngestionMark> for MarkBody {
    fn from(mark: IngestionMark) -> Self {
        Self {
            id: mark.id.to_string(),
            ingestion_id: mark.pass.to_string(),
            cursor: mark.cursor.and_then(|cursor| serde_json::from_str(&cursor).ok()).unwrap_or_default(),
            sequence: mark.sequence,
            created_at: format!("{:.3}", mark.created_at),
        }
    }
}

impl PurgeBody {
    pub(crate) fn of(provider: &str, counts: IngestionCounts) -> Self {
        Self {
            provider: provider.to_owned(),
            ingestions_deleted: counts.passes,
            marks_deleted: counts.marks,
            mark_entities_deleted: counts.seen,
        }
    }
}

impl CleanupBody {
    pub(crate) fn add(&mut self, counts: IngestionCounts) {
        self.passes += counts.passes;
        self.marks += counts.marks;
        self.seen += counts.seen;
    }
}

impl ForgottenBody {
    pub(crate) fn of(provider: &str, counts: IngestionCounts) -> Self {
        Self {
            success: true,
            message: format!("Expired marks for provider '{provider}' removed."),
            deletions: DeletionsBody {
                deletions: CountsBody { seen: counts.seen, marks: counts.marks, passes: counts.passes },
            },
        }
    }
}
