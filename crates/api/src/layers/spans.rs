//! What a request is a part of: its span in the log, and its span in a trace.

use axum::extract::Request;
use axum::response::Response;
use tower_http::request_id::RequestId;
use tracing::{Instrument as _, Span};

use super::next::Next;
use super::observe::route_of;

/// Puts both spans around a request, until its answer begins.
pub(crate) async fn put_in_spans(request: Request, next: impl Next) -> Response {
    let trace = callboard_traces::request_span(&request);
    let log = trace.in_scope(|| log_span(&request));
    let method = callboard_traces::IS_BUILT_IN.then(|| request.method().clone());
    let response = next.run(request).instrument(log).instrument(trace.clone()).await;
    if let Some(method) = method {
        callboard_traces::answered(&trace, &method, route_of(&response), response.status());
    }
    response
}

fn log_span(request: &Request) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!(
        "request",
        http.method = %request.method(),
        http.path = request.uri().path(),
        request.id = id.unwrap_or_default(),
    )
}
