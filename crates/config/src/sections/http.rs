//! What `backend` says about HTTP: other origins, security headers, certificates, health checks.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use crate::lenient;
use crate::secret::Secret;

/// `backend.cors`: which other origins browsers may call from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct Cors {
    /// Origins or globs of origins. Default none.
    #[serde(deserialize_with = "lenient::one_or_many")]
    pub origin: Vec<String>,
    /// Methods a preflight names; `None` for the customary ones.
    #[serde(deserialize_with = "lenient::comma_list")]
    pub methods: Option<Vec<String>>,
    /// Request headers a preflight names; `None` for those that were asked for.
    #[serde(deserialize_with = "lenient::comma_list")]
    pub allowed_headers: Option<Vec<String>>,
    /// Response headers that scripts may see.
    #[serde(deserialize_with = "lenient::comma_list")]
    pub exposed_headers: Option<Vec<String>>,
    /// Whether cookies and authorization may be sent along. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub credentials: bool,
    /// For how many seconds a preflight's answer holds; `None` to say nothing of it.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub max_age: Option<u64>,
    /// Whether preflights reach the routes. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub preflight_continue: bool,
    /// Status of a preflight's answer; `None` for 204.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub options_success_status: Option<u16>,
}

/// `backend.csp`: changes to the content security policy, by directive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentSecurityPolicy {
    /// The sources of a directive, or `None` to take the directive out.
    pub directives: BTreeMap<String, Option<Vec<String>>>,
}

impl<'de> Deserialize<'de> for ContentSecurityPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<String, Directive>::deserialize(deserializer)?;
        let directives = written.into_iter().map(|(name, Directive(sources))| (name, sources)).collect();
        Ok(Self { directives })
    }
}

struct Directive(Option<Vec<String>>);

impl<'de> Deserialize<'de> for Directive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = || D::Error::custom("expected a list of sources, or false");
        match Value::deserialize(deserializer)? {
            Value::Bool(false) => Ok(Self(None)),
            Value::String(source) => Ok(Self(Some(vec![source]))),
            Value::Array(items) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map(|sources| Self(Some(sources))).ok_or_else(expected)
            }
            _ => Err(expected()),
        }
    }
}

/// `backend.referrer`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with \"policy\"")]
pub struct Referrer {
    /// Policies, of which a browser takes the last that it knows.
    #[serde(deserialize_with = "lenient::one_or_many")]
    pub policy: Vec<String>,
}

/// `backend.https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Https {
    /// `true`: a certificate is made up at start, for development.
    Generated,
    /// A certificate that is given.
    Given(Certificate),
}

/// `backend.https.certificate`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with \"cert\" and \"key\"")]
pub struct Certificate {
    /// The certificate chain, PEM.
    #[serde(deserialize_with = "lenient::text")]
    pub cert: String,
    /// Its private key, PEM.
    pub key: Secret,
}

impl Https {
    pub(super) fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        deserializer.deserialize_any(HttpsVisitor)
    }
}

struct HttpsVisitor;

impl<'de> Visitor<'de> for HttpsVisitor {
    type Value = Option<Https>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("true or { certificate: { cert, key } }")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Option<Https>, E> {
        Ok(on.then_some(Https::Generated))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Option<Https>, A::Error> {
        let written = WrittenHttps::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(Some(Https::Given(written.certificate)))
    }
}

#[derive(Deserialize)]
struct WrittenHttps {
    certificate: Certificate,
}

/// `backend.health`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct Health {
    /// Headers added to each answer to a health check.
    pub headers: BTreeMap<String, String>,
}
