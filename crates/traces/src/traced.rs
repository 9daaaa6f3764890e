//! The two kinds of spans: a request that came in, and a call to another host. Names and attributes are those of
//! OpenTelemetry's conventions for HTTP.

use http::{Method, Request, StatusCode};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use reqwest::{RequestBuilder, Response};
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::TARGET;

const STATUS: &str = "http.response.status_code";

/// The span of a request that came in, in the trace that its `traceparent` names.
pub fn request_span<B>(request: &Request<B>) -> Span {
    let method = method_name(request.method());
    let span = tracing::info_span!(
        target: TARGET,
        parent: None,
        "request",
        otel.name = method,
        otel.kind = "server",
        http.request.method = method,
        url.path = request.uri().path(),
    );
    if !span.is_disabled() {
        let caller = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
        // It fails where nobody collects.
        _ = span.set_parent(caller);
    }
    span
}

/// Says how a request was answered, and by which route.
pub fn answered(span: &Span, method: &Method, route: Option<&str>, status: StatusCode) {
    if span.is_disabled() {
        return;
    }
    if let Some(route) = route {
        span.set_attribute("http.route", route.to_owned());
        span.context().span().update_name(format!("{} {route}", method_name(method)));
    }
    span.set_attribute(STATUS, i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
}

/// Sends a request as a part of the present trace, or as the beginning of one.
///
/// # Errors
///
/// As those of `reqwest`.
pub async fn send(request: RequestBuilder) -> Result<Response, reqwest::Error> {
    let (client, request) = request.build_split();
    let mut request = request?;
    let method = method_name(request.method());
    let span = tracing::info_span!(
        target: TARGET,
        "call",
        otel.name = method,
        otel.kind = "client",
        http.request.method = method,
        server.address = request.url().host_str(),
        server.port = request.url().port_or_known_default(),
    );
    if span.is_disabled() {
        return client.execute(request).await;
    }
    TraceContextPropagator::new().inject_context(&span.context(), &mut HeaderInjector(request.headers_mut()));
    let answer = client.execute(request).instrument(span.clone()).await;
    match &answer {
        Ok(response) => {
            span.set_attribute(STATUS, i64::from(response.status().as_u16()));
            if response.status().is_client_error() || response.status().is_server_error() {
                span.set_status(Status::error(""));
            }
        }
        // Without the address, which may hold credentials.
        Err(error) if error.is_timeout() => span.set_status(Status::error("no answer in time")),
        Err(_) => span.set_status(Status::error("the host cannot be reached")),
    }
    answer
}

/// Names that anyone can make up would make names of spans without end.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "HTTP",
    }
}
