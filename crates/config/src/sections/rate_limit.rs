//! `backend.rateLimit`: how many requests a client may make.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::lenient;
use crate::untyped::Untyped;
use callboard_duration::{ConfigDuration, duration_or_milliseconds};

/// `backend.rateLimit`, where `true` stands for all defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    /// Where counts are kept; not given means in memory.
    pub store: Untyped,
    /// Whether all requests count, rather than only those of the plugins below. Default true.
    pub global: bool,
    /// The limit for all requests.
    pub limit: RateLimitWindow,
    /// Limits of single plugins. The catalog is the plugin `catalog`.
    pub plugin: BTreeMap<String, RateLimitWindow>,
}

/// A number of requests in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct RateLimitWindow {
    /// The stretch of time; a bare number counts milliseconds. Default 1 minute.
    #[serde(deserialize_with = "duration_or_milliseconds")]
    pub window: ConfigDuration,
    /// Requests a client may make in it. Default 5.
    #[serde(deserialize_with = "lenient::whole_number")]
    pub incoming_request_limit: u64,
    /// Whether requests pass while the store fails. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub pass_on_store_error: bool,
    /// Addresses without a limit; `None` for those of this machine.
    pub ip_allow_list: Option<Vec<String>>,
    /// Whether requests that succeeded do not count. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub skip_successful_requests: bool,
    /// Whether requests that failed do not count. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub skip_failed_requests: bool,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            store: Untyped::default(),
            global: true,
            limit: RateLimitWindow::default(),
            plugin: BTreeMap::new(),
        }
    }
}

impl Default for RateLimitWindow {
    fn default() -> Self {
        Self {
            window: ConfigDuration::new(Duration::from_mins(1)),
            incoming_request_limit: 5,
            pass_on_store_error: false,
            ip_allow_list: None,
            skip_successful_requests: false,
            skip_failed_requests: false,
        }
    }
}

impl RateLimit {
    pub(super) fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        deserializer.deserialize_any(RateLimitVisitor)
    }
}

struct RateLimitVisitor;

impl<'de> Visitor<'de> for RateLimitVisitor {
    type Value = Option<RateLimit>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("true or an object")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Option<RateLimit>, E> {
        Ok(on.then(RateLimit::default))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Option<RateLimit>, A::Error> {
        let written = WrittenRateLimit::deserialize(MapAccessDeserializer::new(entries))?;
        let limit = RateLimitWindow {
            window: written.window,
            incoming_request_limit: written.incoming_request_limit,
            pass_on_store_error: written.pass_on_store_error,
            ip_allow_list: written.ip_allow_list,
            skip_successful_requests: written.skip_successful_requests,
            skip_failed_requests: written.skip_failed_requests,
        };
        let WrittenRateLimit { store, global, plugin, .. } = written;
        Ok(Some(RateLimit { store, global, limit, plugin }))
    }
}

/// The object form, where the general limit stands among the other keys. Spelt out, because serde's
/// flattening would lose the key that an error is about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "these are the keys as Backstage has them")]
struct WrittenRateLimit {
    store: Untyped,
    #[serde(deserialize_with = "lenient::boolean")]
    global: bool,
    plugin: BTreeMap<String, RateLimitWindow>,
    #[serde(deserialize_with = "duration_or_milliseconds")]
    window: ConfigDuration,
    #[serde(deserialize_with = "lenient::whole_number")]
    incoming_request_limit: u64,
    #[serde(deserialize_with = "lenient::boolean")]
    pass_on_store_error: bool,
    ip_allow_list: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient::boolean")]
    skip_successful_requests: bool,
    #[serde(deserialize_with = "lenient::boolean")]
    skip_failed_requests: bool,
}

impl Default for WrittenRateLimit {
    fn default() -> Self {
        let RateLimit { store, global, limit, plugin } = RateLimit::default();
        Self {
            store,
            global,
            plugin,
            window: limit.window,
            incoming_request_limit: limit.incoming_request_limit,
            pass_on_store_error: limit.pass_on_store_error,
            ip_allow_list: limit.ip_allow_list,
            skip_successful_requests: limit.skip_successful_requests,
            skip_failed_requests: limit.skip_failed_requests,
        }
    }
}
