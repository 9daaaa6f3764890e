//! Configuration, translated into the settings of the other crates.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use callboard_api::ScmKind;
use callboard_config::sections::{
    self, AllowedKind, CatalogRule, CatalogSection, LocationConflictStrategy, LocationMatcher,
    ProviderOptions,
};
use callboard_config::{Config, ConfigDuration, ConfigPath};
use callboard_engine::{
    ConfigLocation, ConflictStrategy, EngineSettings, EventSettings, OrphanStrategy, ProcessingInterval,
    ProcessorOptions, Rule, RuleLocation, RuleTarget, ScmEventSettings, StitchSettings,
};
use callboard_sdk::{EntityProvider, RemovalGuards, TaskSchedule, UrlReader};
use callboard_sources::{
    AllowedHost, FetchOptions, FetchReader, HostKind, KnownHosts, ReadingRules, UrlReaders,
};
use serde::Deserialize;

use crate::github::github_readers;
use crate::permissions::PermissionsSection;

/// What only Callboard knows: the root key `callboard`, which Backstage passes over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct CallboardSection {
    /// Whether Template is a known kind. If it is not given: whether there is a `scaffolder` section.
    template_kind: Option<bool>,
    /// Whether entities of `file` locations may refer to files below their location's folder.
    file_placeholders: bool,
    /// Who may do what, if no permission backend says so.
    pub(crate) permissions: PermissionsSection,
    /// When removals of providers are refused that have no guards of their own.
    removal_guards: ProviderOptions,
    /// Limits of HTTP.
    pub(crate) http: HttpSection,
    /// Where audit events are kept.
    pub(crate) audit: AuditSection,
    /// What is shown to those who watch over the server.
    pub(crate) metrics: MetricsSection,
    /// Whether every failed run is logged in every round.
    log_every_failure: bool,
    /// How events are kept.
    events: EventsSection,
    /// Which events over HTTP have to be signed; read by `events.rs`.
    event_signatures: serde::de::IgnoredAny,
    /// Processors that are programs of their own; read by `webhooks.rs`.
    webhook_processors: serde::de::IgnoredAny,
    /// Kinds and relations; read by `model_layers.rs`.
    model_layers: serde::de::IgnoredAny,
}

/// `callboard.http`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct HttpSection {
    /// The largest request body, in bytes.
    pub(crate) body_limit: Option<usize>,
    /// Connections at a time.
    pub(crate) max_connections: Option<usize>,
}

/// `callboard.events`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct EventsSection {
    /// How old events may become that wait for their subscribers.
    max_age: Option<ConfigDuration>,
}

/// `callboard.audit`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct AuditSection {
    /// The file that events are added to, beside the log; none for the log alone.
    pub(crate) file: Option<PathBuf>,
}

/// `callboard.metrics`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct MetricsSection {
    /// Whether they are collected and shown.
    pub(crate) enabled: bool,
    /// Where.
    pub(crate) path: String,
    /// Whether also to those who may not call the catalog.
    pub(crate) public: bool,
}

impl Default for MetricsSection {
    fn default() -> Self {
        Self { enabled: true, path: "/metrics".to_owned(), public: false }
    }
}

impl CallboardSection {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// It is not what it must be.
    pub(crate) fn of(config: &Config) -> Result<Self> {
        match config.get("callboard") {
            Some(_) => Ok(config.section("callboard")?),
            None => Ok(Self::default()),
        }
    }
}

