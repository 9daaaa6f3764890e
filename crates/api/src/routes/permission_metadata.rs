//! `GET /.well-known/backstage/permissions/metadata`: what the permission backend has to know to write policies.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_permissions::{PERMISSIONS, Permission, RESOURCE_TYPE};
use serde_json::{Value, json};

use crate::openapi::schemas::PermissionMetadata;
use crate::options::ApiOptions;
use crate::response::tagged_json;

/// Permissions and rules
///
/// What the permission backend has to know to write policies. Query parameters are ignored.
#[utoipa::path(
    get,
    path = "/.well-known/backstage/permissions/metadata",
    tag = "permissions",
    operation_id = "getPermissionMetadata",
    responses((status = 200, description = "The permissions and rules there are.", body = PermissionMetadata))
)]
pub(crate) async fn get(State(options): State<Arc<ApiOptions>>) -> Response {
    let permissions: Vec<Value> = PERMISSIONS.iter().map(Permission::to_json).collect();
    let rules = options.permissions.rules.iter().map(|rule| {
        json!({
            "name": rule.name(),
            "description": rule.description(),
            "resourceType": RESOURCE_TYPE,
            "paramsSchema": rule.parameters_schema(),
        })
    });
    let metadata = json!({ "permissions": permissions, "rules": rules.collect::<Vec<_>>() });
    tagged_json(StatusCode::OK, &metadata)
}
