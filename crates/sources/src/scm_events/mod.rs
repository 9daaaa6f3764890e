//! The web hooks of source code hosts, in the words of the catalog.

mod bitbucket_cloud;
mod github;
mod gitlab;
mod path_changes;

use std::sync::Arc;

use callboard_sdk::{Event, ScmEventTranslator};

use self::bitbucket_cloud::BitbucketCloudTranslator;
use self::github::GithubTranslator;
use self::gitlab::GitlabTranslator;

/// All that is understood.
pub fn scm_event_translators() -> Vec<Arc<dyn ScmEventTranslator>> {
    vec![
        Arc::new(GithubTranslator::default()),
        Arc::new(GitlabTranslator::default()),
        Arc::new(BitbucketCloudTranslator::default()),
    ]
}

/// A header of the request that brought an event.
fn header<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.metadata.get(name)?.as_str()
}
