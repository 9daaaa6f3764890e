//! What callers see when the permission backend answers in unexpected ways, and on the pages of a list.

use axum::http::Method;
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::{MockServer, Request, ResponseTemplate};

use super::{Verdict, authority, authority_at, by, components, permission_backend, verdict_backend};
use crate::openapi;
use crate::server::{Server, ServerBuilder};

const READS: [&str; 5] = [
    "/entities",
    "/entities?limit=1",
    "/entities/by-query",
    "/entity-facets?facet=kind",
    "/entities/by-name/api/default/cues",
];

/// A server whose permission backend answers everything alike.
async fn answered(status: u16, body: &Value) -> (Server, MockServer) {
    let body = body.clone();
    let respond = move |_: &Request| ResponseTemplate::new(status).set_body_json(&body);
    let backend = permission_backend(respond).await;
    (asking(&backend).await, backend)
}

async fn asking(backend: &MockServer) -> Server {
    Server::theatre_of(ServerBuilder::empty().options(by(authority(backend, false)))).await
}

#[rstest]
#[case(403, "403 ResponseError: Request failed with 403 Forbidden")]
#[case(500, "500 ResponseError: Request failed with 500 Internal Server Error")]
#[case(404, "404 ResponseError: Request failed with 404 Not Found")]
#[tokio::test]
async fn its_status_is_passed_on(#[case] status: u16, #[case] expected: &str) {
    let (server, _backend) = answered(status, &json!("no")).await;
    for path in READS {
        assert_eq!(server.get(path).await.brief(), expected, "{path}");
    }
    let refused = server.request(Method::DELETE, "/entities/by-uid/none", None).await;
    assert_eq!(refused.brief(), expected);
}

#[tokio::test]
async fn the_document_knows_of_any_status() {
    let (server, _backend) = answered(418, &json!("no")).await;
    let document = openapi::document(&server).await;
    for path in ["/entities", "/entities/by-query", "/locations"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 418, "{path}");
        openapi::check(&document, "get", &format!("/api/catalog{path}"), &answer);
    }
}

#[tokio::test]
async fn its_error_is_passed_on() {
    let envelope = json!({
        "error": { "name": "NotAllowedError", "message": "not you" }, "response": { "statusCode": 403 },
    });
    let (server, _backend) = answered(403, &envelope).await;
    let answer = server.get("/entities").await.json();
    let message = "Request failed with 403 Forbidden";
    let expected = json!({
        "error": {
            "name": "ResponseError", "message": message, "statusCode": 403, "statusText": "Forbidden",
            "cause": envelope["error"], "body": envelope,
        },
        "request": { "method": "GET", "url": "/entities" },
        "response": { "statusCode": 403 },
    });
    assert_eq!(answer, expected);
    let (server, _backend) = answered(502, &json!("no")).await;
    let answer = server.get("/entities").await.json();
    let cause = json!({ "name": "Unknown", "message": "Request failed with 502 Bad Gateway, no" });
    assert_eq!(answer["error"]["cause"], cause);
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    let (server, _backend) = answered(200, &json!({ "items": [] })).await;
    for path in READS {
        let answer = server.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["name"]),
            (500, &json!("Error")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let server = Server::theatre_of(ServerBuilder::empty().options(by(authority_at(url, false)))).await;
    for path in READS {
        let unavailable = "503 ServiceUnavailableError: The permission backend did not answer";
        assert_eq!(server.get(path).await.brief(), unavailable, "{path}");
    }
}

/// A server of which everything may be read on a condition.
async fn conditional(conditions: Value) -> (Server, MockServer) {
    let respond = move |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let items = body["items"].as_array().unwrap().iter().map(|item| json!({
            "id": item["id"], "result": "CONDITIONAL", "pluginId": "catalog", "resourceType": "catalog-entity",
            "conditions": conditions,
        }));
        ResponseTemplate::new(200).set_body_json(json!({ "items": items.collect::<Vec<_>>() }))
    };
    let backend = permission_backend(respond).await;
    (asking(&backend).await, backend)
}

