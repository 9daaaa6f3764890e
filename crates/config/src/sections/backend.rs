//! The `backend` section.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::database::DatabaseSection;
use super::http::{ContentSecurityPolicy, Cors, Health, Https, Referrer};
use super::listen::Listen;
use super::rate_limit::RateLimit;
use super::server::ServerSection;
use crate::config::Finding;
use crate::lenient;
use crate::path::ConfigPath;
use crate::secret::Secret;
use crate::untyped::Untyped;
use callboard_duration::ConfigDuration;

/// The `backend` section. All of it may be left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct BackendSection {
    /// The URL clients reach the server at, `http://` or `https://`.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub base_url: Option<String>,
    /// Where the server takes connections. Default all interfaces, port 7007.
    pub listen: Listen,
    /// The database; `None` leaves the choice to the program.
    pub database: Option<DatabaseSection>,
    /// Who is let in.
    pub auth: AuthSection,
    /// What may be read from hosts that no integration covers.
    pub reading: ReadingSection,
    /// Which other origins browsers may call from; `None` for none.
    pub cors: Option<Cors>,
    /// Changes to the content security policy.
    pub csp: ContentSecurityPolicy,
    /// What browsers say of where a link was followed; `None` for the program's choice.
    pub referrer: Option<Referrer>,
    /// Where temporary files go; `None` for the system's place.
    pub working_directory: Option<PathBuf>,
    /// How starting and stopping are eased.
    pub lifecycle: Lifecycle,
    /// How patient the server is with connections.
    pub server: ServerSection,
    /// How many requests a client may make; `None` for any number.
    #[serde(deserialize_with = "RateLimit::or_none")]
    pub rate_limit: Option<RateLimit>,
    /// Certificates; `None` to serve plain HTTP.
    #[serde(deserialize_with = "Https::or_none")]
    pub https: Option<Https>,
    /// Answers to health checks.
    pub health: Health,
    /// Which proxies' `X-Forwarded-*` headers are believed, in the words of Express.
    pub trust_proxy: Untyped,
}

/// `backend.auth`: who is let in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct AuthSection {
    /// Whether requests without credentials are let in. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub dangerously_disable_default_auth_policy: bool,
    /// Ways for callers from outside, for the authentication code to read.
    pub external_access: Vec<Untyped>,
    /// Secrets shared with older backends. Deprecated in favour of external access.
    pub keys: Vec<SharedKey>,
    /// Where the server's own signing keys are kept.
    pub plugin_key_store: Untyped,
}

/// One of `backend.auth.keys`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with \"secret\"")]
pub struct SharedKey {
    /// The secret, base64.
    pub secret: Secret,
}

/// `backend.reading`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct ReadingSection {
    /// Hosts that may be read from without an integration. Default none.
    pub allow: Vec<ReadingAllow>,
}

/// One of `backend.reading.allow`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with \"host\"")]
pub struct ReadingAllow {
    /// A host, or `*.` and the end of one; then, if URLs may name a port, `:port` or `:from-to`.
    #[serde(deserialize_with = "lenient::text")]
    pub host: String,
    /// Paths that may be read, each with all that is below it; `None` for any.
    #[serde(default)]
    pub paths: Option<Vec<String>>,
}

/// `backend.lifecycle`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct Lifecycle {
    /// How long requests wait for the server to be ready before they fail. Default 5 s.
    pub startup_request_pause_timeout: ConfigDuration,
    /// How long the server goes on serving, while saying that it is unhealthy, before it stops.
    /// Default 0 s.
    pub server_shutdown_delay: ConfigDuration,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            startup_request_pause_timeout: ConfigDuration::new(Duration::from_secs(5)),
            server_shutdown_delay: ConfigDuration::new(Duration::ZERO),
        }
    }
}

impl BackendSection {
    /// What contradicts itself.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.base_url.as_deref().is_some_and(|url| !is_http_url(url)) {
            findings.push(Finding {
                path: ConfigPath::root().key("baseUrl"),
                message: "expected a URL that begins with http:// or https://".to_owned(),
                help: None,
            });
        }
        for (index, allow) in self.reading.allow.iter().enumerate() {
            if let Some(message) = allow.host_fault() {
                let path = ConfigPath::root().key("reading").key("allow").index(index).key("host");
                let help = "write a host such as example.com, *.example.com or example.com:8080";
                let help = Some(help.to_owned());
                findings.push(Finding { path, message: message.to_owned(), help });
            }
        }
        if let Some(database) = &self.database {
            let within = ConfigPath::root().key("database");
            findings.extend(database.findings().into_iter().map(|finding| {
                let path = within.join(&finding.path);
                Finding { path, ..finding }
            }));
        }
        findings
    }
}

impl ReadingAllow {
    fn host_fault(&self) -> Option<&'static str> {
        let bare = self.host.strip_prefix("*.").unwrap_or(&self.host);
        if self.host.contains("://") || self.host.contains('/') {
            Some("expected a host, and this is a URL or a path")
        } else if bare.contains('*') {
            Some("a wildcard can only stand at the beginning, as in *.example.com")
        } else {
            None
        }
    }
}

fn is_http_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}
