//! Key sets over HTTP.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use thiserror::Error;

use crate::jwks_cache::{JwksSource, LoadError};

const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(5);
/// Key sets are a few kilobytes.
const MAX_BYTES: usize = 256 * 1024;

/// Loads key sets from the network, with short limits for time and size. Follows no redirects: a key set is where
/// the configuration says, or nowhere.
#[derive(Debug, Clone)]
pub struct HttpJwksSource {
    client: Client,
}

/// The HTTP client could not be set up. No token of another issuer can be verified without it.
#[derive(Debug, Error)]
pub enum HttpSourceError {
    /// The cryptography does not offer what TLS needs.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
    /// Some other part failed.
    #[error("the HTTP client could not be set up")]
    Http(#[source] reqwest::Error),
}

impl HttpJwksSource {
    /// Sets the client up. Proxies are those that the environment names.
    ///
    /// # Errors
    ///
    /// TLS is not available.
    pub fn new() -> Result<Self, HttpSourceError> {
        Ok(Self { client: backend_client()? })
    }
}

/// An HTTP client for calls to other backends: with short limits for time, without redirects. Proxies are those that
/// the environment names.
///
/// # Errors
///
/// TLS is not available.
pub fn backend_client() -> Result<Client, HttpSourceError> {
    Client::builder()
        .user_agent(concat!("callboard/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_LIMIT)
        .timeout(LIMIT)
        .tls_backend_preconfigured(tls_config()?)
        .build()
        .map_err(HttpSourceError::Http)
}

#[async_trait]
impl JwksSource for HttpJwksSource {
    async fn load(&self, url: &str) -> Result<Vec<u8>, LoadError> {
        let failed = |error: reqwest::Error| LoadError::new(causes(&error.without_url()));
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(LoadError::new(format!("the answer is {}", response.status())));
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if document.len() + chunk.len() > MAX_BYTES {
                return Err(LoadError::new(format!("it is larger than {MAX_BYTES} bytes")));
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

/// TLS by `ring`, named here so that no process-wide default has to be installed first.
fn tls_config() -> Result<ClientConfig, HttpSourceError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let with_versions = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(HttpSourceError::Tls)
    };
    let with_roots = match with_versions()?.with_platform_verifier() {
        Ok(verified) => verified,
        Err(error) => {
            // A bare container has no certificates; key sets over plain HTTP can be had there all the same.
            tracing::warn!(%error, "no trusted certificates found, no key set can be had over https");
            with_versions()?.with_root_certificates(RootCertStore::empty())
        }
    };
    let mut config = with_roots.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// An error and its causes on one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
