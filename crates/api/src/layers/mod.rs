//! What every request passes on its way to a route, one file each. Their order is in `router.rs`.

mod client_address;
mod compression;
mod cors;
mod next;
mod observe;
mod rate_limit;
mod spans;

pub use self::client_address::{TrustProxy, TrustProxyError};
pub use self::cors::{Cors, OriginPatterns};
pub use self::observe::describe_metrics;
pub use self::rate_limit::{RateLimit, RateLimits};

pub(crate) use self::client_address::{ClientAddress, identify_client};
pub(crate) use self::compression::compress;
pub(crate) use self::cors::share_with_origins;
pub(crate) use self::next::Next;
pub(crate) use self::observe::{CallerKind, Meters, observe, tell_route};
pub(crate) use self::rate_limit::{Limiters, limit_rate};
pub(crate) use self::spans::put_in_spans;
