//! `integrations.github`, translated into readers.

use anyhow::{Context, Result, bail};
use callboard_config::{Config, ConfigPath, Secret};
use callboard_sdk::HostReader;
use callboard_sources::{FetchOptions, GitHubReader, GitHubSettings};
use serde::Deserialize;
use url::Url;

/// The key below `integrations`.
const KIND: &str = "github";
const PUBLIC: &str = "github.com";

/// One of `integrations.github`, as far as reading needs it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with \"host\"")]
struct GitHubSection {
    host: Option<String>,
    token: Option<Secret>,
    api_base_url: Option<String>,
}

/// A reader for each host of `integrations.github`.
///
/// # Errors
///
/// An entry is not what it must be, or the HTTP client cannot be set up.
pub(crate) fn github_readers(config: &Config) -> Result<Vec<Box<dyn HostReader>>> {
    let mut readers: Vec<Box<dyn HostReader>> = Vec::new();
    for (place, integration) in config.integrations()?.hosts(KIND).iter().enumerate() {
        let path = ConfigPath::from("integrations").key(KIND).index(place);
        let section = GitHubSection::deserialize(integration.settings.value());
        let section = section.with_context(|| path.to_string())?;
        readers.push(Box::new(GitHubReader::new(settings(section, &path)?, &FetchOptions::default())?));
    }
    Ok(readers)
}

fn settings(section: GitHubSection, path: &ConfigPath) -> Result<GitHubSettings> {
    let host = section.host.as_deref().unwrap_or(PUBLIC);
    let Some(mut settings) = GitHubSettings::new(host) else {
        bail!("{path}.host: {host:?} is not the name of a host");
    };
    if let Some(api) = section.api_base_url {
        let url = Url::parse(&api).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url else {
            bail!("{path}.apiBaseUrl: expected a URL that begins with http:// or https://");
        };
        settings.api = url;
    }
    settings.token = section.token.map(|token| token.expose().to_owned());
    Ok(settings)
}
