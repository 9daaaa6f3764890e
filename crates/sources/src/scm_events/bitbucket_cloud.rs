//! Bitbucket Cloud. Its web hooks do not say which files a push changes.

use callboard_sdk::{Event, ScmEvent, ScmEventTranslator};

use super::header;
use super::path_changes::below;

/// The topic of all its web hooks; those of one kind have the kind behind it.
const TOPIC: &str = "bitbucketCloud";
const HOST: &str = "https://bitbucket.org";

pub(super) struct BitbucketCloudTranslator {
    topics: Vec<String>,
}

impl Default for BitbucketCloudTranslator {
    fn default() -> Self {
        Self { topics: [TOPIC, "bitbucketCloud.repo:push"].map(str::to_owned).to_vec() }
    }
}

impl ScmEventTranslator for BitbucketCloudTranslator {
    fn id(&self) -> &'static str {
        TOPIC
    }

    fn topics(&self) -> &[String] {
        &self.topics
    }

    fn translate(&self, event: &Event) -> Vec<ScmEvent> {
        let kind = event.topic.strip_prefix("bitbucketCloud.").or_else(|| header(event, "x-event-key"));
        kind.and_then(|kind| change(kind, event)).into_iter().collect()
    }
}

fn change(kind: &str, event: &Event) -> Option<ScmEvent> {
    let repository = &event.payload["repository"];
    let url = repository["links"]["html"]["href"].as_str()?.to_owned();
    match kind {
        "repo:push" => Some(ScmEvent::RepositoryUpdated { url }),
        "repo:created" => Some(ScmEvent::RepositoryCreated { url }),
        "repo:deleted" => Some(ScmEvent::RepositoryDeleted { url }),
        "repo:updated" => {
            let names = &event.payload["changes"]["full_name"];
            let url_of = |which: &str| below(HOST, names[which].as_str()?);
            Some(ScmEvent::RepositoryMoved { from_url: url_of("old")?, to_url: url_of("new")? })
        }
        _ => None,
    }
}
