//! What a push is answered with.

use callboard_engine::{PushProgress, PushReport};
use callboard_model::{EntityRef, LocationKey};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::openapi::schemas::EntityProblem;

/// What a push changed, or would change. In no two of the lists `added`, `changed`, `unchanged`, `removed` and `refused`
/// is the same entity.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Push)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PushBody {
    /// Whether it was done; a dry run does nothing.
    applied: bool,
    /// Refs of entities that the provider did not have.
    added: Vec<String>,
    /// Refs of those that it had otherwise.
    changed: Vec<String>,
    /// Refs of those that it had like this.
    unchanged: Vec<String>,
    /// Refs of those that it had, and has no more.
    removed: Vec<String>,
    /// Entities that another source has.
    refused: Vec<RefusedEntity>,
    /// Entities that do not pass processing. Known to a dry run, and after waiting.
    errors: Vec<FailedEntity>,
    /// If the change would be refused because it removes too much. Only a dry run says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = RefusedShare, required = false)]
    removal_refused: Option<RefusedShare>,
    /// Whether clients see all of it. Known after waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    visible: Option<bool>,
    /// Refs of entities that are not seen yet as they will be. Known after waiting.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pending: Vec<String>,
}

/// An entity that another source has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RefusedEntity {
    entity_ref: String,
    /// The location key of the other source.
    location_key: String,
}

/// An entity that does not pass processing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FailedEntity {
    entity_ref: String,
    #[schema(value_type = Vec<EntityProblem>)]
    errors: Value,
}

/// How much a change would remove.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedShare {
    removed: u64,
    /// How many entities the provider has.
    total: u64,
}

impl PushBody {
    /// What a dry run found.
    pub(super) fn foreseen(report: PushReport) -> Self {
        Self { applied: false, ..Self::applied(report) }
    }

    /// What was done.
    pub(super) fn applied(report: PushReport) -> Self {
        let refused = |(entity_ref, key): (EntityRef, LocationKey)| RefusedEntity {
            entity_ref: entity_ref.to_string(),
            location_key: key.to_string(),
        };
        Self {
            applied: true,
            added: texts(&report.added),
            changed: texts(&report.changed),
            unchanged: texts(&report.unchanged),
            removed: texts(&report.removed),
            refused: report.refused.into_iter().map(refused).collect(),
            errors: failed(report.errors),
            removal_refused: report
                .removal_refused
                .map(|refused| RefusedShare { removed: refused.removed, total: refused.total }),
            visible: None,
            pending: Vec::new(),
        }
    }

    /// What was done, and what clients see of it.
    pub(super) fn waited_for(report: PushReport, progress: PushProgress) -> Self {
        Self {
            errors: failed(progress.errors),
            visible: Some(progress.pending.is_empty()),
            pending: texts(&progress.pending),
            ..Self::applied(report)
        }
    }
}

fn texts(refs: &[EntityRef]) -> Vec<String> {
    refs.iter().map(ToString::to_string).collect()
}

fn failed(errors: Vec<(EntityRef, Value)>) -> Vec<FailedEntity> {
    let failed = |(entity_ref, errors): (EntityRef, Value)| FailedEntity {
        entity_ref: entity_ref.to_string(),
        errors,
    };
    errors.into_iter().map(failed).collect()
}
