//! The id of a request, by which its client can ask what became of it.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::Response;
use uuid::Uuid;

use crate::exchange::Exchange;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that a request came with, or a new one. If it may come to more than an answer, it has that from then on: events
/// are passed on with their headers.
pub(crate) fn identify(request: &mut Request) -> HeaderValue {
    if let Some(id) = request.headers().get(REQUEST_ID) {
        return id.clone();
    }
    let mut text = Uuid::encode_buffer();
    let text: &str = Uuid::new_v4().hyphenated().encode_lower(&mut text);
    let id = HeaderValue::from_str(text).unwrap_or(const { HeaderValue::from_static("") });
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        request.headers_mut().insert(REQUEST_ID, id.clone());
    }
    id
}

/// Sends the id back with the answer.
pub(crate) fn tell_id(exchange: Exchange<'_>, response: &mut Response) {
    response.headers_mut().entry(REQUEST_ID).or_insert(exchange.into_id());
}
