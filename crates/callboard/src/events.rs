//! Configuration, translated into the events that may come in over HTTP.

use std::sync::Arc;

use anyhow::{Result, bail};
use callboard_api::{EventIngress, HeaderTokenValidator, SignatureValidator};
use callboard_config::{Config, Secret};
use callboard_sdk::IngressValidator;
use serde::Deserialize;

/// The topics and the secrets of web hooks, as Backstage's own modules have them.
const GITHUB_TOPIC: &str = "github";
const GITHUB_SECRET: &str = "events.modules.github.webhookSecret";
const GITLAB_TOPIC: &str = "gitlab";
const GITLAB_SECRET: &str = "events.modules.gitlab.webhookSecret";
const GITLAB_HEADER: &str = "x-gitlab-token";

#[derive(Debug, Default, Deserialize)]
#[serde(default, expecting = "an object")]
struct EventsHttp {
    topics: Vec<String>,
}

/// One of `callboard.eventSignatures`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with \"topic\" and \"secret\"")]
struct EventSignature {
    topic: String,
    secret: Secret,
    #[serde(default = "header")]
    header: String,
    #[serde(default = "prefix")]
    prefix: String,
}

fn header() -> String {
    "x-hub-signature-256".to_owned()
}

fn prefix() -> String {
    "sha256=".to_owned()
}

/// What may come in: the topics of `events.http.topics`, with the configured validators and the given ones.
///
/// # Errors
///
/// A section of the configuration is not what it must be, or a signature is for a topic that is not taken.
pub(crate) fn ingress(config: &Config, others: &[Arc<dyn IngressValidator>]) -> Result<EventIngress> {
    let http: EventsHttp = config.section("events.http")?;
    let signatures: Vec<EventSignature> = match config.get("callboard.eventSignatures") {
        Some(_) => config.section("callboard.eventSignatures")?,
        None => Vec::new(),
    };
    let mut ingress = EventIngress { topics: http.topics, validators: others.to_vec() };
    if config.get(GITHUB_SECRET).is_some() {
        let secret: Secret = config.section(GITHUB_SECRET)?;
        ingress.validators.push(Arc::new(SignatureValidator::new(GITHUB_TOPIC, secret.expose())));
    }
    if config.get(GITLAB_SECRET).is_some() {
        let secret: Secret = config.section(GITLAB_SECRET)?;
        let validator = HeaderTokenValidator::new(GITLAB_TOPIC, secret.expose(), GITLAB_HEADER);
        ingress.validators.push(Arc::new(validator));
    }
    for EventSignature { topic, secret, header, prefix } in signatures {
        if !ingress.topics.contains(&topic) {
            bail!(
                "callboard.eventSignatures: events of topic {topic:?} are not taken; add it to events.http.topics"
            );
        }
        let validator = SignatureValidator::with_header(topic, secret.expose(), &header, &prefix);
        ingress.validators.push(Arc::new(validator));
    }
    for topic in ingress.open_topics() {
        tracing::warn!(
            topic,
            "everyone who reaches the server can publish events of this topic: give it a secret in \
             callboard.eventSignatures"
        );
    }
    Ok(ingress)
}
