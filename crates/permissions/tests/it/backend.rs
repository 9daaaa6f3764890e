use std::sync::Arc;

use callboard_auth::{Principal, SigningKeys, SystemClock, backend_client};
use callboard_permissions::{Access, BackendAuthority, BackendOptions, Permission, Session};
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{header_exists, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::catalog::{index_of, service, session};

const REFS: [&str; 2] = ["component:default/a", "component:default/b"];

/// A permission backend, and a caller who has to ask it.
struct World {
    backend: MockServer,
    session: Session,
}

impl World {
    async fn new(
        batched_requests: bool,
        respond: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static,
    ) -> Self {
        let backend = MockServer::start().await;
        Mock::given(method("POST")).and(path("/authorize")).respond_with(respond).mount(&backend).await;
        let session = session(authority(backend.uri(), batched_requests), Principal::None, &index_of(&[]));
        Self { backend, session }
    }

    async fn asked(&self) -> Vec<Value> {
        let requests = self.backend.received_requests().await.unwrap();
        requests.iter().map(|request| without_ids(request.body_json().unwrap())).collect()
    }
}

fn authority(url: String, batched_requests: bool) -> Arc<BackendAuthority> {
    let keys = Arc::new(SigningKeys::new("catalog", Arc::new(SystemClock)));
    Arc::new(BackendAuthority::new(backend_client().unwrap(), BackendOptions { url, keys, batched_requests }))
}

fn without_ids(mut body: Value) -> Value {
    for item in body["items"].as_array_mut().unwrap() {
        assert!(item.as_object_mut().unwrap().remove("id").unwrap().is_string());
    }
    body
}

/// Answers each item with what `result` makes of it.
fn each(result: impl Fn(&Value) -> Value + Send + Sync + 'static) -> impl Fn(&Request) -> ResponseTemplate {
    move |request| {
        let body: Value = request.body_json().unwrap();
        let answer = |item: &Value| {
            let mut answer = result(item);
            answer["id"] = item["id"].clone();
            answer
        };
        let items: Vec<Value> = body["items"].as_array().unwrap().iter().rev().map(answer).collect();
        ResponseTemplate::new(200).set_body_json(json!({ "items": items }))
    }
}

fn read_permission() -> Value {
    json!({
        "type": "resource", "name": "catalog.entity.read", "attributes": { "action": "read" },
        "resourceType": "catalog-entity",
    })
}

#[tokio::test]
async fn one_item_for_each_question_and_none_asked_twice() {
    let answer = |item: &Value| {
        let is_a = item["resourceRef"] == "component:default/a";
        json!({ "result": if is_a { "ALLOW" } else { "DENY" } })
    };
    let world = World::new(false, each(answer)).await;
    for _ in 0..2 {
        let permitted = world.session.are_permitted(Permission::ENTITY_READ, &REFS).await.unwrap();
        assert_eq!(permitted, [true, false]);
    }
    assert!(!world.session.is_permitted(Permission::LOCATION_READ).await.unwrap());
    let item = |entity_ref: &str| json!({ "permission": read_permission(), "resourceRef": entity_ref });
    let location =
        json!({ "type": "basic", "name": "catalog.location.read", "attributes": { "action": "read" } });
    let expected = [json!({ "items": REFS.map(item) }), json!({ "items": [{ "permission": location }] })];
    assert_eq!(world.asked().await, expected);
}

#[tokio::test]
async fn one_item_for_many_entities() {
    let world = World::new(true, each(|_| json!({ "result": ["DENY", "ALLOW"] }))).await;
    let permitted = world.session.are_permitted(Permission::ENTITY_READ, &REFS).await.unwrap();
    assert_eq!(permitted, [false, true]);
    let expected = json!({ "items": [{ "permission": read_permission(), "resourceRef": REFS }] });
    assert_eq!(world.asked().await, [expected]);
}

#[tokio::test]
async fn conditions_become_predicates() {
    let answer = |item: &Value| {
        assert!(item.get("resourceRef").is_none());
        json!({ "result": "CONDITIONAL", "pluginId": "catalog", "resourceType": "catalog-entity", "conditions": {
            "not": { "rule": "HAS_SPEC", "resourceType": "catalog-entity", "params": { "key": "owner" } },
        } })
    };
    let world = World::new(false, each(answer)).await;
    let access = world.session.access(Permission::ENTITY_READ).await.unwrap();
    let Access::Matching(predicate) = access else { panic!("{access:?}") };
    assert_eq!(predicate.to_json(), json!({ "$not": { "spec.owner": { "$exists": true } } }));
    assert!(!world.session.is_permitted(Permission::ENTITY_READ).await.unwrap());
}

#[tokio::test]
async fn strangers_are_asked_about_without_a_token_and_programs_not_at_all() {
    let world = World::new(false, each(|_| json!({ "result": "ALLOW" }))).await;
    Mock::given(header_exists("authorization"))
        .respond_with(ResponseTemplate::new(400))
        .with_priority(1)
        .mount(&world.backend)
        .await;
    assert!(world.session.is_permitted(Permission::LOCATION_READ).await.unwrap());
    let program = session(authority(world.backend.uri(), false), service("ci"), &index_of(&[]));
    assert!(program.is_permitted(Permission::LOCATION_DELETE).await.unwrap());
    assert_eq!(world.asked().await.len(), 1);
}

/// Whatever is wrong with the answer, nothing is allowed.
#[rstest]
#[case::no_json(200, "ALLOW", "no JSON")]
#[case::no_items(200, r#"{"item":[]}"#, "there is no list of items")]
#[case::no_objects(200, r#"{"items":["ALLOW"]}"#, "an item is no object")]
#[case::empty(200, r#"{"items":[]}"#, "an answer is missing")]
#[case::foreign(200, r#"{"items":[{"id":"x","result":"ALLOW"}]}"#, "an answer that nobody asked for")]
#[case::elsewhere(302, "", "the status is 302")]
#[case::refused(403, r#"{"error":{}}"#, "Request failed with 403 Forbidden")]
#[case::broken(500, "oh", "Request failed with 500 Internal Server Error")]
#[case::large(200, &"x".repeat(5_000_000), "it is larger than")]
#[tokio::test]
async fn broken_answers(#[case] status: u16, #[case] body: &str, #[case] expected: &str) {
    let body = body.to_owned();
    let world =
        World::new(false, move |_: &Request| ResponseTemplate::new(status).set_body_string(&body)).await;
    let error = world.session.is_permitted(Permission::LOCATION_READ).await.unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[rstest]
#[case::no_result(json!({}), "neither ALLOW nor DENY")]
#[case::another_word(json!({ "result": "allow" }), "neither ALLOW nor DENY")]
#[case::no_conditions(json!({ "result": "CONDITIONAL", "resourceType": "catalog-entity" }), "conditions: ")]
#[case::no_condition(json!({ "result": "CONDITIONAL", "resourceType": "catalog-entity", "conditions": { "anyOf": [] } }), "conditions: anyOf")]
#[case::another_type(json!({ "result": "CONDITIONAL", "resourceType": "task", "conditions": { "rule": "X" } }), "another type")]
#[case::unknown_rule(json!({ "result": "CONDITIONAL", "resourceType": "catalog-entity", "conditions": { "rule": "X" } }), "does not exist")]
#[tokio::test]
async fn broken_results(#[case] answer: Value, #[case] expected: &str) {
    let world = World::new(false, each(move |_| answer.clone())).await;
    let error = world.session.access(Permission::ENTITY_READ).await.unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    // A question about one entity has a definite answer.
    let error = world.session.are_permitted(Permission::ENTITY_READ, &REFS).await.unwrap_err().to_string();
    assert!(error.contains("neither ALLOW nor DENY"), "{error}");
}

#[tokio::test]
async fn an_answer_given_twice_is_none() {
    let twice = |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let answer = json!({ "id": body["items"][0]["id"], "result": "ALLOW" });
        ResponseTemplate::new(200).set_body_json(json!({ "items": [answer, answer] }))
    };
    let world = World::new(false, twice).await;
    assert!(world.session.is_permitted(Permission::LOCATION_READ).await.is_err());
    let world = World::new(true, each(|_| json!({ "result": ["ALLOW"] }))).await;
    assert!(world.session.are_permitted(Permission::ENTITY_READ, &REFS).await.is_err());
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let session = session(authority(url.clone(), false), Principal::None, &index_of(&[]));
    let error = session.is_permitted(Permission::LOCATION_READ).await.unwrap_err().to_string();
    assert!(error.starts_with("the permission backend did not answer"), "{error}");
    assert!(!error.contains(&url), "{error}");
}
