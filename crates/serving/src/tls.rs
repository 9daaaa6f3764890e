//! TLS: certificates, and the protocol that client and server agree on.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Protocols, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What a server shows to its clients.
#[derive(Clone)]
pub enum Certificate {
    /// A certificate chain and its private key, both PEM.
    Given {
        /// The certificate of the server first, then those that vouch for it.
        chain: String,
        /// The private key, which is never shown.
        key: String,
    },
    /// A certificate made up now, which nobody vouches for, for this machine and perhaps another host.
    Generated {
        /// A name or an address beside those of the machine itself.
        host: Option<String>,
    },
}

/// A certificate that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// It is not PEM, or there is none.
    #[error("the certificate is not PEM with at least one block CERTIFICATE")]
    Chain,
    /// It is not PEM, or there is none.
    #[error("the key is not PEM with a block PRIVATE KEY that is not encrypted")]
    Key,
    /// They do not belong together, or are of an unknown kind.
    #[error("certificate and key cannot be used")]
    Unusable(#[from] rustls::Error),
    /// No certificate can be made.
    #[error("no certificate can be made for this host")]
    Generation(#[from] rcgen::Error),
}

/// Certificates, ready for use.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// The protocol that was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Negotiated {
    /// None; the first bytes tell.
    Nothing,
    Http1,
    Http2,
}

impl Tls {
    /// Reads or makes a certificate.
    ///
    /// # Errors
    ///
    /// It is no certificate, or does not fit its key.
    pub fn new(certificate: &Certificate) -> Result<Self, TlsError> {
        let (chain, key) = match certificate {
            Certificate::Given { chain, key } => read(chain, key)?,
            Certificate::Generated { host } => generate(host.as_deref())?,
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Negotiated)> {
        let stream = self.0.accept(stream).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(PROTOCOLS[0]);
        let negotiated = if is_http2 { Negotiated::Http2 } else { Negotiated::Http1 };
        Ok((stream, negotiated))
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read(chain: &str, key: &str) -> Result<Identity, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(TlsError::Chain)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsError::Key)?;
    Ok((chain, key))
}

fn generate(host: Option<&str>) -> Result<Identity, TlsError> {
    let mut names: Vec<&str> = vec!["localhost", "127.0.0.1", "::1"];
    names.extend(host.filter(|host| !names.contains(host)));
    let mut parameters = CertificateParams::default();
    for name in names {
        parameters.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.try_into()?),
        });
    }
    parameters.distinguished_name.push(DnType::CommonName, "made up by Callboard");
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| TlsError::Key)?;
    Ok((vec![certificate.der().clone()], key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let given = |chain: &str, key: &str| {
            let certificate = Certificate::Given { chain: chain.to_owned(), key: key.to_owned() };
            Tls::new(&certificate).map(|_| ()).map_err(|error| error.to_string())
        };
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        assert_eq!(given(&chain, &key), Ok(()));
        assert_eq!(given("", &key), Err(TlsError::Chain.to_string()));
        assert_eq!(given(&key, &key), Err(TlsError::Chain.to_string()));
        assert_eq!(given(&chain, "hush"), Err(TlsError::Key.to_string()));
        let stranger = other.signing_key.serialize_pem();
        assert_eq!(given(&chain, &stranger), Err("certificate and key cannot be used".to_owned()));
    }
}
