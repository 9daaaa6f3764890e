//! `GET /openapi.json` and `GET /docs`: what this API is, for programs and for people.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::openapi::documentation;
use crate::response::tagged_bytes;

/// This document
///
/// Query parameters are ignored.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "server",
    operation_id = "getOpenApiDocument",
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = serde_json::Value))
)]
pub(crate) async fn get() -> Response {
    tagged_bytes(StatusCode::OK, documentation().json.clone())
}

/// This document as a page
///
/// To be read in a browser. It has no scripts, and loads nothing from anywhere.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "server",
    operation_id = "getDocumentationPage",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html"))
)]
pub(crate) async fn page() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], documentation().page.clone()).into_response()
}
