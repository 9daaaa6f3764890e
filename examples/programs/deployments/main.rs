//! Tells others of deployments: events of the topic `deployments`, which build servers bring over HTTP, are sent on to
//! each of the URLs in the configuration.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use callboard::sdk::{
    Event, EventSubscriber, Module, ModuleConfig, ModuleError, Registry, SubscriberError, async_trait,
};
use serde::Deserialize;
use serde_json::json;

struct Announcer {
    id: String,
    topics: Vec<String>,
    url: String,
    client: reqwest::Client,
}

#[async_trait]
impl EventSubscriber for Announcer {
    fn id(&self) -> &str {
        &self.id
    }

    fn topics(&self) -> &[String] {
        &self.topics
    }

    async fn on_event(&self, event: &Event) -> Result<(), SubscriberError> {
        let announcement = json!({ "deployment": event.payload, "announcedBy": std::process::id() });
        self.client.post(&self.url).json(&announcement).send().await?.error_for_status()?;
        Ok(())
    }
}

/// What stands in `announcers`, for each of them.
#[derive(Deserialize)]
struct AnnouncerConfig {
    url: String,
}

struct Announcers;

impl Module for Announcers {
    fn name(&self) -> &'static str {
        "announcers"
    }

    fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
        // Shorter than the 30 s that a subscriber has for an event.
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
        for (name, announcer) in config.instances::<AnnouncerConfig>("announcers", "url")? {
            registry.add_event_subscriber(Arc::new(Announcer {
                id: format!("announcer-{name}"),
                topics: vec!["deployments".to_owned()],
                url: announcer.url,
                client: client.clone(),
            }));
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.add_module(Announcers))
}
