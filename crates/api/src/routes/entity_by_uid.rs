//! `GET` and `DELETE /entities/by-uid/{uid}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;

use crate::error::ApiError;
use crate::request::{NoParameters, PathParameters};
use crate::response::stored_json;
use crate::visibility::Visibility;

pub(crate) async fn get(
    State(catalog): State<Catalog>,
    visibility: Visibility,
    PathParameters(uid): PathParameters<String>,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let found = visibility.find_by_uid(&catalog.index().read(), &uid);
    match found {
        Some(hit) => Ok(stored_json(hit.body)),
        None => Err(ApiError::NotFound(format!("No entity with uid {uid}"))),
    }
}

/// Succeeds for unknown uids too: afterwards there is no such entity, as asked.
pub(crate) async fn delete(
    State(catalog): State<Catalog>,
    PathParameters(uid): PathParameters<String>,
    _: NoParameters,
) -> Result<StatusCode, ApiError> {
    catalog.delete_entity(&uid).await?;
    Ok(StatusCode::NO_CONTENT)
}
