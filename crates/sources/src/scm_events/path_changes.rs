//! What a row of commits does to files in the end.

use std::collections::BTreeMap;

use callboard_sdk::ScmEvent;
use serde_json::Value;
use url::Url;

/// Whether a file was there before the first commit, and is there after the last one.
#[derive(Debug, Clone, Copy)]
struct Presence {
    before: bool,
    after: bool,
}

/// Files by their paths.
#[derive(Debug, Default)]
pub(super) struct PathChanges(BTreeMap<String, Presence>);

impl PathChanges {
    /// Of commits that have lists named `added`, `modified` and `removed`, the oldest first.
    pub(super) fn of(commits: &[Value]) -> Self {
        let mut changes = Self::default();
        for commit in commits {
            for (list, was_there, is_there) in
                [("removed", true, false), ("added", false, true), ("modified", true, true)]
            {
                let paths = commit[list].as_array().into_iter().flatten().filter_map(Value::as_str);
                for path in paths {
                    let presence = changes.0.entry(path.to_owned());
                    presence.or_insert(Presence { before: was_there, after: is_there }).after = is_there;
                }
            }
        }
        changes
    }

    /// The same as events; `url_of` gives the URL of a file by its path.
    pub(super) fn into_events(self, url_of: impl Fn(&str) -> Option<String>) -> Vec<ScmEvent> {
        let event = |(path, presence): (String, Presence)| {
            let url = url_of(&path)?;
            match presence {
                Presence { before: false, after: true } => Some(ScmEvent::LocationCreated { url }),
                Presence { before: true, after: true } => Some(ScmEvent::LocationUpdated { url }),
                Presence { before: true, after: false } => Some(ScmEvent::LocationDeleted { url }),
                Presence { before: false, after: false } => None,
            }
        };
        self.0.into_iter().filter_map(event).collect()
    }
}

/// The branch that was pushed; none if it was something else, such as a tag.
pub(super) fn pushed_branch(payload: &Value) -> Option<&str> {
    payload["ref"].as_str()?.strip_prefix("refs/heads/").filter(|branch| !branch.is_empty())
}

/// A URL below that of a repository: `inner` is not encoded yet.
pub(super) fn below(repository: &str, inner: &str) -> Option<String> {
    let mut url = Url::parse(repository).ok()?;
    let path = format!("{}/{}", url.path().trim_end_matches('/'), inner.replace('%', "%25"));
    url.set_path(&path);
    Some(url.to_string())
}