#[tokio::test]
async fn conditions_that_cannot_be_applied() {
    let unknown = json!({ "rule": "NOPE", "resourceType": "catalog-entity" });
    let (server, _backend) = conditional(unknown).await;
    for path in READS {
        let expected = "500 Error: Permission rule 'NOPE' does not exist for resource type 'catalog-entity'";
        assert_eq!(server.get(path).await.brief(), expected, "{path}");
    }
    let wrong = json!({ "rule": "HAS_SPEC", "resourceType": "catalog-entity", "params": {} });
    let (server, _backend) = conditional(wrong).await;
    for path in READS {
        let expected =
            "400 InputError: Parameters to rule are invalid; caused by key: required, expected a text";
        assert_eq!(server.get(path).await.brief(), expected, "{path}");
    }
}

#[tokio::test]
async fn cursors_do_not_show_conditions_and_do_not_get_around_them() {
    let everything = Server::theatre().await;
    let page = "/entities/by-query?limit=1&orderField=metadata.name,asc";
    let cursor = |answer: Value| answer["pageInfo"]["nextCursor"].as_str().unwrap().to_owned();
    let free = cursor(everything.get(page).await.json());

    let (some, _backend) = conditional(components()).await;
    let first = some.get(page).await.json();
    assert_eq!(first["totalItems"], 2);
    let decoded = {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD
            .decode(cursor(first.clone()).trim_end_matches('='));
        String::from_utf8(bytes.unwrap()).unwrap()
    };
    assert!(!decoded.contains("IS_ENTITY_KIND") && !decoded.contains("component"), "{decoded}");
    let second = some.get(&format!("/entities/by-query?cursor={}", cursor(first))).await;
    assert_eq!(second.names(), ["Lights"]);
    // The cursor of somebody who may see more.
    let with_foreign = some.get(&format!("/entities/by-query?cursor={free}")).await;
    assert_eq!(with_foreign.names(), ["curtain", "Lights"]);

    let backend = verdict_backend(Verdict::Deny).await;
    let nothing = asking(&backend).await;
    let answer = nothing.get(&format!("/entities/by-query?cursor={free}")).await.json();
    assert_eq!(answer, json!({ "items": [], "totalItems": 0, "pageInfo": {} }));
}

/// Above what is hidden, everything is, also what could be seen by another way.
#[tokio::test]
async fn ancestry_ends_where_something_is_hidden() {
    let file = |url: &str, target: &str| {
        let text = format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{ name: {url} }}\nspec: {{ target: ./{target} }}\n"
        );
        (format!("https://host/{url}.yaml"), text)
    };
    let (outer_url, outer) = file("outer", "inner.yaml");
    let (inner_url, inner) = file("inner", "leaf.yaml");
    let leaf = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: leaf }\nspec: { type: a, lifecycle: b, owner: c }\n";
    let respond = |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let result =
            |entity_ref: &Value| if entity_ref == "location:default/inner" { "DENY" } else { "ALLOW" };
        let items = body["items"].as_array().unwrap().iter().map(|item| {
            let refs = item["resourceRef"].as_array().unwrap();
            json!({ "id": item["id"], "result": refs.iter().map(result).collect::<Vec<_>>() })
        });
        ResponseTemplate::new(200).set_body_json(json!({ "items": items.collect::<Vec<_>>() }))
    };
    let backend = permission_backend(respond).await;
    let builder = ServerBuilder::empty()
        .options(by(authority(&backend, true)))
        .file(&inner_url, &inner)
        .file("https://host/leaf.yaml", leaf)
        .location(&outer_url, &outer);
    let server = builder.start().await;
    server
        .until("the leaf is there", |catalog| {
            let index = catalog.index().read();
            ["component:default/leaf", "location:default/inner", "location:default/outer"]
                .iter()
                .all(|entity_ref| index.by_ref(entity_ref).is_some())
        })
        .await;
    let answer = server.get("/entities/by-name/component/default/leaf/ancestry").await.json();
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{answer:#}");
    assert_eq!(items[0]["parentEntityRefs"], json!(["location:default/inner"]));
}
