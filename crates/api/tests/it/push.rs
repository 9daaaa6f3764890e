//! Entities that are pushed.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, header};
use callboard_api::{PushAccess, PushProviders};
use callboard_auth::StaticToken;
use callboard_engine::PushProvider;
use callboard_sdk::RemovalGuards;
use serde_json::{Value, json};

use crate::server::{Answer, Server, ServerBuilder, THEATRE_URL};

const TOKEN: &str = "the-token-of-frobs";
const OTHER_TOKEN: &str = "the-token-of-gizmos";

fn component(name: &str, owner: &Value) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name },
        "spec": { "type": "service", "lifecycle": "production", "owner": owner },
    })
}

fn crew(name: &str) -> Value {
    component(name, &json!("crew"))
}

/// The providers frobs and gizmos, with a token each, and open.
fn builder() -> ServerBuilder {
    let access = |name: &str, tokens: &[&str]| PushAccess {
        provider: Arc::new(PushProvider::new(name, None)),
        tokens: tokens.iter().map(|token| StaticToken::new(token).unwrap()).collect(),
    };
    let all = vec![access("frobs", &[TOKEN]), access("gizmos", &[OTHER_TOKEN]), access("open", &[])];
    let providers: Vec<_> = all.iter().map(|access| Arc::clone(&access.provider)).collect();
    ServerBuilder::empty()
        .registry(|registry| providers.into_iter().for_each(|provider| registry.add_provider(provider)))
        .options(|options| options.push_providers = PushProviders(all))
}

async fn send(server: &Server, method: Method, path: &str, token: Option<&str>, body: &Value) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/catalog{path}"))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    server.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn put(server: &Server, query: &str, entities: &[Value]) -> Answer {
    let path = format!("/providers/frobs/entities{query}");
    send(server, Method::PUT, &path, Some(TOKEN), &json!({ "entities": entities })).await
}

async fn delta(server: &Server, query: &str, added: &[Value], removed: &[&str]) -> Answer {
    let path = format!("/providers/frobs/delta{query}");
    send(server, Method::POST, &path, Some(TOKEN), &json!({ "added": added, "removed": removed })).await
}

/// The components that clients see.
async fn seen(server: &Server) -> Vec<String> {
    server.names("/entities?filter=kind=component&order=asc:metadata.name").await
}

/// An answer, with only the members that are not empty lists.
fn brief(answer: &Answer) -> Value {
    let mut body = answer.json();
    body.as_object_mut().unwrap().retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    body
}

#[tokio::test]
async fn a_push_replaces_what_was_there() {
    let server = builder().start().await;
    let answer = put(&server, "?wait=20s", &[crew("a"), crew("b")]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "applied": true, "visible": true,
            "added": ["component:default/a", "component:default/b"],
            "changed": [], "unchanged": [], "removed": [], "refused": [], "errors": [],
        })
    );
    assert_eq!(seen(&server).await, ["a", "b"]);
    let answer = put(&server, "?wait=PT20S", &[component("b", &json!("others")), crew("c"), crew("a")]).await;
    assert_eq!(
        brief(&answer),
        json!({
            "applied": true, "visible": true, "added": ["component:default/c"],
            "changed": ["component:default/b"], "unchanged": ["component:default/a"],
        })
    );
    let owner = server.get("/entities/by-name/component/default/b").await.json()["spec"]["owner"].clone();
    assert_eq!(owner, "others");
    let answer = put(&server, "?wait=20s", &[]).await;
    let gone = ["component:default/a", "component:default/b", "component:default/c"];
    assert_eq!(brief(&answer), json!({ "applied": true, "visible": true, "removed": gone }));
    assert_eq!(seen(&server).await, [""; 0]);
}

