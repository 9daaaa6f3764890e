//! `GET`, `PUT` and `DELETE /locations/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;

use crate::error::ApiError;
use crate::request::{JsonBody, NoParameters, PathParameters};
use crate::response::tagged_json;
use crate::wire::LocationBody;

pub(crate) async fn get(
    State(catalog): State<Catalog>,
    PathParameters(id): PathParameters<String>,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let location = catalog.location(&id).await?;
    Ok(tagged_json(StatusCode::OK, &LocationBody::from(location)))
}

pub(crate) async fn put(
    State(catalog): State<Catalog>,
    PathParameters(id): PathParameters<String>,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let members = body.required()?;
    let location_type = members.require("type", members.text("type")?)?;
    let target = members.require("target", members.text("target")?)?;
    members.only(&["type", "target"])?;
    let location = catalog.update_location(&id, location_type, target).await?;
    Ok(tagged_json(StatusCode::OK, &LocationBody::from(location)))
}

pub(crate) async fn delete(
    State(catalog): State<Catalog>,
    PathParameters(id): PathParameters<String>,
    _: NoParameters,
) -> Result<StatusCode, ApiError> {
    catalog.remove_location(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
