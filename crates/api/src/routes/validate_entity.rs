//! `POST /validate-entity`: whether the catalog would take an entity.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use callboard_engine::Catalog;
use callboard_model::EntityError;
use callboard_permissions::Permission;
use serde_json::json;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{Invalidity, ValidateRequest};
use crate::request::{JsonBody, NoParameters};
use crate::response::tagged_json;

/// Check an entity
///
/// Whether the catalog would take it. Nothing is stored, and its location is not read.
#[utoipa::path(
    post,
    path = "/validate-entity",
    tag = "processing",
    operation_id = "validateEntity",
    request_body(content = ValidateRequest, example = json!({
        "location": "url:https://example.com/catalog-info.yaml",
        "entity": {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": { "name": "shop" },
            "spec": { "type": "service", "lifecycle": "production", "owner": "team-a" },
        },
    })),
    responses(
        (status = 200, description = "It is valid."),
        (status = 400, description = "It is not valid, or the body is not what it has to be.", body = Invalidity),
    )
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    caller: Caller,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let members = body.required()?;
    let location = members.require("location", members.text("location")?)?;
    members.require("entity", members.object("entity")?)?;
    let entity = members.value("entity").cloned().unwrap_or_default();
    if let Err(error) = catalog.check_outline(&entity, location) {
        return Ok(invalid(&[error]));
    }
    caller.authorize(Permission::ENTITY_VALIDATE).await?;
    match catalog.validate_entity(entity, location).await {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(errors) => Ok(invalid(&errors)),
    }
}

fn invalid(errors: &[EntityError]) -> Response {
    tagged_json(StatusCode::BAD_REQUEST, &json!({ "errors": errors }))
}
