//! Changes of providers that were refused because they would have removed too much.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_permissions::Permission;
use callboard_store::{ProviderName, RefusedRemoval};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::ErrorBody;
use crate::request::PathParameters;
use crate::response::tagged_json;

/// Removals that were refused
///
/// The latest of each provider, unless a change of it has passed since.
#[utoipa::path(
    get,
    path = "/providers/refused-removals",
    tag = "processing",
    operation_id = "listRefusedRemovals",
    responses((status = 200, description = "The removals.", body = RefusedRemovalsBody))
)]
pub(crate) async fn get(State(catalog): State<Catalog>, caller: Caller) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_READ).await?;
    let items = catalog.refused_removals().await?.into_iter().map(Into::into).collect();
    Ok(tagged_json(StatusCode::OK, &RefusedRemovalsBody { items }))
}

/// Let the next change of a provider pass
///
/// Whatever it removes, once, within a day.
#[utoipa::path(
    post,
    path = "/providers/{provider}/confirm-removals",
    tag = "processing",
    operation_id = "confirmRemovals",
    params(("provider" = String, Path, description = "Name of the provider.", min_length = 1)),
    responses(
        (status = 204, description = "The next change will pass."),
        (status = 404, description = "No change of such a provider was refused.", body = ErrorBody),
    )
)]
pub(crate) async fn confirm(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(provider): PathParameters<String>,
) -> Result<StatusCode, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    if catalog.confirm_removals(&ProviderName::new(&provider)).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::NotFound(format!("No removal of the provider '{provider}' was refused")))
}

/// Removals that were refused.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusedRemovals)]
pub(crate) struct RefusedRemovalsBody {
    items: Vec<RefusedRemovalBody>,
}

/// A removal that was refused.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusedRemoval)]
#[serde(rename_all = "camelCase")]
struct RefusedRemovalBody {
    /// Name of the provider.
    provider: String,
    /// When it was refused last.
    at: String,
    /// How many entities it would have removed.
    removed: u64,
    /// How many there were.
    total: u64,
    /// Until when the next change is let pass, if somebody has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_until: Option<String>,
}

impl From<RefusedRemoval> for RefusedRemovalBody {
    fn from(refused: RefusedRemoval) -> Self {
        Self {
            provider: refused.provider.to_string(),
            at: format!("{:.3}", refused.at),
            removed: refused.removed,
            total: refused.total,
            confirmed_until: refused.confirmed_until.map(|until| format!("{until:.3}")),
        }
    }
}
