//! Where other plugins' backends are.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Knows the root URL of each plugin's API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
    base_url: Option<String>,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    target: String,
    plugins: Vec<String>,
}

impl Discovery {
    /// Plugins are below `/api/` of this URL; without one, only where [`Discovery::with_endpoint`] says.
    pub fn new(base_url: Option<&str>) -> Self {
        let base_url = base_url.map(|url| url.trim_end_matches('/').to_owned());
        Self { base_url, endpoints: Vec::new() }
    }

    /// These plugins are elsewhere. `{{pluginId}}` in the URL stands for the plugin; what came first counts.
    #[must_use]
    pub fn with_endpoint(mut self, target: &str, plugins: Vec<String>) -> Self {
        let target = target.trim_end_matches('/').to_owned();
        self.endpoints.push(Endpoint { target, plugins });
        self
    }

    /// Whether no plugin can be found.
    pub fn is_empty(&self) -> bool {
        self.base_url.is_none() && self.endpoints.iter().all(|endpoint| endpoint.plugins.is_empty())
    }

    /// The root URL of a plugin's API, without a slash at its end.
    pub fn url_of(&self, plugin: &str) -> Option<String> {
        let encoded = utf8_percent_encode(plugin, UNRESERVED).to_string();
        let lists = |endpoint: &&Endpoint| endpoint.plugins.iter().any(|listed| listed == plugin);
        match self.endpoints.iter().find(lists) {
            Some(endpoint) => Some(fill_in(&endpoint.target, &encoded)),
            None => self.base_url.as_ref().map(|base_url| format!("{base_url}/api/{encoded}")),
        }
    }
}

/// Backstage allows white space inside of the braces.
fn fill_in(target: &str, plugin: &str) -> String {
    let mut url = String::with_capacity(target.len());
    let mut rest = target;
    while let Some((before, placeholder)) = rest.split_once("{{") {
        url.push_str(before);
        match placeholder.split_once("}}") {
            Some((name, after)) if name.trim() == "pluginId" => {
                url.push_str(plugin);
                rest = after;
            }
            _ => {
                url.push_str("{{");
                rest = placeholder;
            }
        }
    }
    url.push_str(rest);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let plugins = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let discovery = Discovery::new(Some("https://portal/"))
            .with_endpoint("http://auth.internal/", plugins(&["auth"]))
            .with_endpoint("http://{{ pluginId }}.internal/{{x}}/{{pluginId}}", plugins(&["search", "a/b"]));
        let cases = [
            ("scaffolder", "https://portal/api/scaffolder"),
            ("auth", "http://auth.internal"),
            ("search", "http://search.internal/{{x}}/search"),
            ("a/b", "http://a%2Fb.internal/{{x}}/a%2Fb"),
            ("../x", "https://portal/api/..%2Fx"),
        ];
        for (plugin, expected) in cases {
            assert_eq!(discovery.url_of(plugin).as_deref(), Some(expected));
        }
        assert_eq!(Discovery::new(None).url_of("auth"), None);
        assert!(Discovery::new(None).is_empty());
    }
}
