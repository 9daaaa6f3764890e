//! GitHub, also GitHub Enterprise.

use callboard_sdk::{Event, ScmEvent, ScmEventTranslator};
use serde_json::Value;
use url::Url;

use super::header;
use super::path_changes::{PathChanges, below, pushed_branch};

/// The topic of all its web hooks; those of one kind have the kind behind it.
const TOPIC: &str = "github";
/// A push with so many commits may have had more.
const MAX_COMMITS: usize = 2048;

pub(super) struct GithubTranslator {
    topics: Vec<String>,
}

impl Default for GithubTranslator {
    fn default() -> Self {
        Self { topics: [TOPIC, "github.push", "github.repository"].map(str::to_owned).to_vec() }
    }
}

impl ScmEventTranslator for GithubTranslator {
    fn id(&self) -> &'static str {
        TOPIC
    }

    fn topics(&self) -> &[String] {
        &self.topics
    }

    fn translate(&self, event: &Event) -> Vec<ScmEvent> {
        let kind = event.topic.strip_prefix("github.").or_else(|| header(event, "x-github-event"));
        let Some(repository) = event.payload["repository"]["html_url"].as_str() else { return Vec::new() };
        match kind {
            Some("push") => push(&event.payload, repository),
            Some("repository") => change(&event.payload, repository).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

fn push(payload: &Value, repository: &str) -> Vec<ScmEvent> {
    let Some(branch) = pushed_branch(payload) else { return Vec::new() };
    if payload["deleted"] == true {
        return Vec::new();
    }
    let commits = payload["commits"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Commits that a forced push takes away are not named.
    if payload["forced"] == true || commits.len() >= MAX_COMMITS {
        let url = below(repository, &format!("tree/{branch}"));
        return url.map(|url| ScmEvent::RepositoryUpdated { url }).into_iter().collect();
    }
    PathChanges::of(commits).into_events(|path| below(repository, &format!("blob/{branch}/{path}")))
}

fn change(payload: &Value, repository: &str) -> Option<ScmEvent> {
    let url = repository.to_owned();
    let changes = &payload["changes"];
    match payload["action"].as_str()? {
        "created" => Some(ScmEvent::RepositoryCreated { url }),
        "deleted" => Some(ScmEvent::RepositoryDeleted { url }),
        "edited" | "publicized" | "privatized" => Some(ScmEvent::RepositoryUpdated { url }),
        "renamed" => {
            let name = changes["repository"]["name"]["from"].as_str()?;
            let owner = owner_and_name(repository)?.0;
            Some(ScmEvent::RepositoryMoved { from_url: renamed(repository, &owner, name)?, to_url: url })
        }
        "transferred" => {
            let from = &changes["owner"]["from"];
            let owner = from["organization"]["login"].as_str().or_else(|| from["user"]["login"].as_str())?;
            let name = owner_and_name(repository)?.1;
            Some(ScmEvent::RepositoryMoved { from_url: renamed(repository, owner, &name)?, to_url: url })
        }
        _ => None,
    }
}

fn owner_and_name(repository: &str) -> Option<(String, String)> {
    let url = Url::parse(repository).ok()?;
    let mut segments = url.path_segments()?;
    Some((segments.next()?.to_owned(), segments.next()?.to_owned()))
}

fn renamed(repository: &str, owner: &str, name: &str) -> Option<String> {
    let mut url = Url::parse(repository).ok()?;
    url.set_path(&format!("{owner}/{name}"));
    Some(url.to_string())
}
