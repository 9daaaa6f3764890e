use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use thiserror::Error;

/// Whether requests go through a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyUse {
    /// As `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, like most programs do. The proxy then
    /// resolves names; the allow-list is still checked here, against the URL.
    #[default]
    FromEnvironment,
    /// Always directly.
    Never,
}

/// The HTTP client could not be set up. Nothing can be read without it.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The cryptography does not offer what TLS needs.
    #[error("TLS could not be set up")]
    Tls(#[source] rustls::Error),
    /// Some other part failed.
    #[error("the HTTP client could not be set up")]
    Http(#[source] reqwest::Error),
}

/// A client that follows no redirects by itself: each hop has to be checked against the allow-list.
pub(crate) fn http_client(connect_timeout: Duration, proxies: ProxyUse) -> Result<Client, ClientError> {
    let builder = Client::builder()
        .user_agent(concat!("callboard/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect_timeout)
        .tls_backend_preconfigured(tls_config()?);
    let builder = match proxies {
        ProxyUse::FromEnvironment => builder,
        ProxyUse::Never => builder.no_proxy(),
    };
    builder.build().map_err(ClientError::Http)
}

/// TLS by `ring`, named here so that no process-wide default has to be installed first.
fn tls_config() -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let with_versions = || {
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(ClientError::Tls)
    };
    let with_roots = match with_versions()?.with_platform_verifier() {
        Ok(verified) => verified,
        Err(error) => {
            // A bare container has no certificates; plain HTTP still works there, so the server should start.
            tracing::warn!(%error, "no trusted certificates found, nothing can be read over https");
            with_versions()?.with_root_certificates(RootCertStore::empty())
        }
    };
    let mut config = with_roots.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
