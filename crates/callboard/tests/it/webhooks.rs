//! A processor that is a program of its own, by configuration.

use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use callboard_testkit::{Upstream, until};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_mins(1);

/// Knows the kind Device, and says that the crew owns all of them.
async fn hook(Json(request): Json<Value>) -> Json<Value> {
    Json(match request["hook"].as_str() {
        Some("validateKind") => json!({ "valid": request["entity"]["apiVersion"] == "example.com/v1" }),
        _ => json!({ "emit": { "relations": [{ "type": "ownedBy", "target": "group:crew" }] } }),
    })
}

#[tokio::test]
async fn a_program_takes_part_in_processing() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let router = Router::new().route("/", post(hook));
    let program = tokio::spawn(async move { axum::serve(listener, router).await });
    let upstream = Upstream::start().await;
    upstream
        .set("all.yaml", "apiVersion: example.com/v1\nkind: Device\nmetadata: { name: lamp }\nspec: {}\n");
    let mut server = crate::server(json!({
        "backend": { "reading": { "allow": [{ "host": upstream.host() }] } },
        "catalog": {
            "rules": [{ "allow": ["Device"] }],
            "locations": [{ "type": "url", "target": upstream.url("all.yaml") }],
        },
        "callboard": {
            "webhookProcessors": [
                { "name": "devices", "url": url, "hooks": ["validateKind", "postProcess"], "kinds": ["Device"] },
            ],
        },
    }));
    server.start().await;
    let device =
        until("the device", PATIENCE, async || server.json("/entities/by-name/device/default/lamp").await)
            .await;
    assert_eq!(device["relations"], json!([{ "type": "ownedBy", "targetRef": "group:default/crew" }]));
    assert!(server.stop().await.success());
    program.abort();
}
