//! `POST /validate-entity`: whether the catalog would take an entity.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use callboard_engine::Catalog;
use serde_json::json;

use crate::error::ApiError;
use crate::request::{JsonBody, NoParameters};
use crate::response::tagged_json;

/// Answers an entity that is not valid with a body of its own, without the envelope.
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let members = body.required()?;
    let location = members.require("location", members.text("location")?)?;
    members.require("entity", members.object("entity")?)?;
    let entity = members.value("entity").cloned().unwrap_or_default();
    match catalog.validate_entity(entity, location).await {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(errors) => Ok(tagged_json(StatusCode::BAD_REQUEST, &json!({ "errors": errors }))),
    }
}
