//! How patient a server is, and with how many.

use std::time::Duration;

/// Limits of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServingSettings {
    /// Connections at a time. Others wait in the system's queue. 10,000 by default.
    pub max_connections: usize,
    /// The largest head of a request: request line and headers. Beyond it the answer is 431. 16 KiB by default, as in
    /// the reference.
    pub max_head_bytes: u32,
    /// The most headers a request over HTTP/1.1 may have; 100 by default.
    pub max_headers: usize,
    /// How long the head of a request may take, also the first one of a connection. 30 s by default.
    pub head_timeout: Duration,
    /// How long a connection may wait for its next request. 65 s by default, longer than proxies keep theirs.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what is sent to it. 1 min by default.
    pub stall_timeout: Duration,
    /// Requests over one connection of HTTP/1.1; any number by default.
    pub max_requests: Option<u32>,
    /// How long open requests may take to end when the server stops. 5 s by default.
    pub drain: Duration,
}

impl Default for ServingSettings {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_head_bytes: 16 * 1024,
            max_headers: 100,
            head_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(65),
            stall_timeout: Duration::from_mins(1),
            max_requests: None,
            drain: Duration::from_secs(5),
        }
    }
}
