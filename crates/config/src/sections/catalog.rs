//! The `catalog` section.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::catalog_options::{
    LocationConflictStrategy, OrphanStrategy, ProcessingInterval, ProcessorOptions, ProviderOptions,
    ScmEvents, StitchingStrategy,
};
use super::catalog_rules::{AllowedKind, CatalogRule, LocationMatcher, LocationRule};
use crate::config::Finding;
use crate::lenient;
use crate::path::ConfigPath;
use crate::untyped::Untyped;

/// Location types whose processors are installed separately; a location of such a type would never be
/// read without its processor.
const EXTENSION_LOCATION_TYPES: [&str; 9] = [
    "aws-cloud-accounts",
    "azure-discovery",
    "bitbucket-discovery",
    "github-discovery",
    "github-org",
    "gitlab-discovery",
    "ldap-org",
    "microsoft-graph-org",
    "s3-discovery",
];

/// Keys below `catalog.processors` that moved, and where to.
const MOVED_PROCESSOR_KEYS: [(&str, &str); 4] = [
    ("github", "integrations.github"),
    ("gitlabApi", "integrations.gitlab"),
    ("bitbucketApi", "integrations.bitbucketCloud or integrations.bitbucketServer"),
    ("azureApi", "integrations.azure"),
];

/// The `catalog` section. All of it may be left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct CatalogSection {
    /// Which kinds may come from where; `None` for [`CatalogRule::defaults`], an empty list for nothing.
    pub rules: Option<Vec<CatalogRule>>,
    /// Locations that are always there.
    pub locations: Vec<ConfiguredLocation>,
    /// Whether locations can neither be registered nor removed over the API. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub readonly: bool,
    /// How long until an entity is processed again.
    pub processing_interval: ProcessingInterval,
    /// What becomes of entities that nothing refers to any more. Default delete.
    pub orphan_strategy: OrphanStrategy,
    /// What becomes of the entities of providers that are gone. Default delete.
    pub orphan_provider_strategy: OrphanStrategy,
    /// How often and how long entities are stitched.
    pub stitching_strategy: StitchingStrategy,
    /// What registering a location again does. Default reject.
    pub default_location_conflict_strategy: LocationConflictStrategy,
    /// Options by the name of the provider.
    pub provider_options: BTreeMap<String, ProviderOptions>,
    /// Options by the name of the processor.
    pub processor_options: BTreeMap<String, ProcessorOptions>,
    /// Whether only processors that were added explicitly run. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub disable_default_processors: bool,
    /// Which events of source code hosts are acted on. Default none.
    pub scm_events: ScmEvents,
    /// Settings of providers, for themselves to read.
    pub providers: Untyped,
    /// Settings of processors, for themselves to read.
    pub processors: Untyped,
}

/// One of `catalog.locations`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with \"type\" and \"target\"")]
pub struct ConfiguredLocation {
    /// The type: `url`, `file`, or one that an installed processor reads.
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub location_type: String,
    /// The target as written, see [`absolute_target`](Self::absolute_target).
    #[serde(deserialize_with = "lenient::text")]
    pub target: String,
    /// Kinds allowed from this location besides those the general rules allow.
    #[serde(default)]
    pub rules: Vec<LocationRule>,
}

impl CatalogSection {
    /// All rules: the general ones (or the defaults), then those of the configured locations, each
    /// limited to its location. An entity is allowed if any of them allows it.
    pub fn effective_rules(&self, working_directory: &Path) -> Vec<CatalogRule> {
        let mut rules = self.rules.clone().unwrap_or_else(CatalogRule::defaults);
        for location in &self.locations {
            let matcher = LocationMatcher {
                location_type: location.location_type.clone(),
                exact: Some(location.absolute_target(working_directory)),
                pattern: None,
            };
            rules.extend(location.rules.iter().map(|rule| CatalogRule {
                allow: rule.allow.iter().map(|kind| AllowedKind::of_kind(kind)).collect(),
                locations: Some(vec![matcher.clone()]),
            }));
        }
        rules
    }

    /// What contradicts itself or was moved elsewhere.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let rules = self.rules.iter().flatten().enumerate();
        let mut findings: Vec<Finding> = rules
            .flat_map(|(index, rule)| rule.findings(&ConfigPath::root().key("rules").index(index)))
            .collect();
        let processors = self.processors.value();
        let moved = MOVED_PROCESSOR_KEYS.iter().filter(|(key, _)| processors.get(key).is_some());
        findings.extend(moved.map(|(key, target)| Finding {
            path: ConfigPath::root().key("processors").key(key),
            message: format!("this key was moved to {target}"),
            help: Some(format!("give its settings below {target} and remove it here")),
        }));
        findings
    }

    /// Locations that nothing installed could read.
    pub(crate) fn location_type_findings(&self, installed: &[&str]) -> Vec<Finding> {
        let is_missing = |location_type: &str| {
            EXTENSION_LOCATION_TYPES.contains(&location_type) && !installed.contains(&location_type)
        };
        let locations = self.locations.iter().enumerate();
        let missing = locations.filter(|(_, location)| is_missing(&location.location_type));
        let finding = |(index, location): (usize, &ConfiguredLocation)| Finding {
            path: ConfigPath::root().key("locations").index(index).key("type"),
            message: format!(
                "no installed processor reads locations of the type \"{}\"",
                location.location_type
            ),
            help: Some(
                "install the extension for it, better use its provider below catalog.providers, or set \
                 BACKSTAGE_CATALOG_SKIP_MISSING_PROCESSORS_CHECK=1 to start all the same"
                    .to_owned(),
            ),
        };
        missing.map(finding).collect()
    }
}

impl ConfiguredLocation {
    /// The target with the path of a `file` made absolute and rid of `.` and `..`; others as they are.
    pub fn absolute_target(&self, working_directory: &Path) -> String {
        if self.location_type != "file" {
            return self.target.clone();
        }
        let mut absolute = PathBuf::new();
        // By names alone: the target may be a glob, and need not exist.
        for component in working_directory.join(&self.target).components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    absolute.pop();
                }
                other => absolute.push(other),
            }
        }
        absolute.to_string_lossy().into_owned()
    }
}