/// How the engine is to work.
///
/// # Errors
///
/// A section of the configuration is not what it must be.
pub(crate) fn engine_settings(config: &Config, working_directory: &Path) -> Result<EngineSettings> {
    let catalog = config.catalog(&[])?;
    let own = CallboardSection::of(config)?;
    let defaults = EngineSettings::default();
    Ok(EngineSettings {
        processing_interval: catalog
            .processing_interval
            .range()
            .map(|range| ProcessingInterval { min: *range.start(), max: *range.end() }),
        orphan_strategy: orphan_strategy(catalog.orphan_strategy),
        orphan_provider_strategy: orphan_strategy(catalog.orphan_provider_strategy),
        stitching: StitchSettings {
            poll_interval: catalog.stitching_strategy.polling_interval.get(),
            lease: catalog.stitching_strategy.stitch_timeout.get(),
            ..defaults.stitching
        },
        rules: catalog.effective_rules(working_directory).iter().map(rule).collect(),
        readonly: catalog.readonly,
        locations: catalog.locations.iter().map(location).collect(),
        processor_options: processor_options(&catalog),
        disabled_providers: disabled_providers(&catalog),
        provider_guards: provider_guards(&catalog, &own.removal_guards),
        removal_guards: guards(&own.removal_guards),
        events: EventSettings {
            max_age: own.events.max_age.map_or(defaults.events.max_age, ConfigDuration::get),
            ..defaults.events
        },
        scm_events: ScmEventSettings {
            refresh: catalog.scm_events.refresh,
            unregister: catalog.scm_events.unregister,
            move_locations: catalog.scm_events.move_locations,
        },
        disable_default_processors: catalog.disable_default_processors,
        location_conflict_strategy: match catalog.default_location_conflict_strategy {
            LocationConflictStrategy::Reject => ConflictStrategy::Reject,
            LocationConflictStrategy::Refresh => ConflictStrategy::Refresh,
        },
        working_directory: working_directory.to_owned(),
        template_kind: own.template_kind.unwrap_or(config.get("scaffolder").is_some()),
        file_placeholders: own.file_placeholders,
        log_every_failure: own.log_every_failure,
        ..defaults
    })
}

/// When providers refresh, where the configuration says so: `catalog.providers.<name>.schedule`.
///
/// # Errors
///
/// What stands there is no schedule.
pub(crate) fn provider_schedules(
    config: &Config,
    providers: &[Arc<dyn EntityProvider>],
) -> Result<HashMap<String, TaskSchedule>> {
    let mut schedules = HashMap::new();
    for provider in providers.iter().filter(|provider| provider.schedule().is_some()) {
        let path = ConfigPath::from("catalog.providers").key(provider.name()).key("schedule");
        if config.get(path.clone()).is_some() {
            schedules.insert(provider.name().to_owned(), config.section(path)?);
        }
    }
    Ok(schedules)
}

/// Reads what the configuration allows to be read.
///
/// # Errors
///
/// A host of `backend.reading.allow` is not one, or TLS cannot be set up.
pub(crate) fn url_reader(config: &Config) -> Result<Arc<dyn UrlReader>> {
    let allow = config.backend()?.reading.allow;
    let allow = allow.iter().map(|entry| AllowedHost::parse(&entry.host, entry.paths.as_deref()));
    let allow = allow.collect::<Result<Vec<_>, _>>().context("backend.reading.allow")?;
    let plain = FetchReader::new(ReadingRules { allow }, FetchOptions::default())?;
    let mut readers = github_readers(config)?;
    readers.push(Box::new(plain));
    Ok(Arc::new(UrlReaders::new(readers, known_hosts(config)?)))
}

/// The hosts whose URLs have a shape that is known.
pub(crate) fn known_hosts(config: &Config) -> Result<KnownHosts> {
    let kinds = [
        ("github", HostKind::GitHub),
        ("gitlab", HostKind::GitLab),
        ("azure", HostKind::Azure),
        ("bitbucketCloud", HostKind::BitbucketCloud),
        ("bitbucketServer", HostKind::BitbucketServer),
    ];
    let integrations = config.integrations()?;
    let mut hosts = KnownHosts::default();
    for (key, kind) in kinds {
        for host in integrations.hosts(key).iter().filter_map(|integration| integration.host.as_deref()) {
            hosts = hosts.with(host, kind);
        }
    }
    Ok(hosts)
}

