use axum::http::Method;
use serde_json::{Value, json};

use crate::server::{Server, ServerBuilder};

const ONE: &str = r"
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: one }
spec: { type: service, lifecycle: production, owner: me }
";

async fn server() -> Server {
    ServerBuilder::empty().file("https://host/one.yaml", ONE).start().await
}

fn body(file: &str) -> Value {
    json!({ "type": "url", "target": format!("https://host/{file}") })
}

async fn register(server: &Server, file: &str) -> String {
    let answer = server.post("/locations", &body(file)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["location"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn registration() {
    let server = server().await;
    insta::assert_snapshot!(
        "dry-run",
        server.post("/locations?dryRun=Yes", &body("one.yaml")).await.snapshot()
    );
    assert_eq!(server.get("/locations").await.text(), "[]");

    insta::assert_snapshot!("registered", server.post("/locations", &body("one.yaml")).await.snapshot());
    insta::assert_snapshot!("listed", server.get("/locations").await.snapshot());
    let again = server.post("/locations", &body("one.yaml")).await;
    assert_eq!(again.brief(), "409 ConflictError: Location url:https://host/one.yaml already exists");
    let refreshed = server.post("/locations?onConflict=refresh", &body("one.yaml")).await;
    let listed = server.get("/locations").await.json();
    assert_eq!((refreshed.status.as_u16(), &refreshed.json()["location"]), (201, &listed[0]["data"]));
    let tried = server.post("/locations?dryRun=1", &body("one.yaml")).await;
    assert_eq!((tried.status.as_u16(), &tried.json()["exists"]), (201, &json!(true)));

    server
        .until("it is read", |catalog| catalog.index().read().by_ref("component:default/one").is_some())
        .await;
    let found = server.get("/locations/by-entity/Component/default/One").await;
    assert_eq!(found.json(), listed[0]["data"]);
    let unknown = server.get("/locations/by-entity/component/default/nope").await;
    assert_eq!(unknown.brief(), "404 NotFoundError: found no entity for ref component:default/nope");
}

#[tokio::test]
async fn one_location() {
    let server = server().await;
    let id = register(&server, "one.yaml").await;
    let other = register(&server, "two.yaml").await;
    let path = format!("/locations/{id}");
    let entity_ref = server.get(&path).await.json()["entityRef"].clone();

    let put = async |path: &str, body: Value| server.request(Method::PUT, path, Some(&body)).await;
    assert_eq!(
        put(&path, body("two.yaml")).await.brief(),
        "409 ConflictError: Location url:https://host/two.yaml already exists"
    );
    assert_eq!(put(&path, json!({ "type": "url", "target": "x", "presence": "optional" })).await.status, 400);
    let moved = put(&path, body("three.yaml")).await;
    assert_eq!(
        moved.json(),
        json!({ "id": id, "type": "url", "target": "https://host/three.yaml", "entityRef": entity_ref })
    );

    let deleted = server.request(Method::DELETE, &path, None).await;
    assert_eq!(deleted.snapshot(), "204 no content type\n");
    let missing = format!("404 NotFoundError: Found no location with ID {id}");
    assert_eq!(server.get(&path).await.brief(), missing);
    assert_eq!(server.request(Method::DELETE, &path, None).await.brief(), missing);
    assert_eq!(put(&path, body("three.yaml")).await.brief(), missing);
    assert_eq!(
        server.get("/locations/nope").await.brief(),
        "404 NotFoundError: Found no location with ID nope"
    );
    assert_eq!(server.get(&format!("/locations/{other}/")).await.status, 200);
}

#[tokio::test]
async fn refused() {
    let server = server().await;
    let cases = [
        (json!({ "target": "x" }), "request/body must have required property 'type'"),
        (
            json!({ "type": "url", "target": "x", "extra": 1 }),
            "request/body must NOT have additional properties",
        ),
        (
            json!({ "type": "url", "target": "x", "presence": "maybe" }),
            "request/body/presence must be equal to one of the allowed values: required, optional",
        ),
        (
            json!({ "type": "file", "target": "/x" }),
            "Registered locations must be of an allowed type [\"url\"]",
        ),
    ];
    for (body, expected) in cases {
        let answer = server.post("/locations", &body).await;
        assert_eq!(answer.brief(), format!("400 InputError: {expected}"), "{body}");
    }
    let word = server.post("/locations?onConflict=nope", &body("one.yaml")).await;
    assert_eq!(
        word.brief(),
        "400 InputError: request/query/onConflict must be equal to one of the allowed values: refresh, reject"
    );
    let unreadable = server.post("/locations?dryRun=true", &body("nope.yaml")).await;
    assert_eq!(unreadable.status, 400, "{}", unreadable.text());
}

#[tokio::test]
async fn readonly() {
    let builder = ServerBuilder::empty().file("https://host/one.yaml", ONE);
    let server = builder.settings(|settings| settings.readonly = true).start().await;
    let refused = "403 NotAllowedError: This operation not allowed in readonly mode";
    let path = "/locations/11111111-2222-4333-8444-555555555555";
    assert_eq!(server.post("/locations", &body("one.yaml")).await.brief(), refused);
    assert_eq!(server.request(Method::PUT, path, Some(&body("one.yaml"))).await.brief(), refused);
    assert_eq!(server.request(Method::DELETE, path, None).await.brief(), refused);
    assert_eq!(server.post("/locations?dryRun=true", &body("one.yaml")).await.status, 201);
}

#[tokio::test]
async fn by_query() {
    let server = server().await;
    for file in ["a.yaml", "b.yaml", "c.yaml"] {
        register(&server, file).await;
    }
    let mut cursor = None;
    let mut ids = Vec::new();
    loop {
        // With a cursor, nothing else counts.
        let follow = |cursor: Value| json!({ "cursor": cursor, "limit": 0, "query": { "foo": "x" } });
        let body = cursor.map_or_else(|| json!({ "limit": 2 }), follow);
        let page = server.post("/locations/by-query", &body).await.json();
        assert_eq!(page["totalItems"], 3);
        ids.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let next = page["pageInfo"]["nextCursor"].clone();
        if next.is_null() {
            break;
        }
        cursor = Some(next);
    }
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted());

    let query = json!({ "query": { "target": { "$hasPrefix": "HTTPS://host/b" } } });
    insta::assert_snapshot!("queried", server.post("/locations/by-query", &query).await.snapshot());
    assert_eq!(server.request(Method::POST, "/locations/by-query", None).await.json()["totalItems"], 3);
    let cases = [
        (json!({ "limit": 0 }), "Limit must be a positive integer >= 1"),
        (json!({ "limit": 1.5 }), "Limit must be a positive integer >= 1"),
        (json!({ "cursor": "" }), "Cursor cannot be empty"),
        (json!({ "cursor": "%%%" }), "Malformed cursor, unknown encoding"),
        (json!({ "cursor": "e30=" }), "Malformed cursor: Validation error: Required at \"limit\""),
        (
            json!({ "query": { "foo": "x" } }),
            "Invalid filter predicate, expected key to be 'id', 'type', 'target', or 'entityRef', got 'foo'",
        ),
    ];
    for (body, expected) in cases {
        let answer = server.post("/locations/by-query", &body).await;
        assert_eq!(answer.brief(), format!("400 InputError: {expected}"), "{body}");
    }
}

#[tokio::test]
async fn registration_without_processing() {
    let builder = ServerBuilder::empty().settings(|settings| settings.processing_interval = None);
    let server = builder.location("https://host/one.yaml", ONE).start().await;
    register(&server, "two.yaml").await;
    let pending = server.get("/entities/unprocessed/pending").await.json();
    assert_eq!(pending["entities"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/entities").await.text(), "[]");
}
