//! The `integrations` section: hosts of source code and how to log in to them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::untyped::Untyped;

/// The `integrations` section: what is given for each kind of host, such as `github`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct IntegrationsSection {
    kinds: BTreeMap<String, HostList>,
}

/// One host of an integration.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// The host, such as `github.com`; `None` for kinds that have only one.
    pub host: Option<String>,
    /// All that is given for it, host and credentials included, for the integration to read.
    pub settings: Untyped,
}

impl IntegrationsSection {
    /// The hosts of a kind such as `github`, in their order; empty if none are given.
    pub fn hosts(&self, kind: &str) -> &[Integration] {
        self.kinds.get(kind).map_or(&[], |hosts| &hosts.0)
    }

    /// The kinds something is given for.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Integration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = Value::deserialize(deserializer)?;
        let host = match settings.get("host") {
            _ if !settings.is_object() => return Err(D::Error::custom("expected an object with \"host\"")),
            None => None,
            Some(Value::String(host)) if !host.is_empty() => Some(host.clone()),
            Some(_) => return Err(D::Error::custom("expected a text for \"host\"")),
        };
        Ok(Self { host, settings: settings.into() })
    }
}

/// A list of hosts; kinds with a single one are written without the list.
#[derive(Clone, Debug, Default, PartialEq)]
struct HostList(Vec<Integration>);

impl<'de> Deserialize<'de> for HostList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HostListVisitor)
    }
}

struct HostListVisitor;

impl<'de> Visitor<'de> for HostListVisitor {
    type Value = HostList;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of hosts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<HostList, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(HostList)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<HostList, A::Error> {
        let only = Integration::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(HostList(vec![only]))
    }
}
