//! What is counted, timed and logged of each request.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use callboard_auth::Principal;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use parking_lot::RwLock;

use super::client_address::ClientAddress;
use super::next::Next;

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
pub(crate) async fn tell_route(route: Option<MatchedPath>, request: Request, next: impl Next) -> Response {
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
pub(crate) async fn observe(meters: &Meters, request: Request, next: impl Next) -> Response {
    let started = Instant::now();
    let method = method_name(request.method());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let client = request.extensions().get::<ClientAddress>().map(|client| client.0);
    let in_flight = InFlight::new(meters);
    let response = next.run(request).await;
    drop(in_flight);

    let took = started.elapsed();
    let status = response.status();
    let caller = response.extensions().get::<CallerKind>().map_or("unknown", |kind| kind.0);
    meters.record(method, route_of(&response).unwrap_or("none"), status, took);

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

/// The metrics of requests, each looked up once: finding one by its labels costs more than counting.
pub(crate) struct Meters {
    in_flight: Gauge,
    of_routes: RwLock<HashMap<Box<str>, Vec<Meter>>>,
}

/// The metrics of one route, method and status.
struct Meter {
    method: &'static str,
    status: StatusCode,
    requests: Counter,
    duration: Histogram,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self { in_flight: gauge!("http_requests_in_flight"), of_routes: RwLock::default() }
    }

    fn record(&self, method: &'static str, route: &str, status: StatusCode, took: Duration) {
        let is_wanted = |meter: &&Meter| meter.method == method && meter.status == status;
        if let Some(meter) = self.of_routes.read().get(route).and_then(|meters| meters.iter().find(is_wanted))
        {
            return meter.record(took);
        }
        let meter = Meter::new(method, route, status);
        meter.record(took);
        // Two that come at the same time make two; both count the same.
        self.of_routes.write().entry(route.into()).or_default().push(meter);
    }
}

impl Meter {
    fn new(method: &'static str, route: &str, status: StatusCode) -> Self {
        let route = route.to_owned();
        let status_label = status.as_str().to_owned();
        Self {
            method,
            status,
            requests: counter!(
                "http_requests_total", "method" => method, "route" => route.clone(), "status" => status_label
            ),
            duration: histogram!("http_request_duration_seconds", "method" => method, "route" => route),
        }
    }

    fn record(&self, took: Duration) {
        self.requests.increment(1);
        self.duration.record(took);
    }
}

/// One of the requests in flight, also if it is given up.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn new(meters: &'a Meters) -> Self {
        meters.in_flight.increment(1);
        Self(&meters.in_flight)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
