//! `integrations`, `permission`, `discovery`, and sections of extensions.

use callboard_config::sections::DiscoveryTarget;
use callboard_config::{Config, Untyped};
use serde::Deserialize;
use serde_json::json;

#[test]
fn integrations_are_lists_of_hosts() {
    let config = Config::from_value(&json!({ "integrations": {
        "github": [{ "host": "github.com", "token": "hush" }, { "host": "ghe.example.com" }],
        "googleGcs": { "clientEmail": "a@b" },
    } }));
    let integrations = config.integrations().expect("a section");
    let hosts: Vec<_> = integrations.hosts("github").iter().map(|host| host.host.as_deref()).collect();
    assert_eq!(hosts, [Some("github.com"), Some("ghe.example.com")]);
    assert_eq!(integrations.hosts("github")[0].settings.value()["token"], "hush");
    assert_eq!(integrations.hosts("googleGcs")[0].host, None);
    assert!(integrations.hosts("gitlab").is_empty());
    assert_eq!(integrations.kinds().collect::<Vec<_>>(), ["github", "googleGcs"]);
    assert!(!format!("{integrations:?}").contains("hush"));
}

#[test]
fn integrations_must_be_hosts() {
    let config = Config::from_value(&json!({ "integrations": { "github": ["github.com"] } }));
    let error = config.integrations().expect_err("an error").to_string();
    assert_eq!(
        error,
        "integrations.github[0]: expected an object with \"host\", found the text \"github.com\""
    );
}

#[test]
fn permission_and_discovery() {
    let config = Config::from_value(&json!({
        "permission": { "enabled": true },
        "discovery": { "endpoints": [
            { "target": "https://a/api/{{pluginId}}", "plugins": ["auth", "permission"] },
            { "target": { "internal": "http://b" }, "plugins": ["search"] },
        ] },
    }));
    assert!(config.permission().expect("a section").enabled);
    let endpoints = config.discovery().expect("a section").endpoints;
    let both = Some("https://a/api/{{pluginId}}".to_owned());
    assert_eq!(endpoints[0].target, DiscoveryTarget { internal: both.clone(), external: both });
    let internal = Some("http://b".to_owned());
    assert_eq!(endpoints[1].target, DiscoveryTarget { internal, external: None });
    assert!(!Config::from_value(&json!({})).permission().expect("a section").enabled);
}

#[test]
fn extensions_read_their_own() {
    #[derive(Debug, Deserialize)]
    struct Mine {
        url: String,
        #[serde(default)]
        token: Untyped,
    }
    let config = Config::from_value(
        &json!({ "catalog": { "providers": { "mine": { "url": "x", "token": "hush" } } } }),
    );
    let mine: Mine = config.section("catalog.providers.mine").expect("a section");
    assert_eq!(mine.url, "x");
    assert_eq!(format!("{:?}", mine.token), "[hidden]");
    let error = config.section::<Mine>("catalog.providers.other").expect_err("an error").to_string();
    assert_eq!(error, "catalog.providers.other.url: required, but not given");
    let problem = config.problem("catalog.providers.mine.url", "no such host");
    assert_eq!(problem.to_string(), "catalog.providers.mine.url: no such host");
}
