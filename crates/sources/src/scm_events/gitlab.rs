//! GitLab: web hooks of projects and groups, and system hooks of a whole server.

use callboard_sdk::{Event, ScmEvent, ScmEventTranslator};
use serde_json::Value;

use super::header;
use super::path_changes::{PathChanges, below, pushed_branch};

/// The topic of all its web hooks; those of one kind have the kind behind it.
const TOPIC: &str = "gitlab";

pub(super) struct GitlabTranslator {
    topics: Vec<String>,
}

impl Default for GitlabTranslator {
    fn default() -> Self {
        Self { topics: [TOPIC, "gitlab.push"].map(str::to_owned).to_vec() }
    }
}

impl ScmEventTranslator for GitlabTranslator {
    fn id(&self) -> &'static str {
        TOPIC
    }

    fn topics(&self) -> &[String] {
        &self.topics
    }

    fn translate(&self, event: &Event) -> Vec<ScmEvent> {
        let payload = &event.payload;
        let kind = payload["event_name"].as_str().or_else(|| payload["object_kind"].as_str());
        match kind {
            Some("push") => push(payload),
            Some(kind) => header(event, "x-gitlab-instance")
                .and_then(|server| change(kind, payload, server))
                .into_iter()
                .collect(),
            None => Vec::new(),
        }
    }
}

fn push(payload: &Value) -> Vec<ScmEvent> {
    let repository = payload["project"]["web_url"].as_str();
    let (Some(branch), Some(repository)) = (pushed_branch(payload), repository) else { return Vec::new() };
    let is_deleted = |commit: &str| commit.bytes().all(|byte| byte == b'0');
    if payload["after"].as_str().is_some_and(is_deleted) {
        return Vec::new();
    }
    let commits = payload["commits"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Only the latest twenty are named.
    if payload["total_commits_count"].as_u64().is_some_and(|total| total > commits.len() as u64) {
        let url = below(repository, &format!("-/tree/{branch}"));
        return url.map(|url| ScmEvent::RepositoryUpdated { url }).into_iter().collect();
    }
    PathChanges::of(commits).into_events(|path| below(repository, &format!("-/blob/{branch}/{path}")))
}

/// System hooks name projects by their paths, and the server in a header.
fn change(kind: &str, payload: &Value, server: &str) -> Option<ScmEvent> {
    let url = |member: &str| below(server, payload[member].as_str()?);
    match kind {
        "project_create" => Some(ScmEvent::RepositoryCreated { url: url("path_with_namespace")? }),
        "project_destroy" => Some(ScmEvent::RepositoryDeleted { url: url("path_with_namespace")? }),
        "project_rename" | "project_transfer" => Some(ScmEvent::RepositoryMoved {
            from_url: url("old_path_with_namespace")?,
            to_url: url("path_with_namespace")?,
        }),
        _ => None,
    }
}
