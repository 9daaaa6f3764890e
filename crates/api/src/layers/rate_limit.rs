//! How many requests a client may make: counted in a window of time that begins with its first request.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;

use crate::error::ApiError;
use crate::mount::{self, MOUNT_PATH};

/// Clients that are counted one by one. Those beyond share one count, so that nobody fills the memory by asking from
/// many addresses.
const MAX_CLIENTS: usize = 100_000;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The limits there are. Both may hold for one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of all requests but health checks.
    pub global: Option<RateLimit>,
    /// Of requests to the catalog.
    pub catalog: Option<RateLimit>,
}

/// A number of requests in a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// The stretch of time.
    pub window: Duration,
    /// Requests a client may make in it.
    pub requests: u64,
    /// Addresses without a limit.
    pub allowed: Vec<IpAddr>,
    /// Whether answers below 400 count.
    pub count_successful: bool,
    /// Whether answers from 400 on count.
    pub count_failed: bool,
}

/// The counts of all clients, for both limits.
#[derive(Debug)]
pub(crate) struct Limiters {
    global: Option<Limiter>,
    catalog: Option<Limiter>,
}

#[derive(Debug)]
struct Limiter {
    scope: &'static str,
    limit: RateLimit,
    windows: Mutex<HashMap<Option<IpAddr>, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    requests: u64,
    ends: Instant,
}

impl Limiters {
    /// Nothing if there is no limit.
    pub(crate) fn new(limits: &RateLimits) -> Option<Self> {
        let limiter = |scope, limit: &Option<RateLimit>| {
            let limit = limit.clone()?;
            Some(Limiter { scope, limit, windows: Mutex::default() })
        };
        let global = limiter("global", &limits.global);
        let catalog = limiter("catalog", &limits.catalog);
        (global.is_some() || catalog.is_some()).then_some(Self { global, catalog })
    }

    fn of(&self, path: &str) -> impl Iterator<Item = &Limiter> {
        let global = self.global.as_ref().filter(|_| !mount::is_health_check(path));
        let catalog = self.catalog.as_ref().filter(|_| mount::is_below(path, MOUNT_PATH));
        global.into_iter().chain(catalog)
    }
}

impl Limiter {
    /// Counts a request. If it is one too many, the window all the same.
    fn count(&self, client: Option<IpAddr>, now: Instant) -> Window {
        let mut windows = self.windows.lock();
        let mut key = client.map(network);
        if windows.len() >= MAX_CLIENTS && !windows.contains_key(&key) {
            windows.retain(|_, window| window.ends > now);
            if windows.len() >= MAX_CLIENTS {
                key = None;
            }
        }
        let fresh = Window { requests: 0, ends: now + self.limit.window };
        let window = windows.entry(key).or_insert(fresh);
        if window.ends <= now {
            *window = fresh;
        }
        window.requests += 1;
        *window
    }

    /// Takes a request back that turned out not to count.
    fn forget(&self, client: Option<IpAddr>, counted: Window) {
        let mut windows = self.windows.lock();
        if let Some(window) = windows.get_mut(&client.map(network))
            && window.ends == counted.ends
        {
            window.requests = window.requests.saturating_sub(1);
        }
    }

    fn write_headers(&self, headers: &mut HeaderMap, window: Window, now: Instant) {
        headers.insert(LIMIT, self.limit.requests.into());
        headers.insert(REMAINING, self.limit.requests.saturating_sub(window.requests).into());
        let ends = SystemTime::now() + window.ends.saturating_duration_since(now);
        let ends = ends.duration_since(UNIX_EPOCH).unwrap_or_default();
        headers.insert(RESET, rounded_up(ends).into());
    }
}

/// A request that was counted.
pub(crate) struct Counted<'a> {
    client: Option<IpAddr>,
    /// By which limits, when, and in which windows.
    by: Vec<(&'a Limiter, Window, Instant)>,
}

impl Limiters {
    /// Counts a request to a path. If its client made too many, this is the answer.
    pub(crate) fn admit(&self, client: Option<IpAddr>, path: &str) -> Result<Counted<'_>, Box<Response>> {
        let mut counted = Counted { client, by: Vec::with_capacity(2) };
        for limiter in self.of(path) {
            if client.is_some_and(|client| limiter.limit.allowed.contains(&client)) {
                continue;
            }
            let now = Instant::now();
            let window = limiter.count(client, now);
            if window.requests > limiter.limit.requests {
                metrics::counter!("http_requests_rate_limited_total", "limit" => limiter.scope).increment(1);
                let mut response = ApiError::TooManyRequests.into_response();
                limiter.write_headers(response.headers_mut(), window, now);
                let wait = rounded_up(window.ends.saturating_duration_since(now));
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
                counted.settle(response.status());
                return Err(Box::new(response));
            }
            counted.by.push((limiter, window, now));
        }
        Ok(counted)
    }
}

impl Counted<'_> {
    /// Tells the client how many requests are left to it, now that it is known how this one went.
    pub(crate) fn tell(&self, response: &mut Response) {
        self.settle(response.status());
        if let Some((limiter, window, now)) = self.by.last() {
            limiter.write_headers(response.headers_mut(), *window, *now);
        }
    }

    /// Takes back what does not count.
    fn settle(&self, status: StatusCode) {
        let is_failure = status.is_client_error() || status.is_server_error();
        for (limiter, window, _) in &self.by {
            let counts = if is_failure { limiter.limit.count_failed } else { limiter.limit.count_successful };
            if !counts {
                limiter.forget(self.client, *window);
            }
        }
    }
}

/// What is counted as one client: an address, or of the larger addresses the network that one subscriber gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 72))),
        address @ IpAddr::V4(_) => address,
    }
}

/// In whole seconds.
fn rounded_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(requests: u64) -> Limiter {
        let limit = RateLimit {
            window: Duration::from_mins(1),
            requests,
            allowed: Vec::new(),
            count_successful: true,
            count_failed: true,
        };
        Limiter { scope: "global", limit, windows: Mutex::default() }
    }

    #[test]
    fn a_window_begins_with_the_first_request() {
        let limiter = limiter(2);
        let client: Option<IpAddr> = Some("192.0.2.1".parse().unwrap());
        let other: Option<IpAddr> = Some("192.0.2.2".parse().unwrap());
        let start = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(limiter.count(client, start).requests, 1);
        assert_eq!(limiter.count(client, start + 59 * second).requests, 2);
        assert_eq!(limiter.count(other, start + 59 * second).requests, 1);
        let renewed = limiter.count(client, start + 60 * second);
        assert_eq!((renewed.requests, renewed.ends), (1, start + 120 * second));
        limiter.forget(client, renewed);
        assert_eq!(limiter.count(client, start + 61 * second).requests, 1);
    }

    #[test]
    fn clients_are_networks() {
        let cases = [
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:ff:2::", true),
            ("2001:db8:0:1::1", "2001:db8:0:100::1", false),
        ];
        for (one, other, same) in cases {
            let network = |text: &str| network(text.parse().unwrap());
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }
}
