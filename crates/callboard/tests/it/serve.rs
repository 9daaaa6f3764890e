use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use callboard_testkit::{Upstream, until};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

fn component(name: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{ name: {name} }}\n\
         spec: {{ type: service, lifecycle: production, owner: crew }}\n"
    )
}

#[tokio::test]
async fn a_registered_file_is_readable_within_a_second_whatever_else_is_due() {
    let upstream = Upstream::start().await;
    let many: Vec<String> = (0..2000).map(|i| component(&format!("understudy-{i}"))).collect();
    upstream.set("many.yaml", many.join("---\n"));
    upstream.set("star.yaml", component("star"));
    let mut server = crate::server(json!({
        "backend": { "reading": { "allow": [{ "host": upstream.host() }] } },
        // Everything is due again all the time.
        "catalog": { "processingInterval": { "seconds": 1 } },
    }));
    server.start().await;
    let register = async |file: &str| {
        let body = json!({ "type": "url", "target": upstream.url(file) });
        let answer = server.post("/locations", &body).send().await.expect("an answer");
        assert_eq!(answer.status(), 201);
    };
    register("many.yaml").await;
    until("many entities", PATIENCE, async || {
        let page = server.json("/entities/by-query?limit=0&filter=kind=component").await?;
        (page["totalItems"] == 2000).then_some(())
    })
    .await;

    let start = Instant::now();
    register("star.yaml").await;
    until("the new entity", PATIENCE, async || server.json("/entities/by-name/component/default/star").await)
        .await;
    // The promise is one second, to an optimised server on a machine of its own; this is neither.
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn an_unchanged_file_is_asked_for_and_not_sent_again() {
    let upstream = Upstream::start().await;
    upstream.set("a.yaml", component("a"));
    let mut server = crate::server(json!({
        "backend": { "reading": { "allow": [{ "host": upstream.host() }] } },
        "catalog": {
            "processingInterval": { "seconds": 1 },
            "locations": [{ "type": "url", "target": upstream.url("a.yaml") }],
        },
    }));
    server.start().await;
    until("two rounds without a change", PATIENCE, async || {
        (upstream.unchanged("a.yaml") >= 2).then_some(())
    })
    .await;
    assert_eq!(upstream.reads("a.yaml"), 1);
    let etag = async || {
        server.json("/entities/by-name/component/default/a").await.map(|e| e["metadata"]["etag"].clone())
    };
    let before = until("the entity", PATIENCE, etag).await;
    upstream.set("a.yaml", component("a").replace("service", "library"));
    until("the change", PATIENCE, async || etag().await.filter(|etag| *etag != before)).await;
}

#[tokio::test]
async fn what_was_registered_is_there_after_a_restart() {
    const ENTITY: &str = "/entities/by-name/component/default/a";
    let upstream = Upstream::start().await;
    upstream.set("a.yaml", component("a"));
    let mut server =
        crate::server(json!({ "backend": { "reading": { "allow": [{ "host": upstream.host() }] } } }));
    server.start().await;
    let body = json!({ "type": "url", "target": upstream.url("a.yaml") });
    assert_eq!(server.post("/locations", &body).send().await.expect("an answer").status(), 201);
    let before = until("the entity", PATIENCE, async || server.json(ENTITY).await).await;
    assert!(server.stop().await.success());
    let log = server.folder().join("database/catalog.sqlite-wal");
    assert!(!log.exists(), "the database is one file when nobody uses it");
    server.start().await;
    // It is there at once: the index is filled before the server is ready.
    assert_eq!(server.json(ENTITY).await, Some(before));
    let locations = server.json("/locations").await.expect("the locations");
    assert_eq!(locations[0]["data"]["target"], upstream.url("a.yaml"));
}

#[test]
fn a_mistake_in_the_configuration_is_shown_where_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("app-config.yaml");
    std::fs::write(&file, "catalog:\n  rules:\n    - allow: 7\n").expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_callboard"))
        .args(["serve", "--config"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("catalog.rules[0].allow") && message.contains("app-config.yaml:3"), "{message}");
}

#[test]
fn a_server_that_could_let_nobody_in_does_not_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_callboard"))
        .args(["serve", "--host", "0.0.0.0"])
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("nobody could be let in"), "{message}");
    assert!(message.contains("dangerouslyDisableDefaultAuthPolicy"), "{message}");
}

#[tokio::test]
async fn without_a_configuration_the_example_catalog_is_served() {
    let mut server = crate::server(Value::Object(serde_json::Map::new()));
    server.spawn_example();
    let kinds = until("every kind of the example", PATIENCE, async || {
        let facets = server.json("/entity-facets?facet=kind").await?;
        let kinds = facets["facets"]["kind"].as_array()?.clone();
        (kinds.len() == 9).then_some(kinds)
    })
    .await;
    assert!(kinds.iter().any(|kind| kind["value"] == "Template"));
    assert!(server.stop().await.success());
}
