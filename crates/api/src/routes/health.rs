//! `/.backstage/health/v1/liveness` and `readiness`, for orchestrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::DatabaseState;
use serde_json::json;

use crate::openapi::schemas::Health;
use crate::response::tagged_json;
use crate::state::ApiState;

/// Whether the process runs
#[utoipa::path(
    get,
    path = "/.backstage/health/v1/liveness",
    tag = "server",
    operation_id = "getLiveness",
    responses((status = 200, description = "It does.", body = Health))
)]
pub(crate) async fn liveness(State(state): State<ApiState>) -> Response {
    answer(&state, StatusCode::OK, &json!({ "status": "ok" }))
}

/// Whether the catalog answers requests
#[utoipa::path(
    get,
    path = "/.backstage/health/v1/readiness",
    tag = "server",
    operation_id = "getReadiness",
    responses(
        (status = 200, description = "It does.", body = Health),
        (status = 503, description = "Not yet, or not any more.", body = Health),
    )
)]
pub(crate) async fn readiness(State(state): State<ApiState>) -> Response {
    let refused = |message: &str| {
        answer(&state, StatusCode::SERVICE_UNAVAILABLE, &json!({ "message": message, "status": "error" }))
    };
    if state.options.lifecycle.is_leaving() {
        return refused("Backend is shutting down");
    }
    if !state.catalog.is_ready() {
        return refused("Backend has not started yet");
    }
    let mut body = json!({ "status": "ok" });
    // Reads go on: a node that is taken out for this would leave nobody to answer them.
    if let Some(word) = trouble(state.catalog.database_state()) {
        body["database"] = word.into();
    }
    answer(&state, StatusCode::OK, &body)
}

/// What is wrong with the database, in one word.
pub(crate) fn trouble(state: DatabaseState) -> Option<&'static str> {
    match state {
        DatabaseState::Writable => None,
        DatabaseState::Unwritable => Some("unwritable"),
        DatabaseState::Unreachable => Some("unreachable"),
    }
}

fn answer(state: &ApiState, status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = tagged_json(status, body);
    let headers = response.headers_mut();
    for (name, value) in &state.options.health_headers {
        headers.insert(name, value.clone());
    }
    response
}
