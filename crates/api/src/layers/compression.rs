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

/// Smaller answers are sent as they are.
const THRESHOLD: u64 = 1024;

const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// What a request says of the encodings that its client can read.
pub(crate) struct AcceptedEncodings(HeaderMap);

impl AcceptedEncodings {
    /// That, and nothing else of its headers.
    pub(crate) fn of(request: &Request) -> Self {
        let values = request.headers().get_all(header::ACCEPT_ENCODING).iter();
        Self(values.map(|value| (header::ACCEPT_ENCODING, value.clone())).collect())
    }

    /// Compresses an answer if the client asks for it.
    pub(crate) async fn compress(self, mut response: Response) -> Response {
        let is_worth_it = SizeAbove::new(THRESHOLD);
        if self.0.is_empty() {
            // What the library makes of a body is many kilobytes, whether it compresses or not.
            if is_worth_it.should_compress(&response) {
                response.headers_mut().append(header::VARY, ACCEPT_ENCODING);
            }
            return response;
        }
        let mut asked = Request::new(Body::empty());
        *asked.headers_mut() = self.0;
        let mut answer = Some(response);
        let answer =
            service_fn(move |_: Request| ready(Ok::<_, Infallible>(answer.take().unwrap_or_default())));
        let layer = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(is_worth_it);
        // In a box of its own, for the same reason: every request would carry it along.
        let Ok(compressed) = Box::pin(layer.layer(answer).oneshot(asked)).await;
        compressed.map(Body::new)
    }
}
