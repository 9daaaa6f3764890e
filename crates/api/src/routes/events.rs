//! `POST /api/events/http/{topic}`: an event from outside.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_sdk::{Event, IngressRequest};
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::options::ApiOptions;
use crate::request::{PathParameters, parse_json, read_body};
use crate::response::tagged_json;
use crate::state::BodyLimit;

/// What must not travel on with an event.
const SECRET_HEADERS: [header::HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Publish an event
///
/// Senders prove themselves by what the topic's validators look for, not by a token.
#[utoipa::path(
    post,
    path = "/api/events/http/{topic}",
    tag = "server",
    operation_id = "publishEvent",
    params(("topic" = String, Path, description = "One of the topics of the configuration.")),
    request_body(content = Value, description = "The payload of the event."),
    responses(
        (status = 202, description = "It is kept for its subscribers.", body = Value),
        (status = 403, description = "It is not signed as its topic demands."),
        (status = 404, description = "No events of this topic are taken."),
    )
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    State(options): State<Arc<ApiOptions>>,
    State(limit): State<BodyLimit>,
    PathParameters(topic): PathParameters<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let ingress = &options.event_ingress;
    if !ingress.topics.contains(&topic) {
        return Err(ApiError::NotFound(format!("No events of topic '{topic}' are taken")));
    }
    let bytes = read_body(body, &headers, limit).await?;
    let named: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let request = IngressRequest { topic: &topic, headers: &named, body: &bytes };
    if let Err(rejection) = ingress.validate(&request) {
        tracing::warn!(topic, "an event was refused");
        let status = StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::FORBIDDEN);
        return Ok(tagged_json(status, &rejection.payload));
    }
    let payload = if bytes.is_empty() { Value::Object(Map::new()) } else { parse_json(&bytes)? };
    let is_secret = |name: &str| SECRET_HEADERS.iter().any(|secret| secret.as_str() == name);
    let metadata = named.into_iter().filter(|(name, _)| !is_secret(name));
    let metadata = metadata.map(|(name, value)| (name, Value::String(value))).collect();
    catalog.publish(Event { topic, payload, metadata }).await?;
    Ok(tagged_json(StatusCode::ACCEPTED, &json!({ "status": "accepted" })))
}
