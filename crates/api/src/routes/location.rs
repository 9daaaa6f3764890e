//! `GET`, `PUT` and `DELETE /locations/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_permissions::Permission;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{ErrorBody, LocationRequest};
use crate::request::{JsonBody, NoParameters, PathParameters};
use crate::response::tagged_json;
use crate::wire::LocationBody;

/// One location
#[utoipa::path(
    get,
    path = "/locations/{id}",
    tag = "locations",
    operation_id = "getLocation",
    params(("id" = String, Path, description = "The id of the location.", min_length = 1)),
    responses(
        (status = 200, description = "The location.", body = LocationBody),
        (status = 404, description = "There is no such location.", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    _: NoParameters,
) -> Result<Response, ApiError> {
    if !caller.is_permitted(Permission::LOCATION_READ).await? {
        return Err(ApiError::NotFound(format!("Found no location with ID {id}")));
    }
    let location = catalog.location(&id).await?;
    Ok(tagged_json(StatusCode::OK, &LocationBody::from(location)))
}

/// Change a location
///
/// Its Location entity keeps its name. What the old target brought in goes, and what the new one has comes.
#[utoipa::path(
    put,
    path = "/locations/{id}",
    tag = "locations",
    operation_id = "updateLocation",
    params(("id" = String, Path, description = "The id of the location.", min_length = 1)),
    request_body = LocationRequest,
    responses(
        (status = 200, description = "The location.", body = LocationBody),
        (status = 404, description = "There is no such location.", body = ErrorBody),
        (status = 409, description = "Another location has this type and target.", body = ErrorBody),
    )
)]
pub(crate) async fn put(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let members = body.required()?;
    let location_type = members.require("type", members.text("type")?)?;
    let target = members.require("target", members.text("target")?)?;
    members.only(&["type", "target"])?;
    catalog.ensure_writable()?;
    caller.authorize(Permission::LOCATION_CREATE).await?;
    let location = catalog.update_location(&id, location_type, target).await?;
    Ok(tagged_json(StatusCode::OK, &LocationBody::from(location)))
}

/// Remove a location
///
/// With all entities that only it brought in.
#[utoipa::path(
    delete,
    path = "/locations/{id}",
    tag = "locations",
    operation_id = "deleteLocation",
    params(("id" = String, Path, description = "The id of the location.", min_length = 1)),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "There is no such location.", body = ErrorBody),
    )
)]
pub(crate) async fn delete(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    _: NoParameters,
) -> Result<StatusCode, ApiError> {
    catalog.ensure_writable()?;
    caller.authorize(Permission::LOCATION_DELETE).await?;
    catalog.remove_location(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
