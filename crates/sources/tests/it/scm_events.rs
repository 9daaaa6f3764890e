//! Web hooks of source code hosts.

use callboard_sdk::{Event, ScmEvent};
use callboard_sources::scm_event_translators;
use serde_json::{Value, json};

/// What the translators that are told of a topic make of an event, one line each.
fn translated(topic: &str, headers: &[(&str, &str)], payload: Value) -> Vec<String> {
    let mut event = Event::new(topic, payload);
    for (name, value) in headers {
        event.metadata.insert((*name).to_owned(), json!(value));
    }
    let translators = scm_event_translators();
    let told = translators.iter().filter(|translator| translator.topics().iter().any(|known| known == topic));
    told.flat_map(|translator| translator.translate(&event)).map(|event| line(&event)).collect()
}

fn line(event: &ScmEvent) -> String {
    let urls = match event {
        ScmEvent::LocationCreated { url }
        | ScmEvent::LocationUpdated { url }
        | ScmEvent::LocationDeleted { url }
        | ScmEvent::RepositoryCreated { url }
        | ScmEvent::RepositoryUpdated { url }
        | ScmEvent::RepositoryDeleted { url } => url.clone(),
        ScmEvent::LocationMoved { from_url, to_url } | ScmEvent::RepositoryMoved { from_url, to_url } => {
            format!("{from_url} {to_url}")
        }
    };
    format!("{} {urls}", event.name())
}

fn github(kind: &str, mut payload: Value) -> Vec<String> {
    payload["repository"] = json!({ "html_url": "https://github.com/o/r" });
    translated("github", &[("x-github-event", kind)], payload)
}

fn commit(added: &[&str], modified: &[&str], removed: &[&str]) -> Value {
    json!({ "added": added, "modified": modified, "removed": removed })
}

#[test]
fn a_push_to_github_names_files() {
    let commits = [
        commit(&["new.yaml", "brief.yaml"], &["old.yaml", "gone.yaml"], &["back.yaml"]),
        commit(&["back.yaml"], &["new.yaml"], &["gone.yaml", "brief.yaml", "a b/100%#.yaml"]),
    ];
    let push = json!({ "ref": "refs/heads/feature/x", "commits": commits });
    let expected = [
        "location.deleted https://github.com/o/r/blob/feature/x/a%20b/100%25%23.yaml",
        "location.updated https://github.com/o/r/blob/feature/x/back.yaml",
        "location.deleted https://github.com/o/r/blob/feature/x/gone.yaml",
        "location.created https://github.com/o/r/blob/feature/x/new.yaml",
        "location.updated https://github.com/o/r/blob/feature/x/old.yaml",
    ];
    assert_eq!(github("push", push.clone()), expected);
    let mut routed = push.clone();
    routed["repository"] = json!({ "html_url": "https://github.com/o/r" });
    assert_eq!(translated("github.push", &[], routed), expected, "somebody has told kinds apart before");
    let forced = json!({ "ref": "refs/heads/main", "forced": true, "commits": commits });
    assert_eq!(github("push", forced), ["repository.updated https://github.com/o/r/tree/main"]);
    for nothing in [
        json!({ "ref": "refs/tags/v1", "commits": commits }),
        json!({ "ref": "refs/heads/main", "deleted": true }),
        json!({ "ref": "refs/heads/main" }),
        json!({}),
    ] {
        assert_eq!(github("push", nothing.clone()), [""; 0], "{nothing}");
    }
    assert_eq!(github("ping", push), [""; 0]);
}

#[test]
fn repositories_of_github_come_go_and_move() {
    let cases = [
        (json!({ "action": "created" }), "repository.created https://github.com/o/r"),
        (json!({ "action": "deleted" }), "repository.deleted https://github.com/o/r"),
        (json!({ "action": "edited" }), "repository.updated https://github.com/o/r"),
        (
            json!({ "action": "renamed", "changes": { "repository": { "name": { "from": "was" } } } }),
            "repository.moved https://github.com/o/was https://github.com/o/r",
        ),
        (
            json!({ "action": "transferred", "changes": { "owner": { "from": { "organization": { "login": "p" } } } } }),
            "repository.moved https://github.com/p/r https://github.com/o/r",
        ),
        (
            json!({ "action": "transferred", "changes": { "owner": { "from": { "user": { "login": "u" } } } } }),
            "repository.moved https://github.com/u/r https://github.com/o/r",
        ),
    ];
    for (payload, expected) in cases {
        assert_eq!(github("repository", payload.clone()), [expected], "{payload}");
    }
    assert_eq!(github("repository", json!({ "action": "archived" })), [""; 0]);
    assert_eq!(github("repository", json!({ "action": "renamed" })), [""; 0]);
}

#[test]
fn web_hooks_of_gitlab() {
    let push = |total: u64| {
        json!({
            "object_kind": "push", "event_name": "push", "ref": "refs/heads/main", "after": "da15",
            "project": { "web_url": "https://gitlab.example.com/g/s/r" },
            "commits": [commit(&["a.yaml"], &["b.yaml"], &[])], "total_commits_count": total,
        })
    };
    let gitlab = |payload: Value| {
        translated("gitlab", &[("x-gitlab-instance", "https://gitlab.example.com")], payload)
    };
    let expected = [
        "location.created https://gitlab.example.com/g/s/r/-/blob/main/a.yaml",
        "location.updated https://gitlab.example.com/g/s/r/-/blob/main/b.yaml",
    ];
    assert_eq!(gitlab(push(1)), expected);
    let many = ["repository.updated https://gitlab.example.com/g/s/r/-/tree/main"];
    assert_eq!(gitlab(push(21)), many);
    let mut deleted = push(21);
    deleted["after"] = json!("0000000000000000000000000000000000000000");
    assert_eq!(gitlab(deleted), [""; 0]);
    let moved = json!({
        "event_name": "project_transfer", "path_with_namespace": "g/r", "old_path_with_namespace": "h/r",
    });
    let expected = ["repository.moved https://gitlab.example.com/h/r https://gitlab.example.com/g/r"];
    assert_eq!(gitlab(moved.clone()), expected);
    assert_eq!(translated("gitlab", &[], moved), [""; 0], "it does not say which server");
    let gone = json!({ "event_name": "project_destroy", "path_with_namespace": "g/r" });
    assert_eq!(gitlab(gone), ["repository.deleted https://gitlab.example.com/g/r"]);
    assert_eq!(gitlab(json!({ "event_name": "user_create" })), [""; 0]);
}

#[test]
fn web_hooks_of_bitbucket_cloud() {
    let bitbucket = |kind: &str, mut payload: Value| {
        payload["repository"] = json!({ "links": { "html": { "href": "https://bitbucket.org/o/r" } } });
        translated("bitbucketCloud", &[("x-event-key", kind)], payload)
    };
    assert_eq!(bitbucket("repo:push", json!({})), ["repository.updated https://bitbucket.org/o/r"]);
    let renamed = json!({ "changes": { "full_name": { "old": "o/was", "new": "o/r" } } });
    let expected = ["repository.moved https://bitbucket.org/o/was https://bitbucket.org/o/r"];
    assert_eq!(bitbucket("repo:updated", renamed), expected);
    assert_eq!(bitbucket("repo:updated", json!({})), [""; 0]);
    assert_eq!(bitbucket("repo:fork", json!({})), [""; 0]);
}
