//! `backend.listen`: where the server takes connections.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::lenient;

/// Where the server takes connections.
///
/// Written as a port (`7007`), `":7007"`, `"host:port"`, or an object with `host` and `port`. An IPv6
/// address before a port stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The interface's address or name, without brackets; `None` for all interfaces, which is the default.
    pub host: Option<String>,
    /// The port, 0 for any that is free. Default 7007.
    pub port: u16,
}

impl Listen {
    const DEFAULT_PORT: u16 = 7007;

    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port = port.trim().parse().ok()?;
        let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if address.is_none() && host.contains(':') {
            return None;
        }
        Some(Self::new(address.unwrap_or(host), port))
    }

    fn new(host: &str, port: u16) -> Self {
        Self { host: Some(host.to_owned()).filter(|host| !host.is_empty()), port }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self { host: None, port: Self::DEFAULT_PORT }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListenVisitor)
    }
}

struct ListenVisitor;

impl<'de> Visitor<'de> for ListenVisitor {
    type Value = Listen;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an address such as \":7007\", \"host:port\" or { host, port }")
    }

    fn visit_u64<E: Error>(self, port: u64) -> Result<Listen, E> {
        self.visit_str(&port.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Listen, E> {
        let unreadable =
            || E::custom("expected an address such as \":7007\", \"host:port\" or { host, port }");
        Listen::parse(text).ok_or_else(unreadable)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Listen, A::Error> {
        let Written { host, port } = Written::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(Listen::new(&host, port))
    }
}

#[derive(serde::Deserialize)]
#[serde(default)]
struct Written {
    host: String,
    #[serde(deserialize_with = "lenient::whole_number")]
    port: u16,
}

impl Default for Written {
    fn default() -> Self {
        Self { host: String::new(), port: Listen::DEFAULT_PORT }
    }
}
