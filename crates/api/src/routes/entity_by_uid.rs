//! `GET` and `DELETE /entities/by-uid/{uid}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_permissions::Permission;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{Entity, ErrorBody};
use crate::request::{NoParameters, PathParameters};
use crate::response::stored_json;
use crate::visibility::Visibility;

/// One entity by its uid
#[utoipa::path(
    get,
    path = "/entities/by-uid/{uid}",
    tag = "entities",
    operation_id = "getEntityByUid",
    params(("uid" = String, Path, description = "`metadata.uid` of the entity.", min_length = 1)),
    responses(
        (status = 200, description = "The entity.", body = Entity),
        (status = 404, description = "There is no such entity.", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(uid): PathParameters<String>,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let visibility = caller.visibility().await?;
    let found = visibility.find_by_uid(&catalog.index().read(), &uid);
    match found {
        Some(hit) => Ok(stored_json(hit.body)),
        None => Err(ApiError::NotFound(format!("No entity with uid {uid}"))),
    }
}

/// Delete an entity
///
/// Meant for orphans: an entity that some source still has comes back, with another uid. Succeeds for unknown uids too,
/// unless it depends on the entity whether the caller may delete it.
#[utoipa::path(
    delete,
    path = "/entities/by-uid/{uid}",
    tag = "entities",
    operation_id = "deleteEntityByUid",
    params(("uid" = String, Path, description = "`metadata.uid` of the entity.", min_length = 1)),
    responses((status = 204, description = "There is no such entity any more."))
)]
pub(crate) async fn delete(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(uid): PathParameters<String>,
    _: NoParameters,
) -> Result<StatusCode, ApiError> {
    let deletable = Visibility(caller.access(Permission::ENTITY_DELETE).await?);
    if !deletable.is_everything() && deletable.find_by_uid(&catalog.index().read(), &uid).is_none() {
        return Err(ApiError::NotAllowed(String::new()));
    }
    catalog.delete_entity(&uid).await?;
    Ok(StatusCode::NO_CONTENT)
}
