//! The body of error responses: `{"error": {…}, "request": {…}, "response": {…}}`.

use axum::http::header;
use axum::response::Response;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::mount;
use crate::response::tagged_json;

/// Writes the envelope around the error that a handler returned, and logs internal ones.
pub(crate) fn render_errors(exchange: &Exchange<'_>, mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else {
        return response;
    };
    let log_id = exchange.id();
    if let ApiError::Internal(cause) = &error {
        tracing::error!(error = %Causes(cause.as_ref()), log.id = log_id, "request failed");
    }
    let body = json!({
        "error": describe(&error, log_id),
        "request": { "method": exchange.method.as_str(), "url": mount::relative_url(&exchange.uri) },
        "response": { "statusCode": error.status().as_u16() },
    });
    let mut rendered = tagged_json(error.status(), &body);
    *rendered.extensions_mut() = std::mem::take(response.extensions_mut());
    // What was said of the request stays said; the length is that of the empty body before.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    for (name, value) in response.headers() {
        rendered.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    rendered
}

/// The `error` member of the envelope.
fn describe(error: &ApiError, log_id: &str) -> Value {
    let mut described = json!({ "name": error.name(), "message": error.to_string() });
    match error {
        ApiError::Internal(_) => {
            described["message"] = json!(format!("An internal error occurred logId={log_id}"));
        }
        ApiError::PayloadTooLarge { limit, length } => {
            if let Some(length) = length {
                described["expected"] = json!(length);
                described["length"] = json!(length);
            }
            described["limit"] = json!(limit);
            described["type"] = json!("entity.too.large");
        }
        ApiError::Detailed(detailed) => {
            if let Some(members) = described.as_object_mut() {
                members.extend(detailed.details.clone());
            }
        }
        _ => {}
    }
    described
}

/// An error and its causes on one line.
struct Causes<'a>(&'a (dyn std::error::Error + Send + Sync));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
