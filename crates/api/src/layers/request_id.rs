//! The id of a request, by which its client can ask what became of it.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use uuid::Uuid;

use crate::exchange::Exchange;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that a request came with, or a new one, which it has from then on.
pub(crate) fn identify(request: &mut Request) -> HeaderValue {
    if let Some(id) = request.headers().get(REQUEST_ID) {
        return id.clone();
    }
    let mut text = Uuid::encode_buffer();
    let text: &str = Uuid::new_v4().hyphenated().encode_lower(&mut text);
    let id = HeaderValue::from_str(text).unwrap_or(const { HeaderValue::from_static("") });
    request.headers_mut().insert(REQUEST_ID, id.clone());
    id
}

/// Sends the id back with the answer.
pub(crate) fn tell_id(exchange: &Exchange<'_>, response: &mut Response) {
    response.headers_mut().entry(REQUEST_ID).or_insert_with(|| exchange.id_header().clone());
}
