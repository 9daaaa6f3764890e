//! Smaller answers for clients that can read them.

use std::convert::Infallible;
use std::future::ready;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};

use super::next::Next;

/// Smaller answers are sent as they are.
const THRESHOLD: u64 = 1024;

/// Compresses an answer if the client asks for it.
pub(crate) async fn compress(request: Request, next: impl Next) -> Response {
    let accepted = accepted(request.headers());
    let mut response = next.run(request).await;
    let is_worth_it = SizeAbove::new(THRESHOLD);
    if accepted.is_empty() {
        // What the library makes of a body is many kilobytes, whether it compresses or not.
        if is_worth_it.should_compress(&response) {
            response.headers_mut().append(header::VARY, HeaderValue::from(header::ACCEPT_ENCODING));
        }
        return response;
    }
    let mut asked = Request::new(Body::empty());
    *asked.headers_mut() = accepted;
    let mut answer = Some(response);
    let answer = service_fn(move |_: Request| ready(Ok::<_, Infallible>(answer.take().unwrap_or_default())));
    let layer = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(is_worth_it);
    let Ok(compressed) = layer.layer(answer).oneshot(asked).await;
    compressed.map(Body::new)
}

/// What the request says of encodings, and nothing else.
fn accepted(headers: &HeaderMap) -> HeaderMap {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    values.map(|value| (header::ACCEPT_ENCODING, value.clone())).collect()
}
