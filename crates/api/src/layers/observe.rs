//! What is counted, timed and logged of each request.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use axum::response::Response;
use callboard_auth::Principal;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use crate::exchange::Exchange;

/// What kind of caller was let in.
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

/// A request that is being answered, and counted among those in flight until it is, or is given up.
pub(crate) struct Observation<'a> {
    meters: &'a Meters,
    started: Instant,
    in_flight: InFlight<'a>,
}

impl Observation<'_> {
    /// Counts, times and logs the request, now that its answer begins. Reads that went well are logged for those who ask
    /// for more.
    pub(crate) fn end(self, exchange: &Exchange<'_>, response: &Response) {
        let Self { meters, started, in_flight } = self;
        drop(in_flight);
        let took = started.elapsed();
        let status = response.status();
        let caller = exchange.caller.get().map_or("unknown", |kind| kind.0);
        let (meters, route) = match exchange.route.get() {
            Some(route) => (&route.meters, route.pattern().as_str()),
            None => (&meters.without_route, "none"),
        };
        meters.record(method_name(&exchange.method), route, status, took);

        let status = status.as_u16();
        let milliseconds = took.as_secs_f64() * 1000.0;
        let client = exchange.client.map(tracing::field::display);
        let is_read = matches!(exchange.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if is_read && status < 400 {
            tracing::debug!(status, milliseconds, caller, client, "answered");
        } else {
            tracing::info!(status, milliseconds, caller, client, "answered");
        }
    }
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

/// The metrics of requests that are not those of a route.
pub(crate) struct Meters {
    in_flight: Gauge,
    without_route: RouteMeters,
}

/// The metrics of the requests to one route, each looked up once: finding one by its labels costs more than counting. Those
/// of further methods and statuses are looked up every time.
#[derive(Debug, Default)]
pub(crate) struct RouteMeters([OnceLock<Meter>; 12]);

/// The metrics of one route, method and status.
#[derive(Debug)]
struct Meter {
    method: &'static str,
    status: StatusCode,
    requests: Counter,
    duration: Histogram,
}

impl Meters {
    pub(crate) fn new() -> Self {
        Self { in_flight: gauge!("http_requests_in_flight"), without_route: RouteMeters::default() }
    }

    /// Begins with a request.
    pub(crate) fn begin(&self) -> Observation<'_> {
        Observation { meters: self, started: Instant::now(), in_flight: InFlight::new(self) }
    }
}

impl RouteMeters {
    fn record(&self, method: &'static str, route: &str, status: StatusCode, took: Duration) {
        for place in &self.0 {
            let meter = place.get_or_init(|| Meter::new(method, route, status));
            if meter.status == status && meter.method == method {
                return meter.record(took);
            }
        }
        Meter::new(method, route, status).record(took);
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
