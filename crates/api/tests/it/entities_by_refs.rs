use serde_json::json;

use crate::server::Server;

const REFS: [&str; 4] =
    ["component:default/lights", "user:default/ada", "Component:default/lights", "component:default/lights"];

#[tokio::test]
async fn in_the_order_asked_for() {
    let server = Server::theatre().await;
    let answer = server.post("/entities/by-refs", &json!({ "entityRefs": REFS, "nope": 1 })).await;
    assert_eq!(answer.names(), ["Lights", "ada", "-", "Lights"]);
    let body = json!({ "entityRefs": REFS, "fields": ["metadata.name", "kind,spec.type"] });
    insta::assert_snapshot!("projected", server.post("/entities/by-refs", &body).await.snapshot());
    assert_eq!(
        server.post("/entities/by-refs", &json!({ "entityRefs": [] })).await.text(),
        r#"{"items":[]}"#
    );
}

#[tokio::test]
async fn filter_and_query_have_to_hold() {
    let server = Server::theatre().await;
    let body = json!({ "entityRefs": REFS, "query": { "metadata.tags": { "$contains": "java" } } });
    let answer = server.post("/entities/by-refs?filter=kind=user&filter=kind=component", &body).await;
    assert_eq!(answer.names(), ["Lights", "-", "-", "Lights"]);
    let answer = server.post("/entities/by-refs?filter=kind=user", &body).await;
    assert_eq!(answer.names(), ["-", "-", "-", "-"]);
}

#[tokio::test]
async fn refused() {
    let server = Server::theatre().await;
    let cases = [
        (json!({}), "400 InputError: request/body must have required property 'entityRefs'"),
        (json!({ "entityRefs": ["a", 1] }), "400 InputError: request/body/entityRefs/1 must be string"),
        (json!({ "entityRefs": [], "query": "x" }), "400 InputError: request/body/query must be object"),
    ];
    for (body, expected) in cases {
        assert_eq!(server.post("/entities/by-refs", &body).await.brief(), expected, "{body}");
    }
    let malformed =
        server.post("/entities/by-refs", &json!({ "entityRefs": [], "query": { "kind": null } })).await;
    assert!(malformed.brief().starts_with("400 InputError: Malformed request body (did you remember"));
    let parameter = server.post("/entities/by-refs?fields=kind", &json!({ "entityRefs": [] })).await;
    assert_eq!(parameter.brief(), "400 InputError: Unknown query parameter 'fields'");
}
