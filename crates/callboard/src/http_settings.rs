//! Configuration, translated into how HTTP is spoken: other origins, security headers, limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use callboard_api::{
    ApiOptions, ContentSecurityPolicy, Cors, MetricsEndpoint, OriginPatterns, RateLimit, RateLimits,
    TrustProxy,
};
use callboard_config::sections::{self, BackendSection, Https, RateLimitWindow};
use callboard_config::{Config, ConfigDuration, ConfigError};
use callboard_serving::{Certificate, ServingSettings, Tls, TlsError};
use serde_json::Value;

use crate::metrics::Metrics;
use crate::settings::CallboardSection;

/// What stands for no limit of time.
const FOREVER: Duration = Duration::from_hours(24);

/// More headers do not fit into the head of a request.
const MAX_HEADERS: usize = 4096;

const MAX_CONNECTIONS: usize = 1_000_000;

/// Addresses without a rate limit, if nobody names others: this machine's.
const OWN_ADDRESSES: [&str; 2] = ["127.0.0.1", "::1"];

/// Sets what the configuration says of HTTP, and leaves the rest of the options as they are.
///
/// # Errors
///
/// A section of the configuration is not what it must be.
pub(crate) fn apply(config: &Config, own: &CallboardSection, options: &mut ApiOptions) -> Result<()> {
    let backend = config.backend()?;
    options.startup_pause = backend.lifecycle.startup_request_pause_timeout.get();
    options.cors = backend.cors.as_ref().map(|cors| read_cors(config, cors)).transpose()?;
    options.content_security_policy = content_security_policy(config, &backend)?;
    if let Some(referrer) = &backend.referrer {
        let value = header_value(config, "backend.referrer.policy", &referrer.policy.join(","))?;
        options.referrer_policy = value;
    }
    options.health_headers = health_headers(config, &backend)?;
    options.trust_proxy = trust_proxy(config, backend.trust_proxy.value())?;
    options.rate_limits = rate_limits(config, &backend)?;
    if let Some(limit) = own.http.body_limit {
        options.body_limit = limit;
    }
    if let Some(timeout) = backend.server.request_timeout.filter(|timeout| !timeout.get().is_zero()) {
        // Handlers read bodies, and have as long as before besides.
        options.handler_timeout += timeout.get();
        options.body_timeout = timeout.get();
    }
    Ok(())
}

/// Where metrics are shown.
///
/// # Errors
///
/// It is no path, or one of the server's own.
pub(crate) fn metrics(config: &Config, own: &CallboardSection, metrics: &Metrics) -> Result<MetricsEndpoint> {
    let path = own.metrics.path.clone();
    let is_path = path.len() > 1 && path.starts_with('/') && !path.ends_with('/');
    let is_free = !path.starts_with("/api/") && !path.starts_with("/.backstage/");
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
    if !(is_path && is_free && is_plain) {
        let message = "expected a path such as /metrics, outside of /api and /.backstage";
        return Err(invalid(config, "callboard.metrics.path", message.to_owned()).into());
    }
    let metrics = metrics.clone();
    let render = Arc::new(move || metrics.render());
    Ok(MetricsEndpoint { path, public: own.metrics.public, render })
}

/// How patient the server is with connections.
///
/// # Errors
///
/// The section `backend` is not what it must be, or there may be no connections.
pub(crate) fn serving(config: &Config, own: &CallboardSection) -> Result<ServingSettings> {
    let server = config.backend()?.server;
    let mut settings = ServingSettings::default();
    let set = |duration: &mut Duration, configured: Option<ConfigDuration>| {
        if let Some(configured) = configured.map(ConfigDuration::get) {
            *duration = if configured.is_zero() { FOREVER } else { configured.min(FOREVER) };
        }
    };
    set(&mut settings.head_timeout, server.headers_timeout);
    set(&mut settings.idle_timeout, server.keep_alive_timeout);
    set(&mut settings.stall_timeout, server.timeout);
    settings.max_requests = server.max_requests_per_socket.filter(|max_requests| *max_requests > 0);
    if let Some(max_headers) = server.max_headers_count {
        let max_headers = usize::try_from(max_headers)?;
        settings.max_headers = if max_headers == 0 { MAX_HEADERS } else { max_headers.min(MAX_HEADERS) };
    }
    if let Some(max_connections) = own.http.max_connections {
        if !(1..=MAX_CONNECTIONS).contains(&max_connections) {
            let message = format!("expected a number from 1 to {MAX_CONNECTIONS}");
            return Err(invalid(config, "callboard.http.maxConnections", message).into());
        }
        settings.max_connections = max_connections;
    }
    Ok(settings)
}

/// The certificate, if TLS is to be spoken.
///
/// # Errors
///
/// The configured one cannot be used, or none can be made.
pub(crate) fn tls(config: &Config) -> Result<Option<Tls>> {
    let backend = config.backend()?;
    let certificate = match &backend.https {
        None => return Ok(None),
        Some(Https::Generated) => {
            tracing::warn!("backend.https is true: the certificate is made up, and nobody trusts it");
            Certificate::Generated { host: backend.base_url.as_deref().and_then(host) }
        }
        Some(Https::Given(given)) => {
            Certificate::Given { chain: given.cert.clone(), key: given.key.expose().to_owned() }
        }
    };
    let tls = Tls::new(&certificate).map_err(|error| {
        let path = match error {
            TlsError::Chain => "backend.https.certificate.cert",
            TlsError::Key => "backend.https.certificate.key",
            TlsError::Unusable(_) | TlsError::Generation(_) => "backend.https",
        };
        let message = format!("{:#}", anyhow::Error::new(error));
        invalid(config, path, message)
    })?;
    Ok(Some(tls))
}

