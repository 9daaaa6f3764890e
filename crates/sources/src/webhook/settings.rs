use std::fmt;
use std::time::Duration;

use callboard_sdk::{DEFAULT_PRIORITY, Hooks};
use url::Url;

use crate::ProxyUse;

/// How a program is called.
#[derive(Clone)]
pub struct WebhookSettings {
    /// The name of the processor.
    pub name: String,
    /// Where the program listens. No other address is asked: redirects are not followed.
    pub url: Url,
    /// Which hooks it has. Locations are not read by it.
    pub hooks: Hooks,
    /// The kinds it is called for, whatever their case; all if empty.
    pub kinds: Vec<String>,
    /// How long one call may take.
    pub timeout: Duration,
    /// How often a call is tried, at least once.
    pub attempts: u32,
    /// How long to wait before the second attempt; twice as long before each further one.
    pub backoff: Duration,
    /// After so many calls in a row that failed, the program is left alone for a while.
    pub failures_until_open: u32,
    /// How long it is left alone. Its entities fail at once meanwhile.
    pub open_for: Duration,
    /// What requests are signed with.
    pub secret: Option<String>,
    /// Its place in the chain.
    pub priority: i32,
    /// The largest answer, in bytes.
    pub max_bytes: usize,
    /// Whether calls go through a proxy.
    pub proxies: ProxyUse,
}

impl WebhookSettings {
    /// The usual settings: 10 s and three attempts for a call, half a minute of rest after five failures.
    pub fn new(name: impl Into<String>, url: Url, hooks: Hooks) -> Self {
        Self {
            name: name.into(),
            url,
            hooks,
            kinds: Vec::new(),
            timeout: Duration::from_secs(10),
            attempts: 3,
            backoff: Duration::from_millis(200),
            failures_until_open: 5,
            open_for: Duration::from_secs(30),
            secret: None,
            priority: DEFAULT_PRIORITY,
            max_bytes: 10 * 1024 * 1024,
            proxies: ProxyUse::default(),
        }
    }
}

/// Without the secret, and without what may be one in the URL.
impl fmt::Debug for WebhookSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WebhookSettings").field("name", &self.name).finish_non_exhaustive()
    }
}
