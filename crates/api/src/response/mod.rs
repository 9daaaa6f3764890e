//! Building responses: JSON with an entity tag, lists of stored bodies, and the headers all of them share.

mod conditional;
mod content_security_policy;
mod etag;
mod json_list;
mod security;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

pub use content_security_policy::{ContentSecurityPolicy, PolicyError};

pub(crate) use conditional::KnownTags;
pub(crate) use json_list::{JsonList, stream_list};
pub(crate) use security::SecurityHeaders;

use crate::error::ApiError;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A response made of one value, with an entity tag.
pub(crate) fn tagged_json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => tagged_bytes(status, body.into()),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// A response of JSON text, with an entity tag.
pub(crate) fn tagged_bytes(status: StatusCode, body: Bytes) -> Response {
    let tag = etag::weak(&body);
    let mut response = untagged(status, Body::from(body));
    response.headers_mut().insert(header::ETAG, tag);
    response
}

/// A response of JSON text that is sent as it is stored.
pub(crate) fn stored_json(body: Bytes) -> Response {
    untagged(StatusCode::OK, Body::from(body))
}

fn untagged(status: StatusCode, body: Body) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}
