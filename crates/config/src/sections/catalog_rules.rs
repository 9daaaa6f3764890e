//! `catalog.rules`: which kinds may come from where.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::config::Finding;
use crate::lenient;
use crate::path::ConfigPath;

/// One rule: these kinds are allowed from these locations.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with \"allow\"")]
pub struct CatalogRule {
    /// What is allowed.
    pub allow: Vec<AllowedKind>,
    /// Where from. `None` is anywhere, an empty list nowhere.
    #[serde(default)]
    pub locations: Option<Vec<LocationMatcher>>,
}

/// A kind, or a kind with a type. Both are compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedKind {
    /// The kind, such as `Component`.
    pub kind: String,
    /// The value of `spec.type`, if only entities with that type are meant.
    pub spec_type: Option<String>,
}

/// Locations a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with \"type\"")]
pub struct LocationMatcher {
    /// The location type, such as `url`.
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub location_type: String,
    /// The one target that matches. Never together with [`pattern`](Self::pattern); without both, every
    /// target of the type matches.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub exact: Option<String>,
    /// A glob for targets: `*` stops at `/`, `**` does not, case does not matter.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub pattern: Option<String>,
}

/// A rule of one configured location. It only names kinds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(expecting = "an object with \"allow\"")]
pub struct LocationRule {
    /// The kinds this location may hold besides what the general rules allow.
    pub allow: Vec<String>,
}

impl CatalogRule {
    /// What holds where `catalog.rules` is not given: Component, API and Location from anywhere.
    pub fn defaults() -> Vec<Self> {
        let allow = ["Component", "API", "Location"].map(AllowedKind::of_kind).to_vec();
        vec![Self { allow, locations: None }]
    }

    /// Reports what contradicts itself; `path` is that of the rule.
    pub(super) fn findings(&self, path: &ConfigPath) -> Vec<Finding> {
        let matchers = self.locations.iter().flatten().enumerate();
        let wrong = matchers.filter(|(_, matcher)| matcher.exact.is_some() && matcher.pattern.is_some());
        let finding = |(index, _)| Finding {
            path: path.key("locations").index(index),
            message: "a location cannot have both \"exact\" and \"pattern\"".to_owned(),
            help: Some("keep one of the two, or make two locations of it".to_owned()),
        };
        wrong.map(finding).collect()
    }
}

impl AllowedKind {
    /// All entities of a kind.
    pub fn of_kind(kind: &str) -> Self {
        Self { kind: kind.to_owned(), spec_type: None }
    }
}

impl<'de> Deserialize<'de> for AllowedKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AllowedKindVisitor)
    }
}

struct AllowedKindVisitor;

impl<'de> Visitor<'de> for AllowedKindVisitor {
    type Value = AllowedKind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a kind such as Component, or { kind: Component, spec.type: service }")
    }

    fn visit_str<E: Error>(self, kind: &str) -> Result<AllowedKind, E> {
        Ok(AllowedKind::of_kind(kind))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<AllowedKind, A::Error> {
        let Written { kind, spec_type } = Written::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(AllowedKind { kind, spec_type })
    }
}

#[derive(serde::Deserialize)]
struct Written {
    #[serde(deserialize_with = "lenient::text")]
    kind: String,
    #[serde(default, rename = "spec.type", deserialize_with = "lenient::optional_text")]
    spec_type: Option<String>,
}
