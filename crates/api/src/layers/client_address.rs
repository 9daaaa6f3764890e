//! Who is at the other end: the address of the client, also behind proxies.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use ipnet::IpNet;
use thiserror::Error;

/// Which proxies are believed when they say, in `X-Forwarded-For`, for whom they ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TrustProxy {
    /// None: the client is whoever is connected.
    #[default]
    Nobody,
    /// All: the client is the first of the list, which anyone can make up.
    Everyone,
    /// So many proxies in front of the server.
    Hops(usize),
    /// Proxies with these addresses.
    Networks(Vec<IpNet>),
}

/// A proxy that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no address, no network such as 10.0.0.0/8, and none of loopback, linklocal and uniquelocal"
)]
pub struct TrustProxyError(String);

impl TrustProxy {
    /// Proxies by address, by network, or by name of a range; several between commas.
    ///
    /// # Errors
    ///
    /// One of them is neither.
    pub fn networks<'a>(written: impl IntoIterator<Item = &'a str>) -> Result<Self, TrustProxyError> {
        let mut networks = Vec::new();
        for name in written.into_iter().flat_map(|text| text.split(',')).map(str::trim) {
            let range: &[&str] = match name {
                "" => continue,
                "loopback" => &["127.0.0.0/8", "::1/128"],
                "linklocal" => &["169.254.0.0/16", "fe80::/10"],
                "uniquelocal" => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
                one => &[one],
            };
            for text in range {
                let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
                networks.push(network.map_err(|_| TrustProxyError(name.to_owned()))?);
            }
        }
        Ok(Self::Networks(networks))
    }

    fn believes(&self, address: IpAddr, hop: usize) -> bool {
        match self {
            Self::Nobody => false,
            Self::Everyone => true,
            Self::Hops(hops) => hop < *hops,
            Self::Networks(networks) => networks.iter().any(|network| network.contains(&address)),
        }
    }

    /// From the connection outwards, the first address that is not a trusted proxy's. What is no address ends the
    /// way: whatever is before it came from there.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if *self == Self::Nobody {
            return client;
        }
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let named =
            values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.rsplit(',')).map(str::trim);
        for (hop, name) in named.enumerate() {
            let Ok(next) = name.parse::<IpAddr>() else { break };
            if !self.believes(client, hop) {
                break;
            }
            client = next.to_canonical();
        }
        client
    }
}

/// The address of the client, if the request came over a connection.
pub(crate) fn client_address(trusted: &TrustProxy, request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(trusted.client(peer.0.ip(), request.headers()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(trusted: &TrustProxy, peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn proxies_are_believed_as_far_as_they_are_trusted() {
        let networks = TrustProxy::networks(["loopback, 10.0.0.0/8", "192.0.2.7"]).unwrap();
        let cases: [(&TrustProxy, &str, &[&'static str], &str); 12] = [
            (&TrustProxy::Nobody, "127.0.0.1", &["1.1.1.1"], "127.0.0.1"),
            (&TrustProxy::Everyone, "127.0.0.1", &[], "127.0.0.1"),
            (&TrustProxy::Everyone, "127.0.0.1", &["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (&TrustProxy::Everyone, "127.0.0.1", &["1.1.1.1", "2.2.2.2"], "1.1.1.1"),
            (&TrustProxy::Everyone, "127.0.0.1", &["1.1.1.1, unknown, 2.2.2.2"], "2.2.2.2"),
            (&TrustProxy::Hops(0), "127.0.0.1", &["1.1.1.1, 2.2.2.2"], "127.0.0.1"),
            (&TrustProxy::Hops(1), "127.0.0.1", &["1.1.1.1, 2.2.2.2"], "2.2.2.2"),
            (&TrustProxy::Hops(9), "127.0.0.1", &["1.1.1.1, 2.2.2.2"], "1.1.1.1"),
            (&networks, "127.0.0.1", &["6.6.6.6, 1.1.1.1, 10.1.1.1"], "1.1.1.1"),
            (&networks, "::ffff:127.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            (&networks, "192.0.2.8", &["1.1.1.1"], "192.0.2.8"),
            (&networks, "192.0.2.7", &["10.2.2.2,10.1.1.1"], "10.2.2.2"),
        ];
        for (trusted, peer, forwarded, expected) in cases {
            assert_eq!(client(trusted, peer, forwarded), expected, "{trusted:?} {peer} {forwarded:?}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_named() {
        assert_eq!(TrustProxy::networks(["loopback,here"]), Err(TrustProxyError("here".to_owned())));
    }
}
