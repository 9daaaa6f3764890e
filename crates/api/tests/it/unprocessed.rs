use axum::http::Method;

use crate::server::{Server, ServerBuilder};

const BROKEN: &str = r"
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: broken }
spec: { type: 5, lifecycle: production, owner: someone }
";

async fn stuck() -> Server {
    let server = ServerBuilder::empty().location("https://host/broken.yaml", BROKEN).start().await;
    let mut failed = false;
    // Nothing shows in the index when an entity fails, so the list itself is asked.
    while !failed {
        tokio::task::yield_now().await;
        let rows = server.get("/entities/unprocessed/failed").await.json();
        let rows = rows["entities"].as_array().unwrap().clone();
        failed = rows.iter().any(|row| row["entity_ref"] == "component:default/broken");
    }
    server
}

#[tokio::test]
async fn what_is_stuck() {
    let server = stuck().await;
    insta::assert_snapshot!(
        "failed",
        server.get("/entities/unprocessed/failed?owner=someone&ignored=1").await.snapshot()
    );
    let rows = server.get("/entities/unprocessed/failed").await.json();
    let due = rows["entities"][0]["next_update_at"].as_str().unwrap();
    assert!(due.len() == "2026-11-21T21:53:49.569Z".len() && due.ends_with('Z'), "{due}");
    let of_nobody = server.get("/entities/unprocessed/failed?owner=nobody").await;
    assert_eq!(of_nobody.text(), r#"{"type":"failed","entities":[]}"#);
    let of_two = server.get("/entities/unprocessed/failed?owner=a&owner=b").await;
    assert!(!of_two.json()["entities"].as_array().unwrap().is_empty());
    let pending = server.get("/entities/unprocessed/pending?owner=someone").await;
    assert_eq!(pending.text(), r#"{"type":"pending","entities":[]}"#);
    assert_eq!(server.get("/entities/unprocessed/other").await.status, 404);
}

#[tokio::test]
async fn deletion() {
    let server = stuck().await;
    for id in ["11111111-2222-4333-8444-555555555555", "nope"] {
        let path = format!("/entities/unprocessed/delete/{id}");
        assert_eq!(server.request(Method::DELETE, &path, None).await.status, 204, "{id}");
    }
}
