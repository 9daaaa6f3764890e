use serde_json::{Value, json};

use crate::server::{Server, ServerBuilder};

fn component(name: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name },
        "spec": { "type": "service", "lifecycle": "production", "owner": "me" },
    })
}

async fn validate(server: &Server, entity: Value, location: &str) -> String {
    server.post("/validate-entity", &json!({ "entity": entity, "location": location })).await.snapshot()
}

#[tokio::test]
async fn valid_or_not() {
    let server = ServerBuilder::empty().start().await;
    let location = "url:https://host/x.yaml";
    assert_eq!(validate(&server, component("x"), location).await, "200 no content type\n");
    insta::assert_snapshot!("bad-name", validate(&server, component("a b"), location).await);
    insta::assert_snapshot!("bad-location", validate(&server, component("x"), "file:/x").await);
    insta::assert_snapshot!("no-envelope", validate(&server, json!({}), location).await);
}

#[tokio::test]
async fn refused() {
    let server = ServerBuilder::empty().start().await;
    let cases = [
        (json!({ "entity": {} }), "400 InputError: request/body must have required property 'location'"),
        (json!({ "entity": "x", "location": "a" }), "400 InputError: request/body/entity must be object"),
        (json!({ "entity": {}, "location": 1 }), "400 InputError: request/body/location must be string"),
    ];
    for (body, expected) in cases {
        assert_eq!(server.post("/validate-entity", &body).await.brief(), expected, "{body}");
    }
}
