//! Answering a permission backend.

use axum::body::Body;
use axum::http::{Request, header};
use rstest::rstest;
use serde_json::{Value, json};

use super::programs::tokens;
use crate::server::{Answer, Server, ServerBuilder};

const PATH: &str = "/api/catalog/.well-known/backstage/permissions/apply-conditions";
const TYPE: &str = "catalog-entity";

async fn ask(server: &Server, token: Option<&str>, body: &Value) -> Answer {
    let mut request = Request::post(PATH).header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    server.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn server() -> Server {
    Server::theatre_of(ServerBuilder::empty().options(tokens)).await
}

fn item(id: &str, refs: impl Into<Value>, conditions: impl Into<Value>) -> Value {
    let (refs, conditions) = (refs.into(), conditions.into());
    json!({ "id": id, "resourceRef": refs, "resourceType": TYPE, "conditions": conditions })
}

fn rule(name: &str, params: impl Into<Value>) -> Value {
    json!({ "rule": name, "resourceType": TYPE, "params": params.into() })
}

#[tokio::test]
async fn answers_have_the_shape_of_questions() {
    let owned = rule("IS_ENTITY_OWNER", json!({ "claims": ["group:default/stagehands"] }));
    let no_annotation = json!({ "not": rule("HAS_ANNOTATION", json!({ "annotation": "zzz" })) });
    let both = json!({ "allOf": [owned, { "anyOf": [rule("IS_ENTITY_KIND", json!({ "kinds": ["API"] })), no_annotation] }] });
    let refs = json!([
        "component:default/lights",
        "user:default/ada",
        "component:default/none",
        "Component:default/Lights"
    ]);
    let body = json!({ "items": [
        item("1", json!("component:default/lights"), owned.clone()),
        item("2", refs.clone(), no_annotation.clone()),
        item("3", refs, both),
        item("3", json!("user:default/ada"), owned),
    ] });
    let answer = ask(&server().await, Some("free-token"), &body).await;
    let expected = json!({ "items": [
        { "id": "1", "result": "ALLOW" },
        { "id": "2", "result": ["ALLOW", "ALLOW", "DENY", "DENY"] },
        { "id": "3", "result": ["ALLOW", "DENY", "DENY", "DENY"] },
        { "id": "3", "result": "DENY" },
    ] });
    assert_eq!(answer.json(), expected);
    let nothing = ask(&server().await, Some("free-token"), &json!({ "items": [] })).await;
    assert_eq!(nothing.json(), json!({ "items": [] }));
}

#[rstest]
#[case(json!({}), "request/body must have required property 'items'")]
#[case(json!({ "items": 5 }), "request/body/items must be array")]
#[case(json!({ "items": [{}] }), "request/body/items/0 must have required property 'id'")]
#[case(json!({ "items": [item("1", json!([]), rule("X", json!({})))] }), "request/body/items/resourceRef must NOT have fewer than 1 items")]
#[case(json!({ "items": [item("1", json!("a"), json!({ "anyOf": [] })), item("2", json!("a"), json!({ "allOf": [5] }))] }),
    "request/body/items/0/conditions.anyOf expected at least one condition; request/body/items/1/conditions.allOf[0] expected an object with rule, allOf, anyOf or not")]
#[case(json!({ "items": [{ "id": "1", "resourceRef": "a", "resourceType": "foo", "conditions": rule("X", json!({})) }] }), "Unexpected resource types: foo.")]
#[case(json!({ "items": [item("1", json!("a"), rule("X", json!({})))] }), "Permission rule 'X' does not exist for resource type 'catalog-entity'")]
#[case(json!({ "items": [item("1", json!("a"), rule("HAS_LABEL", json!({ "label": 5 })))] }), "Parameters to rule are invalid; caused by label: expected a text")]
#[tokio::test]
async fn mistakes(#[case] body: Value, #[case] expected: &str) {
    let answer = ask(&server().await, Some("free-token"), &body).await;
    assert_eq!(answer.brief(), format!("400 InputError: {expected}"));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let body = json!({ "items": [item("1", json!("a"), rule("IS_ENTITY_KIND", json!({})))] });
    let answer = ask(&server().await, Some("free-token"), &body).await.json();
    let issues = json!([{ "path": ["kinds"], "message": "required, expected a list of texts" }]);
    assert_eq!(answer["error"]["cause"]["issues"], issues);
}

#[tokio::test]
async fn only_for_programs() {
    let body = json!({ "items": [] });
    assert_eq!(
        ask(&server().await, None, &body).await.brief(),
        "401 AuthenticationError: Missing credentials"
    );
    // Also where tokens are not required.
    let open = ServerBuilder::empty().start().await;
    assert_eq!(ask(&open, None, &body).await.brief(), "401 AuthenticationError: Missing credentials");
}

#[tokio::test]
async fn metadata() {
    let answer = Server::theatre().await.get("/.well-known/backstage/permissions/metadata?ignored").await;
    insta::assert_snapshot!(answer.snapshot());
}