#[tokio::test]
async fn a_delta_changes_some() {
    let server = builder().start().await;
    put(&server, "?wait=20s", &[crew("a"), crew("b")]).await;
    let removed = ["component:default/a", "component:default/none"];
    let answer = delta(&server, "?wait=20s", &[crew("c"), crew("b")], &removed).await;
    assert_eq!(
        brief(&answer),
        json!({
            "applied": true, "visible": true, "added": ["component:default/c"],
            "unchanged": ["component:default/b"], "removed": ["component:default/a"],
        })
    );
    assert_eq!(seen(&server).await, ["b", "c"]);
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let guards = RemovalGuards { reject_removals_above_percentage: 50.0, ..RemovalGuards::default() };
    let server = Server::theatre_of(builder().settings(|settings| settings.removal_guards = guards)).await;
    let broken = component("broken", &json!(7));
    put(&server, "?wait=20s", &[crew("a"), crew("b"), crew("d"), broken.clone()]).await;
    let before = seen(&server).await;
    let version = server.catalog().index().version();

    let pushed =
        [component("a", &json!("others")), crew("c"), crew("lights"), broken, component("e", &json!(8))];
    let answer = put(&server, "?dryRun=true&wait=20s", &pushed).await;
    assert_eq!(answer.status, 200);
    let mut body = brief(&answer);
    for failed in body["errors"].as_array_mut().unwrap() {
        let errors = failed["errors"].take().to_string();
        assert!(errors.contains("InputError") && errors.contains("/spec/owner"), "{errors}");
    }
    assert_eq!(
        body,
        json!({
            "applied": false,
            "added": ["component:default/c", "component:default/e"],
            "changed": ["component:default/a"],
            "unchanged": ["component:default/broken"],
            "removed": ["component:default/b", "component:default/d"],
            "refused": [{ "entityRef": "component:default/lights", "locationKey": format!("url:{THEATRE_URL}") }],
            "errors": [
                { "entityRef": "component:default/broken", "errors": null },
                { "entityRef": "component:default/e", "errors": null },
            ],
        })
    );
    let foreseen = brief(&put(&server, "?dryRun=true", &[]).await);
    assert_eq!(foreseen["removalRefused"], json!({ "removed": 4, "total": 4 }));
    assert_eq!(server.get("/providers/refused-removals").await.json(), json!({ "items": [] }));
    assert_eq!(seen(&server).await, before);
    assert_eq!(server.catalog().index().version(), version);
    let again = brief(&delta(&server, "?dryRun=false", &[crew("a")], &[]).await);
    assert_eq!(again, json!({ "applied": true, "unchanged": ["component:default/a"] }));
}

#[tokio::test]
async fn what_another_source_has_is_refused_and_what_fails_is_told() {
    let server = Server::theatre_of(builder()).await;
    let answer = put(&server, "?wait=20s", &[crew("lights"), component("broken", &json!(7))]).await;
    assert_eq!(answer.status, 200, "a failure is a result: {}", answer.text());
    let body = answer.json();
    assert_eq!(body["refused"][0]["entityRef"], "component:default/lights");
    assert_eq!(body["errors"][0]["entityRef"], "component:default/broken");
    let lights = server.get("/entities/by-name/component/default/lights").await.json();
    assert_eq!(lights["spec"]["owner"], "stagehands");
}

#[tokio::test]
async fn waiting_ends_when_its_time_is_over() {
    let server = builder().settings(|settings| settings.processing_interval = None).start().await;
    let answer = put(&server, "?wait=10ms", &[crew("a")]).await;
    assert_eq!(answer.status, 202);
    let expected = json!({
        "applied": true, "visible": false, "added": ["component:default/a"], "pending": ["component:default/a"],
    });
    assert_eq!(brief(&answer), expected);
}

#[tokio::test]
async fn entities_say_where_they_are_from() {
    let server = builder().start().await;
    let mut own = crew("own");
    own["metadata"]["annotations"] = json!({ "backstage.io/managed-by-location": "url:https://host/x" });
    put(&server, "?wait=20s", &[crew("plain"), own]).await;
    let annotations = async |name: &str| {
        let entity = server.get(&format!("/entities/by-name/component/default/{name}")).await.json();
        let annotations = &entity["metadata"]["annotations"];
        let value = |key: &str| annotations[format!("backstage.io/managed-by-{key}")].clone();
        json!([value("location"), value("origin-location")])
    };
    assert_eq!(annotations("plain").await, json!(["push:frobs", "push:frobs"]));
    assert_eq!(annotations("own").await, json!(["url:https://host/x", "push:frobs"]));
}

#[tokio::test]
async fn yaml_has_a_document_for_each_entity() {
    let server = builder().start().await;
    let send = async |text: String| {
        let request = Request::put("/api/catalog/providers/frobs/entities?wait=20s")
            .header(header::CONTENT_TYPE, "application/yaml; charset=utf-8")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        server.send(request.body(Body::from(text)).unwrap()).await
    };
    assert_eq!(send(format!("{}\n---\n{}\n", crew("a"), crew("b"))).await.json()["visible"], true);
    assert_eq!(seen(&server).await, ["a", "b"]);
    let broken = send(format!("{}\n---\nkind: [\n---\nkind: Component\n", crew("c"))).await.brief();
    assert!(broken.contains("document 2") && broken.contains("document 3"), "{broken}");
    assert_eq!(seen(&server).await, ["a", "b"], "nothing was taken");
}

