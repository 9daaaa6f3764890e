//! Configuration, translated into providers that are told of their entities by requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use callboard_api::{PushAccess, PushProviders};
use callboard_auth::StaticToken;
use callboard_config::{Config, ConfigError, ConfigPath, Secret};
use callboard_engine::PushProvider;
use callboard_model::LocationKey;
use serde::Deserialize;

const KEY: &str = "catalog.providers.push";

/// One of `catalog.providers.push`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields, expecting = "an object with \"tokens\"")]
struct PushSection {
    tokens: Vec<Secret>,
    location_key: Option<String>,
}

/// The providers of `catalog.providers.push`, but for those that are disabled.
///
/// # Errors
///
/// The section is not what it must be, a token cannot be one, or two providers have one token.
pub(crate) fn push_providers(config: &Config, disabled: &[String]) -> Result<PushProviders> {
    if config.get(KEY).is_none() {
        return Ok(PushProviders::default());
    }
    let sections: BTreeMap<String, PushSection> = config.section(KEY)?;
    let mut providers: Vec<PushAccess> = Vec::with_capacity(sections.len());
    for (name, section) in sections {
        let mut tokens = Vec::with_capacity(section.tokens.len());
        for (place, token) in section.tokens.iter().enumerate() {
            let wrong = |message: String| {
                let path = ConfigPath::from(KEY).key(&name).key("tokens").index(place);
                ConfigError::Invalid(vec![config.problem(path, message)])
            };
            let token = StaticToken::new(token.expose()).map_err(|error| wrong(error.to_string()))?;
            if providers.iter().any(|other| other.tokens.contains(&token)) {
                return Err(wrong("another provider has the same token".to_owned()).into());
            }
            tokens.push(token);
        }
        if disabled.contains(&name) {
            continue;
        }
        if tokens.is_empty() {
            tracing::info!(
                provider = name,
                "no tokens are configured: whoever may manage ingestion can push entities of this provider"
            );
        }
        let key = section.location_key.as_deref().map(LocationKey::new);
        providers.push(PushAccess { provider: Arc::new(PushProvider::new(name, key)), tokens });
    }
    Ok(PushProviders(providers))
}
