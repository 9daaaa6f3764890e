//! `backend.server`: how patient the server is with connections.

use callboard_duration::{ConfigDuration, optional_duration_or_milliseconds};
use serde::Deserialize;

use crate::lenient;

/// `backend.server`. A bare number of a duration counts milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct ServerSection {
    /// How long the head of a request may take. Zero for any time.
    #[serde(deserialize_with = "optional_duration_or_milliseconds")]
    pub headers_timeout: Option<ConfigDuration>,
    /// How long a whole request may take, with its body. Zero for any time.
    #[serde(deserialize_with = "optional_duration_or_milliseconds")]
    pub request_timeout: Option<ConfigDuration>,
    /// How long a connection may wait for its next request.
    #[serde(deserialize_with = "optional_duration_or_milliseconds")]
    pub keep_alive_timeout: Option<ConfigDuration>,
    /// How long a connection may be silent in the midst of a request. Zero for any time.
    #[serde(deserialize_with = "optional_duration_or_milliseconds")]
    pub timeout: Option<ConfigDuration>,
    /// How many headers a request may have. Zero for any number.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub max_headers_count: Option<u32>,
    /// How many requests a connection may carry. Zero for any number.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub max_requests_per_socket: Option<u32>,
}
