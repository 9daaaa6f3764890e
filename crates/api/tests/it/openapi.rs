use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};

use crate::server::{Answer, Server, ServerBuilder};

pub(crate) async fn document(server: &Server) -> Value {
    server.get("/openapi.json").await.json()
}

#[tokio::test]
async fn the_document() {
    let server = ServerBuilder::empty().start().await;
    let answer = server.get("/openapi.json?ignored=1").await;
    assert!(answer.header(header::ETAG).is_some());
    insta::assert_snapshot!("document", answer.text());
}

#[tokio::test]
async fn every_route_is_in_it_with_all_its_methods() {
    let server = ServerBuilder::empty().start().await;
    for (path, item) in document(&server).await["paths"].as_object().unwrap() {
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let mut documented: BTreeSet<String> =
            item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        if documented.contains("GET") {
            documented.insert("HEAD".to_owned());
        }
        let options = Request::builder().method(Method::OPTIONS).uri(&path).body(Body::empty()).unwrap();
        let allowed = server.send(options).await;
        let allowed: BTreeSet<String> = allowed
            .header(header::ALLOW)
            .unwrap_or_else(|| panic!("no such route: {path}"))
            .split(',')
            .map(str::to_owned)
            .collect();
        assert_eq!(allowed, documented, "{path}");
    }
}

#[tokio::test]
async fn operations_have_what_clients_are_generated_from() {
    let server = ServerBuilder::empty().start().await;
    let document = document(&server).await;
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at}");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{at}");
            let tag = &operation["tags"][0];
            assert!(document["tags"].as_array().unwrap().iter().any(|known| known["name"] == *tag), "{at}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(
                    parameter["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{at} {parameter}"
                );
            }
        }
    }
}

/// Panics unless an answer is what the document says of the operation. Only what the permission backend refuses may
/// have any status.
pub(crate) fn check(document: &Value, method: &str, path: &str, answer: &Answer) {
    let operation = &document["paths"][path][method];
    let mut response = &operation["responses"][answer.status.as_str()];
    if response.is_null() && answer.json()["error"]["name"] == "ResponseError" {
        response = &operation["responses"]["default"];
    }
    if let Some(reference) = response["$ref"].as_str() {
        response = document.pointer(reference.trim_start_matches('#')).unwrap();
    }
    assert!(response["description"].is_string(), "{method} {path} must not answer {}", answer.status);
    let schema = &response["content"]["application/json"]["schema"];
    if schema.is_null() {
        assert_eq!(answer.text(), "", "{method} {path}");
        return;
    }
    let schema = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let body = answer.json();
    let problems: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert_eq!(problems, Vec::<String>::new(), "{method} {path}: {body:#}");
}

#[tokio::test]
async fn answers_keep_to_it() {
    let server = Server::theatre().await;
    let document = document(&server).await;
    let reads = [
        ("/entities", "/entities"),
        ("/entities", "/entities?fields=kind"),
        ("/entities", "/entities?limit=0"),
        ("/entities/by-query", "/entities/by-query?limit=1&orderField=metadata.name"),
        ("/entities/by-name/{kind}/{namespace}/{name}", "/entities/by-name/user/default/ada"),
        ("/entities/by-name/{kind}/{namespace}/{name}", "/entities/by-name/user/default/eve"),
        (
            "/entities/by-name/{kind}/{namespace}/{name}/ancestry",
            "/entities/by-name/user/default/ada/ancestry",
        ),
        ("/entity-facets", "/entity-facets?facet=kind"),
        ("/entities/unprocessed/pending", "/entities/unprocessed/pending"),
        ("/entities/unprocessed/failed", "/entities/unprocessed/failed"),
        ("/locations", "/locations"),
        ("/locations/{id}", "/locations/nope"),
        ("/.backstage/auth/v1/jwks.json", "/.backstage/auth/v1/jwks.json"),
    ];
    for (route, path) in reads {
        check(&document, "get", &format!("/api/catalog{route}"), &server.get(path).await);
    }
    let component =
        json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": { "name": "a b" } });
    let theatre = json!({ "type": "url", "target": crate::server::THEATRE_URL });
    let writes = [
        ("/entities/by-query", "", json!({ "query": { "kind": "user" }, "limit": 1 })),
        ("/entities/by-refs", "", json!({ "entityRefs": ["user:default/ada", "user:default/eve"] })),
        ("/entity-facets", "", json!({ "facets": [] })),
        ("/refresh", "", json!({ "entityRef": "user:default/ada" })),
        ("/refresh", "", json!({ "entityRef": "user:default/eve" })),
        ("/validate-entity", "", json!({ "entity": component, "location": "url:https://host/x" })),
        ("/validate-entity", "", json!({ "entity": component })),
        (
            "/analyze-location",
            "",
            json!({ "location": { "type": "url", "target": "https://github.com/acme/shop" } }),
        ),
        ("/locations", "?dryRun=true", theatre.clone()),
        ("/locations", "", theatre.clone()),
        ("/locations", "", theatre),
        ("/locations/by-query", "", json!({})),
    ];
    for (route, query, body) in writes {
        let answer = server.post(&format!("{route}{query}"), &body).await;
        check(&document, "post", &format!("/api/catalog{route}"), &answer);
    }
    check(&document, "get", "/api/catalog/locations", &server.get("/locations").await);
}

/// Every example in the document is one that the server takes.
#[tokio::test]
async fn examples_of_requests_are_good() {
    let server = ServerBuilder::empty().start().await;
    let document = document(&server).await;
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let example = &item["post"]["requestBody"]["content"]["application/json"]["example"];
        if example.is_object() {
            let answer = server.post(path.strip_prefix("/api/catalog").unwrap(), example).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            tried += 1;
        }
    }
    assert!(tried > 4, "{tried}");
}

#[tokio::test]
async fn the_page() {
    let server = ServerBuilder::empty().start().await;
    let answer = server.get("/docs").await;
    assert_eq!(answer.header(header::CONTENT_TYPE), Some("text/html; charset=utf-8"));
    let page = answer.text();
    let document = document(&server).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(page.contains(path.as_str()), "{path}");
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(page.contains(&format!("<details id=\"{id}\">")), "{id}");
        }
    }
    // What the content security policy forbids, or what it would have to load from elsewhere.
    for forbidden in ["<script", " on", "src="] {
        let tags = page.split('<').filter_map(|part| part.split('>').next()).map(|tag| format!("<{tag}"));
        assert_eq!(tags.filter(|tag| tag.contains(forbidden)).collect::<Vec<_>>(), Vec::<String>::new());
    }
}
