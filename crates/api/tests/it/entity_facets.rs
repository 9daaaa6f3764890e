use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn counts() {
    let server = Server::theatre().await;
    let answer =
        server.get("/entity-facets?facet=Kind&facet=metadata.tags&facet=nope&filter=kind=component").await;
    insta::assert_snapshot!("counts", answer.snapshot());
    let body = json!({ "facets": ["", "spec.type"], "query": { "kind": { "$in": ["component", "api"] } } });
    insta::assert_snapshot!("queried", server.post("/entity-facets", &body).await.snapshot());
}

#[tokio::test]
async fn refused() {
    let server = Server::theatre().await;
    let required = "400 InputError: request/query must have required property 'facet'";
    assert_eq!(server.get("/entity-facets").await.brief(), required);
    let missing = "400 InputError: Missing or empty facets parameter";
    assert_eq!(server.post("/entity-facets", &json!({ "facets": ["", ""] })).await.brief(), missing);
    let query =
        server.post("/entity-facets", &json!({ "facets": ["kind"], "query": { "kind": null } })).await;
    assert!(
        query.brief().starts_with("400 InputError: Invalid query: Validation error"),
        "{}",
        query.brief()
    );
}
