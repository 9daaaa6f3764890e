//! `GET /.backstage/actions/v1/actions`, and `POST …/{id}/invoke` in two versions.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use serde_json::{Map, Value, json};

use crate::actions::Invocation;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{ActionInput, ActionList, ActionOutput, ErrorBody};
use crate::options::ApiOptions;
use crate::request::{JsonBody, PathParameters};
use crate::response::tagged_json;

/// The actions that can be called
///
/// With descriptions that a program can choose by, and JSON Schemas of what they take and give. Query parameters are
/// ignored.
#[utoipa::path(
    get,
    path = "/.backstage/actions/v1/actions",
    tag = "actions",
    operation_id = "listActions",
    responses((status = 200, description = "The actions.", body = ActionList))
)]
pub(crate) async fn get(State(options): State<Arc<ApiOptions>>) -> Response {
    tagged_json(StatusCode::OK, &json!({ "actions": options.actions.list() }))
}

/// Call an action
///
/// The body is its input. The caller has to be somebody, also where the server lets everyone in.
#[utoipa::path(
    post,
    path = "/.backstage/actions/v1/actions/{id}/invoke",
    tag = "actions",
    operation_id = "invokeAction",
    params(("id" = String, Path, description = "`id` of the action.", min_length = 1, example = "catalog:get-catalog-entity")),
    request_body = Option<Map<String, Value>>,
    responses(
        (status = 200, description = "Its output.", body = ActionOutput),
        (status = 404, description = "There is no such action, or what it is to work on is not there.", body = ErrorBody),
        (status = 409, description = "What it is to do contradicts what is there.", body = ErrorBody),
    )
)]
pub(crate) async fn invoke(
    State(catalog): State<Catalog>,
    State(options): State<Arc<ApiOptions>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let input = body.into_value().unwrap_or_else(|| json!({}));
    let invocation = Invocation { input, secrets: Map::new() };
    let output = options.actions.invoke(&id, invocation, &catalog, &caller).await?;
    Ok(tagged_json(StatusCode::OK, &json!({ "output": output })))
}

/// Call an action, with secrets
///
/// The same, with what must not be shown beside the input.
#[utoipa::path(
    post,
    path = "/.backstage/actions/v2/actions/{id}/invoke",
    tag = "actions",
    operation_id = "invokeActionWithSecrets",
    params(("id" = String, Path, description = "`id` of the action.", min_length = 1, example = "catalog:get-catalog-entity")),
    request_body = ActionInput,
    responses(
        (status = 200, description = "Its output.", body = ActionOutput),
        (status = 404, description = "There is no such action, or what it is to work on is not there.", body = ErrorBody),
        (status = 409, description = "What it is to do contradicts what is there.", body = ErrorBody),
    )
)]
pub(crate) async fn invoke_with_secrets(
    State(catalog): State<Catalog>,
    State(options): State<Arc<ApiOptions>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let members = body.required()?;
    members.object("secrets")?;
    let input = members.require("input", members.value("input").cloned())?;
    let secrets = members.value("secrets").and_then(Value::as_object).cloned().unwrap_or_default();
    let invocation = Invocation { input, secrets };
    let output = options.actions.invoke(&id, invocation, &catalog, &caller).await?;
    Ok(tagged_json(StatusCode::OK, &json!({ "output": output })))
}