/// The source code hosts that repositories can be recognised by.
pub(crate) fn integrations(config: &Config) -> Result<Vec<(String, ScmKind)>> {
    let kinds = [
        ("github", ScmKind::Github),
        ("gitlab", ScmKind::Gitlab),
        ("bitbucket", ScmKind::Bitbucket),
        ("bitbucketCloud", ScmKind::BitbucketCloud),
        ("bitbucketServer", ScmKind::BitbucketServer),
        ("azure", ScmKind::Azure),
    ];
    let integrations = config.integrations()?;
    let hosts = kinds.into_iter().flat_map(|(key, kind)| {
        let hosts = integrations.hosts(key).iter().filter_map(|integration| integration.host.clone());
        hosts.map(move |host| (host, kind)).collect::<Vec<_>>()
    });
    Ok(hosts.collect())
}

fn orphan_strategy(strategy: sections::OrphanStrategy) -> OrphanStrategy {
    match strategy {
        sections::OrphanStrategy::Keep => OrphanStrategy::Keep,
        sections::OrphanStrategy::Delete => OrphanStrategy::Delete,
    }
}

fn rule(rule: &CatalogRule) -> Rule {
    let allow = |kind: &AllowedKind| callboard_engine::AllowedKind {
        kind: kind.kind.clone(),
        spec_type: kind.spec_type.clone(),
    };
    let locations = rule.locations.as_ref().map(|all| all.iter().map(rule_location).collect());
    Rule { allow: rule.allow.iter().map(allow).collect(), locations }
}

fn rule_location(matcher: &LocationMatcher) -> RuleLocation {
    let target = match (&matcher.exact, &matcher.pattern) {
        (Some(exact), _) => RuleTarget::Exact(exact.clone()),
        (None, Some(pattern)) => RuleTarget::Pattern(pattern.clone()),
        (None, None) => RuleTarget::Any,
    };
    RuleLocation { location_type: matcher.location_type.clone(), target }
}

fn location(location: &sections::ConfiguredLocation) -> ConfigLocation {
    // What its own rules allow is in the general rules already.
    ConfigLocation {
        location_type: location.location_type.clone(),
        target: location.target.clone(),
        allow: Vec::new(),
    }
}

fn processor_options(catalog: &CatalogSection) -> HashMap<String, ProcessorOptions> {
    let options = catalog.processor_options.iter().map(|(name, options)| {
        let priority = options.priority.map(|priority| {
            i32::try_from(priority).unwrap_or(if priority < 0 { i32::MIN } else { i32::MAX })
        });
        (name.clone(), ProcessorOptions { disabled: options.disabled, priority })
    });
    options.collect()
}

/// Those that have guards of their own; what they do not say is as for all.
fn provider_guards(catalog: &CatalogSection, all: &ProviderOptions) -> HashMap<String, RemovalGuards> {
    let options = catalog.provider_options.iter();
    let own = options.filter(|(_, options)| {
        options.reject_removals_above_percentage.is_some()
            || options.reject_empty_source_collections.is_some()
    });
    own.map(|(name, own)| {
        let merged = ProviderOptions {
            reject_removals_above_percentage: own
                .reject_removals_above_percentage
                .or(all.reject_removals_above_percentage),
            reject_empty_source_collections: own
                .reject_empty_source_collections
                .or(all.reject_empty_source_collections),
            ..ProviderOptions::default()
        };
        (name.clone(), guards(&merged))
    })
    .collect()
}

fn guards(options: &ProviderOptions) -> RemovalGuards {
    RemovalGuards {
        reject_removals_above_percentage: options.reject_removals_above_percentage.unwrap_or_default(),
        reject_empty_source_collections: options.reject_empty_source_collections.unwrap_or_default(),
    }
}

fn disabled_providers(catalog: &CatalogSection) -> Vec<String> {
    let disabled = catalog.provider_options.iter().filter(|(_, options)| options.disabled);
    disabled.map(|(name, _)| name.clone()).collect()
}
