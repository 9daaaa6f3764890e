//! What every request passes on its way to a route, one file each. Their order is in `router.rs`.

mod client_address;
mod compression;
mod cors;
mod observe;
mod rate_limit;
mod request_id;
mod spans;

pub use self::client_address::{TrustProxy, TrustProxyError};
pub use self::cors::{Cors, OriginPatterns};
pub use self::observe::describe_metrics;
pub use self::rate_limit::{RateLimit, RateLimits};

pub(crate) use self::client_address::client_address;
pub(crate) use self::compression::AcceptedEncodings;
pub(crate) use self::cors::CrossOrigin;
pub(crate) use self::observe::{CallerKind, Meters, RouteMeters};
pub(crate) use self::rate_limit::Limiters;
pub(crate) use self::request_id::{identify, tell_id};
pub(crate) use self::spans::Spans;
