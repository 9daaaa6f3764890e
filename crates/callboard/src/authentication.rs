//! Configuration, translated into who is let in.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use callboard_api::{AuthPolicy, Authentication, CookieScope};
use callboard_auth::{
    AuthSettings, Authenticator, Clock, Discovery, ExternalAccess, HttpJwksSource, SettingsError, SystemClock,
};
use callboard_config::sections::AuthSection;
use callboard_config::{Config, ConfigError};
use callboard_store::Store;
use serde_json::Value;
use url::Url;

use crate::key_store;

/// The name of the catalog among the plugins of a Backstage.
const PLUGIN: &str = "catalog";

/// How callers of a server that listens on this address are told apart.
///
/// # Errors
///
/// A section of the configuration is not what it must be, or others than this machine could call while no
/// caller whatever could be let in.
pub(crate) fn authentication(
    config: &Config,
    host: IpAddr,
    store: Arc<dyn Store>,
    working_directory: &Path,
) -> Result<Authentication> {
    let auth = config.backend()?.auth;
    let external = external_access(config, &auth)?;
    let discovery = discovery(config)?;
    let policy = policy(&auth, external.is_empty(), host);
    if policy == AuthPolicy::Required && external.is_empty() && discovery.is_empty() {
        bail!(
            "refusing to listen on {host}: nobody could be let in. Tell callers apart by backend.auth.externalAccess, \
             or by the tokens of the Backstage at backend.baseUrl; or listen on 127.0.0.1 (backend.listen.host); or \
             let everyone in with backend.auth.dangerouslyDisableDefaultAuthPolicy: true"
        );
    }
    if policy == AuthPolicy::Optional {
        if host.is_loopback() {
            tracing::info!("callers on this machine need no credentials");
        } else {
            tracing::warn!("everyone who can reach {host} may read and change the catalog");
        }
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let signing_keys = key_store::signing_keys(config, PLUGIN, store, Arc::clone(&clock), working_directory)?;
    let settings = AuthSettings { plugin: PLUGIN.to_owned(), external, discovery };
    let source = Arc::new(HttpJwksSource::new()?);
    Ok(Authentication {
        policy,
        authenticator: Arc::new(Authenticator::new(settings, source, clock)),
        signing_keys: Arc::new(signing_keys),
    })
}

/// For which addresses the cookies of users are: the host by which browsers know the catalog.
pub(crate) fn cookies(config: &Config) -> Result<CookieScope> {
    let mut address = config.backend()?.base_url;
    for endpoint in config.discovery()?.endpoints {
        if endpoint.plugins.iter().any(|plugin| plugin == PLUGIN)
            && let Some(external) = endpoint.target.external
        {
            address = Some(external);
            break;
        }
    }
    let Some(url) = address.and_then(|address| Url::parse(&address).ok()) else {
        return Ok(CookieScope::default());
    };
    let host = url.host_str().map(str::to_owned);
    let is_secure = url.scheme() == "https" || host.as_deref() == Some("localhost");
    Ok(CookieScope { host, is_secure })
}

/// Tokens are required, unless the configuration says in so many words that they are not, or nobody but this machine
/// can call and nothing is said about callers.
fn policy(auth: &AuthSection, nothing_is_said: bool, host: IpAddr) -> AuthPolicy {
    if auth.dangerously_disable_default_auth_policy || (host.is_loopback() && nothing_is_said) {
        AuthPolicy::Optional
    } else {
        AuthPolicy::Required
    }
}

fn external_access(config: &Config, auth: &AuthSection) -> Result<ExternalAccess> {
    let entries: Vec<Value> = auth.external_access.iter().map(|entry| entry.value().clone()).collect();
    let mut access = ExternalAccess::parse(&entries)
        .map_err(|error| invalid(config, "backend.auth.externalAccess", &error))?;
    for (index, key) in auth.keys.iter().enumerate() {
        access
            .add_shared_key(key.secret.expose())
            .map_err(|error| invalid(config, &format!("backend.auth.keys[{index}]."), &error))?;
    }
    Ok(access)
}

/// Where other plugins' backends are.
pub(crate) fn discovery(config: &Config) -> Result<Discovery> {
    let mut discovery = Discovery::new(config.backend()?.base_url.as_deref());
    for endpoint in config.discovery()?.endpoints {
        if let Some(internal) = &endpoint.target.internal {
            discovery = discovery.with_endpoint(internal, endpoint.plugins);
        }
    }
    Ok(discovery)
}

/// The error with its place in the files.
fn invalid(config: &Config, section: &str, error: &SettingsError) -> ConfigError {
    let path = format!("{section}{}", error.path);
    ConfigError::Invalid(vec![config.problem(path.as_str(), error.message.clone())])
}
