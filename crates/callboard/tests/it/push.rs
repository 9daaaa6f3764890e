//! Providers that are told of their entities by requests, by configuration.

use std::process::{Command, Stdio};

use callboard_testkit::ServerProcess;
use serde_json::{Value, json};

const TOKEN: &str = "frobs-secret-token";

fn frob(name: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name },
        "spec": { "type": "frob", "lifecycle": "production", "owner": "crew" },
    })
}

async fn push(server: &ServerProcess, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let method = if path.contains("/delta") { reqwest::Method::POST } else { reqwest::Method::PUT };
    let request = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = request.request(method, server.api(&format!("/providers/{path}")));
    let answer = request.bearer_auth(token).json(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn names(server: &ServerProcess) -> Vec<String> {
    let entities = server.json("/entities?filter=kind=component").await.expect("entities");
    let entities = entities.as_array().expect("a list").iter();
    let mut names: Vec<String> =
        entities.map(|entity| entity["metadata"]["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_was_pushed_survives_a_restart() {
    let mut server = crate::server(json!({
        "catalog": {
            "providers": { "push": { "frobs": { "tokens": [TOKEN, "the-next-one"] }, "others": { "tokens": ["their-token"] } } },
            "providerOptions": { "frobs": { "rejectEmptySourceCollections": true } },
        },
    }));
    server.start().await;
    let all = json!({ "entities": [frob("one"), frob("two")] });
    assert_eq!(push(&server, "frobs/entities", "their-token", &all).await.0, 403);
    assert_eq!(push(&server, "frobs/entities", "no-such-token", &all).await.0, 401);
    let (status, dry_run) = push(&server, "frobs/entities?dryRun=true", TOKEN, &all).await;
    assert_eq!(
        (status, &dry_run["added"]),
        (200, &json!(["component:default/one", "component:default/two"]))
    );
    assert_eq!(names(&server).await, [""; 0]);
    let (status, pushed) = push(&server, "frobs/entities?wait=1m", "the-next-one", &all).await;
    assert_eq!((status, &pushed["visible"]), (200, &json!(true)));
    assert_eq!(names(&server).await, ["one", "two"]);
    assert!(server.stop().await.success());

    server.start().await;
    assert_eq!(names(&server).await, ["one", "two"]);
    let changed = json!({ "added": [frob("three")], "removed": ["component:default/one"] });
    let (status, pushed) = push(&server, "frobs/delta?wait=1m", TOKEN, &changed).await;
    assert_eq!((status, &pushed["removed"]), (200, &json!(["component:default/one"])));
    assert_eq!(names(&server).await, ["three", "two"]);
    let (status, refused) = push(&server, "frobs/entities", TOKEN, &json!({ "entities": [] })).await;
    assert_eq!((status, &refused["error"]["name"]), (409, &json!("ConflictError")));
    let log = server.log();
    assert!(log.contains("provider-mutate"), "the audit: {log}");
    assert!(!log.contains(TOKEN) && !log.contains("no-such-token"), "{log}");
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_token_that_is_none_keeps_the_server_from_starting() {
    let server = crate::server(json!({
        "catalog": { "providers": { "push": { "frobs": { "tokens": ["hush"] } } } },
    }));
    let output = Command::new(env!("CARGO_BIN_EXE_callboard"))
        .args(["serve", "--config"])
        .arg(server.folder().join("app-config.yaml"))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("catalog.providers.push.frobs.tokens[0]"), "{message}");
    assert!(message.contains("at least 8 characters") && !message.contains("hush"), "{message}");
}
