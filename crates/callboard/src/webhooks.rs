//! Configuration, translated into processors that are programs of their own.

use std::sync::Arc;

use anyhow::{Result, bail};
use callboard_config::{Config, ConfigDuration, ConfigPath, Secret};
use callboard_sdk::{Hooks, Processor};
use callboard_sources::{WebhookProcessor, WebhookSettings};
use serde::Deserialize;
use url::Url;

const KEY: &str = "callboard.webhookProcessors";

/// One of `callboard.webhookProcessors`.
#[derive(Debug, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    expecting = "an object with \"name\", \"url\" and \"hooks\""
)]
struct WebhookSection {
    name: String,
    url: String,
    hooks: Vec<Hook>,
    #[serde(default)]
    kinds: Vec<String>,
    timeout: Option<ConfigDuration>,
    attempts: Option<u32>,
    backoff: Option<ConfigDuration>,
    #[serde(default)]
    circuit_breaker: CircuitBreakerSection,
    secret: Option<Secret>,
    priority: Option<i32>,
    max_bytes: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields, expecting = "an object")]
struct CircuitBreakerSection {
    failures: Option<u32>,
    rest: Option<ConfigDuration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Hook {
    PreProcess,
    ValidateKind,
    PostProcess,
}

/// The processors of `callboard.webhookProcessors`.
///
/// # Errors
///
/// An entry is not what it must be, or the HTTP client cannot be set up.
pub(crate) fn webhook_processors(config: &Config) -> Result<Vec<Arc<dyn Processor>>> {
    if config.get(KEY).is_none() {
        return Ok(Vec::new());
    }
    let sections: Vec<WebhookSection> = config.section(KEY)?;
    let mut processors: Vec<Arc<dyn Processor>> = Vec::with_capacity(sections.len());
    for (place, section) in sections.into_iter().enumerate() {
        let path = ConfigPath::from(KEY).index(place);
        if section.hooks.is_empty() {
            bail!("{path}.hooks: expected at least one of preProcess, validateKind and postProcess");
        }
        let url = Url::parse(&section.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url else {
            bail!("{path}.url: expected a URL that begins with http:// or https://");
        };
        processors.push(Arc::new(WebhookProcessor::new(settings(section, url))?));
    }
    Ok(processors)
}

fn settings(section: WebhookSection, url: Url) -> WebhookSettings {
    let has = |hook| section.hooks.contains(&hook);
    let hooks = Hooks {
        pre_process: has(Hook::PreProcess),
        validate_kind: has(Hook::ValidateKind),
        post_process: has(Hook::PostProcess),
        ..Hooks::NONE
    };
    let usual = WebhookSettings::new(section.name, url, hooks);
    WebhookSettings {
        kinds: section.kinds,
        timeout: section.timeout.map_or(usual.timeout, ConfigDuration::get),
        attempts: section.attempts.unwrap_or(usual.attempts),
        backoff: section.backoff.map_or(usual.backoff, ConfigDuration::get),
        failures_until_open: section.circuit_breaker.failures.unwrap_or(usual.failures_until_open),
        open_for: section.circuit_breaker.rest.map_or(usual.open_for, ConfigDuration::get),
        secret: section.secret.map(|secret| secret.expose().to_owned()),
        priority: section.priority.unwrap_or(usual.priority),
        max_bytes: section.max_bytes.unwrap_or(usual.max_bytes),
        ..usual
    }
}