#[tokio::test]
async fn removals_are_guarded() {
    let guards = RemovalGuards { reject_removals_above_percentage: 50.0, ..RemovalGuards::default() };
    let server = builder()
        .settings(|settings| settings.provider_guards.extend([("frobs".to_owned(), guards)]))
        .start();
    let server = server.await;
    put(&server, "?wait=20s", &[crew("a"), crew("b"), crew("c")]).await;
    let refused = put(&server, "", &[crew("a")]).await.brief();
    let expected = "409 ConflictError: refused to remove 2 of 3 entities; look whether the source is right, and \
                    confirm it then: POST /providers/frobs/confirm-removals lets the next change pass";
    assert_eq!(refused, expected);
    assert_eq!(seen(&server).await, ["a", "b", "c"]);
    assert_eq!(delta(&server, "", &[], &["component:default/a", "component:default/b"]).await.status, 409);
    let own = send(&server, Method::POST, "/providers/frobs/confirm-removals", Some(TOKEN), &json!({})).await;
    assert_eq!(own.status, 403, "whoever pushes does not confirm");
    let confirmed = server.request(Method::POST, "/providers/frobs/confirm-removals", None).await;
    assert_eq!(confirmed.status, 204);
    let foreseen = put(&server, "?dryRun=true", &[crew("a")]).await.json();
    assert_eq!(foreseen.get("removalRefused"), None);
    assert_eq!(put(&server, "?wait=20s", &[crew("a")]).await.status, 200);
    assert_eq!(seen(&server).await, ["a"]);
    assert_eq!(put(&server, "", &[]).await.status, 409, "a confirmation is for one change");
}

#[tokio::test]
async fn tokens_are_for_their_provider() {
    let server = builder().start().await;
    let put = async |path: &str, token: Option<&str>| {
        let body = json!({ "entities": [] });
        send(&server, Method::PUT, &format!("/providers/{path}/entities"), token, &body).await.brief()
    };
    assert_eq!(put("frobs", Some(TOKEN)).await, "200");
    assert_eq!(put("gizmos", Some(OTHER_TOKEN)).await, "200");
    assert_eq!(put("open", None).await, "200");
    assert_eq!(put("frobs", None).await, "401 AuthenticationError: Missing credentials");
    assert_eq!(put("frobs", Some("another-token")).await, "401 AuthenticationError: Illegal token");
    let elsewhere = "403 NotAllowedError: This token is for pushing the entities of the provider 'frobs', and for \
                     nothing else";
    assert_eq!(put("gizmos", Some(TOKEN)).await, elsewhere);
    assert_eq!(put("open", Some(TOKEN)).await, elsewhere);
    assert_eq!(put("none", Some(TOKEN)).await, elsewhere);
    let unknown = put("none", None).await;
    assert!(unknown.starts_with("404 NotFoundError: No provider named 'none' takes entities"), "{unknown}");
    for (method, path) in [(Method::GET, "/entities"), (Method::GET, "/nowhere"), (Method::POST, "/refresh")]
    {
        assert_eq!(send(&server, method, path, Some(TOKEN), &json!({})).await.brief(), elsewhere, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_push_changes_nothing() {
    let server = builder().start().await;
    put(&server, "?wait=20s", &[crew("a")]).await;
    let request = async |path: &str, body: Value| {
        let method = if path.contains("delta") { Method::POST } else { Method::PUT };
        send(&server, method, &format!("/providers/frobs/{path}"), Some(TOKEN), &body).await.brief()
    };
    let two = json!({ "entities": [{ "kind": "Component" }, crew("b"), 5] });
    let cases = [
        ("entities", json!({}), "request/body must have required property 'entities'"),
        ("entities", json!([]), "request/body must be object"),
        ("entities", json!({ "entities": {} }), "request/body/entities must be array"),
        (
            "entities",
            json!({ "entities": [], "x": 1 }),
            "request/body must not have the property 'x', only entities",
        ),
        ("entities", two, "request/body/entities/0: "),
        (
            "entities",
            json!({ "entities": [crew("b"), crew("B")] }),
            "the entities 0 and 1 of the body are both",
        ),
        ("entities?wait=soon", json!({ "entities": [] }), "request/query/wait: expected a duration"),
        ("entities?wait=61s", json!({ "entities": [] }), "request/query/wait: expected at most one minute"),
        ("entities?dryRun=maybe", json!({ "entities": [] }), "request/query/dryRun must be equal to one of"),
        ("delta", json!({ "removed": ["a"] }), "request/body/removed/0 must be a whole entity ref"),
        (
            "delta",
            json!({ "added": [crew("b")], "removed": ["component:default/b"] }),
            "component:default/b cannot",
        ),
    ];
    for (path, body, expected) in cases {
        let brief = request(path, body).await;
        assert!(brief.starts_with(&format!("400 InputError: {expected}")), "{path}: {brief}");
    }
    let both = request("entities", json!({ "entities": [{ "kind": "Component" }, 5] })).await;
    assert!(both.contains("entities/0") && both.contains("entities/1"), "{both}");
    assert_eq!(seen(&server).await, ["a"]);
}