fn host(base_url: &str) -> Option<String> {
    let uri: Uri = base_url.parse().ok()?;
    uri.host().map(|host| host.trim_matches(['[', ']']).to_owned())
}

/// Without `origin` nobody is let in, where the reference lets everyone in.
fn read_cors(config: &Config, cors: &sections::Cors) -> Result<Cors> {
    let list = |key: &str, names: &Option<Vec<String>>| {
        let path = format!("backend.cors.{key}");
        names.as_ref().map(|names| header_value(config, &path, &names.join(","))).transpose()
    };
    let origins = OriginPatterns::new(cors.origin.iter().map(String::as_str))
        .map_err(|error| invalid(config, "backend.cors.origin", error.to_string()))?;
    let preflight_status = match cors.options_success_status {
        _ if cors.preflight_continue => None,
        None => Some(StatusCode::NO_CONTENT),
        Some(status) => {
            let status = StatusCode::from_u16(status).ok().filter(StatusCode::is_success);
            let wrong = || {
                let message = "expected a status from 200 to 299";
                invalid(config, "backend.cors.optionsSuccessStatus", message.to_owned())
            };
            Some(status.ok_or_else(wrong)?)
        }
    };
    Ok(Cors {
        origins,
        methods: list("methods", &cors.methods)?.unwrap_or(Cors::METHODS),
        allowed_headers: list("allowedHeaders", &cors.allowed_headers)?,
        exposed_headers: list("exposedHeaders", &cors.exposed_headers)?,
        credentials: cors.credentials,
        max_age: cors.max_age,
        preflight_status,
    })
}

fn content_security_policy(config: &Config, backend: &BackendSection) -> Result<ContentSecurityPolicy> {
    let mut policy = ContentSecurityPolicy::default();
    for (name, sources) in &backend.csp.directives {
        policy
            .set(name, sources.clone())
            .map_err(|error| invalid(config, &format!("backend.csp.{name}"), error.to_string()))?;
    }
    Ok(policy)
}

fn health_headers(config: &Config, backend: &BackendSection) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &backend.health.headers {
        let path = format!("backend.health.headers.{name}");
        let Ok(name) = HeaderName::try_from(name) else {
            return Err(invalid(config, &path, "expected the name of a header".to_owned()).into());
        };
        if value.is_empty() {
            return Err(invalid(config, &path, "expected a text that is not empty".to_owned()).into());
        }
        headers.insert(name, header_value(config, &path, value)?);
    }
    Ok(headers)
}

/// In the words of Express: a switch, a number of proxies, or which ones.
fn trust_proxy(config: &Config, written: &Value) -> Result<TrustProxy> {
    const PATH: &str = "backend.trustProxy";
    let expected = || {
        let message = "expected true, false, a number of proxies, or their addresses";
        invalid(config, PATH, message.to_owned())
    };
    let networks = |names: Vec<&str>| {
        TrustProxy::networks(names).map_err(|error| invalid(config, PATH, error.to_string()).into())
    };
    match written {
        Value::Null | Value::Bool(false) => Ok(TrustProxy::Nobody),
        Value::Bool(true) => Ok(TrustProxy::Everyone),
        Value::Number(hops) => {
            let hops = hops.as_u64().and_then(|hops| usize::try_from(hops).ok());
            Ok(TrustProxy::Hops(hops.ok_or_else(expected)?))
        }
        // Variables yield texts.
        Value::String(text) => match text.trim() {
            "true" => Ok(TrustProxy::Everyone),
            "false" => Ok(TrustProxy::Nobody),
            text => text.parse().map(TrustProxy::Hops).or_else(|_| networks(vec![text])),
        },
        Value::Array(items) => {
            let names: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            networks(names.ok_or_else(expected)?)
        }
        Value::Object(_) => Err(expected().into()),
    }
}

fn rate_limits(config: &Config, backend: &BackendSection) -> Result<RateLimits> {
    let Some(written) = &backend.rate_limit else { return Ok(RateLimits::default()) };
    if let Some(kind) = written.store.value().get("type").and_then(Value::as_str)
        && kind != "memory"
    {
        tracing::warn!("backend.rateLimit.store: requests are counted in memory, not in {kind}");
    }
    let global = written.global.then(|| rate_limit(config, "backend.rateLimit", &written.limit));
    let catalog = written.plugin.get("catalog");
    let catalog = catalog.map(|limit| rate_limit(config, "backend.rateLimit.plugin.catalog", limit));
    Ok(RateLimits { global: global.transpose()?, catalog: catalog.transpose()? })
}

fn rate_limit(config: &Config, path: &str, written: &RateLimitWindow) -> Result<RateLimit> {
    let own = || OWN_ADDRESSES.map(str::to_owned).to_vec();
    let mut allowed = Vec::new();
    for (index, address) in written.ip_allow_list.clone().unwrap_or_else(own).iter().enumerate() {
        let wrong = |_| {
            let path = format!("{path}.ipAllowList[{index}]");
            invalid(config, &path, format!("expected an IP address, found {address:?}"))
        };
        allowed.push(address.parse::<IpAddr>().map_err(wrong)?.to_canonical());
    }
    Ok(RateLimit {
        window: written.window.get(),
        requests: written.incoming_request_limit,
        allowed,
        count_successful: !written.skip_successful_requests,
        count_failed: !written.skip_failed_requests,
    })
}

fn header_value(config: &Config, path: &str, text: &str) -> Result<HeaderValue> {
    let wrong = |_| invalid(config, path, "there is a character that no header can hold".to_owned());
    Ok(HeaderValue::try_from(text).map_err(wrong)?)
}

fn invalid(config: &Config, path: &str, message: String) -> ConfigError {
    ConfigError::Invalid(vec![config.problem(path, message)])
}
