//! `/entities/unprocessed/…`: entities that were never put together, for the page that shows what is stuck.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_permissions::Permission;
use callboard_store::EntityState;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{UnprocessedFailed, UnprocessedPending};
use crate::request::PathParameters;
use crate::response::tagged_json;

/// What clients are told who may not.
const REFUSAL: &str = "Unauthorized";

/// Entities that wait for their first processing
#[utoipa::path(
    get,
    path = "/entities/unprocessed/pending",
    tag = "processing",
    operation_id = "listPendingEntities",
    params(("owner" = Option<String>, Query, description = "Only those with this `spec.owner`, as it is written.")),
    responses((status = 200, description = "The entities.", body = UnprocessedPending))
)]
pub(crate) async fn pending(
    State(catalog): State<Catalog>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    caller.authorize_or_say(Permission::UNPROCESSED_READ, REFUSAL).await?;
    let rows = rows(&catalog, query.as_deref(), false).await?;
    Ok(tagged_json(StatusCode::OK, &json!({ "type": "pending", "entities": rows })))
}

/// Entities whose processing failed every time
#[utoipa::path(
    get,
    path = "/entities/unprocessed/failed",
    tag = "processing",
    operation_id = "listFailedEntities",
    params(("owner" = Option<String>, Query, description = "Only those with this `spec.owner`, as it is written.")),
    responses((status = 200, description = "The entities.", body = UnprocessedFailed))
)]
pub(crate) async fn failed(
    State(catalog): State<Catalog>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    caller.authorize_or_say(Permission::UNPROCESSED_READ, REFUSAL).await?;
    let rows = rows(&catalog, query.as_deref(), true).await?;
    Ok(tagged_json(StatusCode::OK, &json!({ "type": "failed", "entities": rows })))
}

/// The rows of one of the two lists: those with errors, or those without.
async fn rows(catalog: &Catalog, query: Option<&str>, with_errors: bool) -> Result<Vec<Value>, ApiError> {
    let owner = owner(query);
    let mut rows: Vec<Value> = catalog.unprocessed().await?.iter().map(row).collect();
    rows.retain(|row| {
        let has_errors = row["errors"].as_array().is_some_and(|errors| !errors.is_empty());
        let fits = owner.as_ref().is_none_or(|owner| row["unprocessed_entity"]["spec"]["owner"] == **owner);
        has_errors == with_errors && fits
    });
    Ok(rows)
}

/// Delete an entity that is not there yet
///
/// Succeeds for unknown ids too. If some source still has it, it comes back.
#[utoipa::path(
    delete,
    path = "/entities/unprocessed/delete/{uid}",
    tag = "processing",
    operation_id = "deleteUnprocessedEntity",
    params(("uid" = String, Path, description = "`entity_id` of the entity.", min_length = 1)),
    responses((status = 204, description = "There is no such entity any more."))
)]
pub(crate) async fn delete(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(uid): PathParameters<String>,
) -> Result<StatusCode, ApiError> {
    caller.authorize_or_say(Permission::UNPROCESSED_DELETE, REFUSAL).await?;
    catalog.delete_unprocessed(&uid).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The owner to look for. Several mean none, as other parameters mean nothing.
fn owner(query: Option<&str>) -> Option<String> {
    let mut owners =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(name, _)| name == "owner");
    let (_, owner) = owners.next()?;
    (owners.next().is_none() && !owner.is_empty()).then(|| owner.into_owned())
}

/// A row in the words of the database that clients know.
fn row(state: &EntityState) -> Value {
    let parsed = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap_or_default();
    json!({
        "entity_id": state.uid.to_string(),
        "entity_ref": state.entity_ref.as_str(),
        "unprocessed_entity": parsed(&state.unprocessed.json),
        "processed_entity": state.processed.as_deref().map(parsed),
        "cache": state.cache.as_deref().map_or_else(|| json!({}), parsed),
        "errors": state.errors.as_deref().map_or_else(|| json!([]), parsed),
        "next_update_at": format!("{:.3}", state.next_due),
        "last_discovery_at": format!("{:.3}", state.discovered_at),
        "location_key": state.location_key.as_ref().map(ToString::to_string),
        "result_hash": null,
        "unprocessed_hash": format!("{:?}", state.unprocessed.hash),
        "hash": null,
        "final_entity": null,
        "last_updated_at": null,
    })
}
