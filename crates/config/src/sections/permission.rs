//! `permission` and `discovery`: whether and where to ask about permissions.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;

use crate::lenient;

/// The `permission` section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct PermissionSection {
    /// Whether users' requests are put before the permission backend. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub enabled: bool,
    /// Whether several questions may go in one request. Default false.
    #[serde(rename = "EXPERIMENTAL_enableBatchedRequests", deserialize_with = "lenient::boolean")]
    pub batched_requests: bool,
}

/// The `discovery` section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct DiscoverySection {
    /// Where plugins live that are not below `backend.baseUrl`.
    pub endpoints: Vec<DiscoveryEndpoint>,
}

/// One of `discovery.endpoints`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with \"target\" and \"plugins\"")]
pub struct DiscoveryEndpoint {
    /// The root URL of the plugins' APIs. `{{pluginId}}` stands for the plugin.
    pub target: DiscoveryTarget,
    /// The plugins that live there.
    pub plugins: Vec<String>,
}

/// Where a plugin is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryTarget {
    /// By other backends; `None` for the usual place.
    pub internal: Option<String>,
    /// By browsers; `None` for the usual place.
    pub external: Option<String>,
}

impl<'de> Deserialize<'de> for DiscoveryTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = |value: Option<&Value>| match value {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(D::Error::custom("expected texts for \"internal\" and \"external\"")),
        };
        match Value::deserialize(deserializer)? {
            Value::String(url) => Ok(Self { internal: Some(url.clone()), external: Some(url) }),
            Value::Object(entries) => Ok(Self {
                internal: text(entries.get("internal"))?,
                external: text(entries.get("external"))?,
            }),
            _ => Err(D::Error::custom("expected a URL or { internal, external }")),
        }
    }
}
