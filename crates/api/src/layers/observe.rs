//! What is counted, timed and logged of each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use callboard_auth::Principal;
use metrics::{Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::client_address::ClientAddress;

/// The route that answered, as it is in the table of routes. In the extensions of a response.
#[derive(Debug, Clone)]
struct Route(MatchedPath);

/// What kind of caller was let in. In the extensions of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallerKind(&'static str);

impl From<&Principal> for CallerKind {
    fn from(principal: &Principal) -> Self {
        Self(match principal {
            Principal::None => "none",
            Principal::User(_) => "user",
            Principal::Service(_) => "service",
        })
    }
}

/// Says what each of the metrics of HTTP means.
pub fn describe_metrics() {
    describe_counter!("http_requests_total", "Requests, by method, route and status");
    describe_histogram!("http_request_duration_seconds", "Until the answer begins, by method and route");
    describe_gauge!("http_requests_in_flight", "Requests whose answer has not begun");
    describe_counter!("http_requests_rate_limited_total", "Requests refused by a rate limit");
    describe_histogram!(
        "catalog_query_duration_seconds",
        "Queries for entities in the index, by their shape"
    );
    describe_gauge!("http_connections", "Open connections");
    describe_counter!(
        "http_connections_cut_total",
        "Connections cut because the client took too long, by reason"
    );
}

/// Remembers which route answers, for [`observe`], which is further outside.
pub(crate) async fn tell_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(Route(route));
    }
    response
}

/// The route that answered, if there is one.
pub(super) fn route_of(response: &Response) -> Option<&str> {
    response.extensions().get::<Route>().map(|route| route.0.as_str())
}

/// Counts, times and logs a request. Reads that went well are logged for those who ask for more.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let client = request.extensions().get::<ClientAddress>().map(|client| client.0);
    let in_flight = InFlight::new();
    let response = next.run(request).await;
    drop(in_flight);

    let took = started.elapsed();
    let status = response.status();
    let route = route_of(&response).unwrap_or("none").to_owned();
    let caller = response.extensions().get::<CallerKind>().map_or("unknown", |kind| kind.0);
    let status_label = status_label(status);
    counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status_label)
        .increment(1);
    histogram!("http_request_duration_seconds", "method" => method, "route" => route).record(took);

    let status = status.as_u16();
    let milliseconds = took.as_secs_f64() * 1000.0;
    let client = client.map(tracing::field::display);
    if is_read && status < 400 {
        tracing::debug!(status, milliseconds, caller, client, "answered");
    } else {
        tracing::info!(status, milliseconds, caller, client, "answered");
    }
    response
}

/// Names that anyone can make up would make metrics without end.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn status_label(status: StatusCode) -> String {
    status.as_str().to_owned()
}

/// One of the requests in flight, also if it is given up.
struct InFlight(Gauge);

impl InFlight {
    fn new() -> Self {
        let gauge = gauge!("http_requests_in_flight");
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
