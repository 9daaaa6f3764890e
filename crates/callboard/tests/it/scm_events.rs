//! Web hooks of source code hosts, by configuration.

use std::time::Duration;

use callboard_testkit::{Upstream, until};
use serde_json::json;

const PATIENCE: Duration = Duration::from_mins(1);
const FILE: &str = "o/r/blob/main/all.yaml";

fn component(title: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{ name: shop, title: {title} }}\n\
         spec: {{ type: service, lifecycle: production, owner: crew }}\n"
    )
}

#[tokio::test]
async fn a_push_has_a_file_read_again() {
    let upstream = Upstream::start().await;
    upstream.set(FILE, component("one"));
    let mut server = crate::server(json!({
        "backend": { "reading": { "allow": [{ "host": upstream.host() }] } },
        "catalog": {
            "processingInterval": { "hours": 1 },
            "scmEvents": { "move": false },
            "locations": [{ "type": "url", "target": upstream.url(FILE) }],
        },
        "events": {
            "http": { "topics": ["gitlab", "github"] },
            "modules": { "gitlab": { "webhookSecret": "the-hook-secret" } },
        },
    }));
    server.start().await;
    let until_titled = async |title: &str| {
        until(&format!("the title {title}"), PATIENCE, async || {
            let shop = server.json("/entities/by-name/component/default/shop").await?;
            (shop["metadata"]["title"] == title).then_some(())
        })
        .await;
    };
    until_titled("one").await;

    upstream.set(FILE, component("two"));
    let repository = upstream.url("o/r");
    let push = json!({
        "ref": "refs/heads/main",
        "repository": { "html_url": repository },
        "commits": [{ "modified": ["all.yaml"] }],
    });
    let request = server.post("/../events/http/github", &push).header("x-github-event", "push");
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 202);
    until_titled("two").await;

    upstream.set(FILE, component("three"));
    let push = json!({
        "event_name": "push",
        "ref": "refs/heads/main",
        "project": { "web_url": repository },
        "commits": [],
        "total_commits_count": 30,
    });
    let request = server.post("/../events/http/gitlab", &push).header("x-gitlab-token", "a-guess");
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 403);
    let request = server.post("/../events/http/gitlab", &push).header("x-gitlab-token", "the-hook-secret");
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 202);
    let push = json!({ "repository": { "html_url": repository }, "action": "edited" });
    let request = server.post("/../events/http/github", &push).header("x-github-event", "repository");
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 202);
    until_titled("three").await;
    assert!(server.stop().await.success());
}
