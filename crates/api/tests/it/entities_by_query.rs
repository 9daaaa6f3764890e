use serde_json::{Value, json};

use crate::server::{Answer, Server};

#[tokio::test]
async fn a_page() {
    let server = Server::theatre().await;
    let path = "/entities/by-query?limit=1&filter=kind=component&orderField=metadata.name,desc";
    insta::assert_snapshot!("whole", server.get(path).await.snapshot());
    insta::assert_snapshot!(
        "projected",
        server.get(&format!("{path}&fields=kind,metadata.name")).await.snapshot()
    );
    let counted = server.get("/entities/by-query?limit=0").await;
    assert_eq!(counted.text(), r#"{"items":[],"totalItems":6,"pageInfo":{}}"#);
    let uncounted = server.get("/entities/by-query?limit=0&totalItems=exclude").await;
    assert_eq!(uncounted.json()["totalItems"], 0);
    assert_eq!(server.names("/entities/by-query?limit=1e30&filter=kind=user").await, ["ada"]);
    assert_eq!(server.names("/entities/by-query?limit=1e30&offset=1e30").await, Vec::<String>::new());
    assert_eq!(server.names("/entities?limit=1e30&offset=5").await, ["ada"]);
}

#[tokio::test]
async fn both_methods_take_each_others_cursors() {
    let server = Server::theatre().await;
    let cursor = |answer: &Answer, name: &str| answer.json()["pageInfo"][name].as_str().map(str::to_owned);
    let query = json!({ "$not": { "kind": "location" } });
    let order = json!([{ "field": "metadata.name", "order": "asc" }]);
    let first =
        server.post("/entities/by-query", &json!({ "query": query, "orderBy": order, "limit": 2 })).await;
    assert_eq!(first.names(), ["ada", "cues"]);
    assert_eq!(cursor(&first, "prevCursor"), None);

    let next = cursor(&first, "nextCursor").unwrap();
    let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let second =
        server.get(&format!("/entities/by-query?limit=2&cursor={encoded}&filter=kind=ignored")).await;
    assert_eq!(second.names(), ["curtain", "Lights"]);

    let body = json!({ "cursor": cursor(&second, "nextCursor").unwrap(), "limit": 2 });
    let third = server.post("/entities/by-query", &body).await;
    assert_eq!((third.names(), cursor(&third, "nextCursor")), (vec!["stagehands".to_owned()], None));

    let body = json!({ "cursor": cursor(&second, "prevCursor").unwrap(), "limit": 2 });
    let back = server.post("/entities/by-query", &body).await;
    assert_eq!((back.names(), cursor(&back, "prevCursor")), (first.names(), None));
    assert_eq!(back.json()["totalItems"], 5);
}

#[tokio::test]
async fn full_text() {
    let server = Server::theatre().await;
    let path = "/entities/by-query?orderField=metadata.name&fullTextFilterTerm=STAGE";
    assert_eq!(server.names(path).await, ["stagehands"]);
    let fields = "fullTextFilterFields=metadata.tags,spec.owner";
    assert_eq!(server.names(&format!("{path}&{fields}")).await, ["cues", "curtain", "Lights"]);
    let body = json!({
        "orderBy": [{ "field": "metadata.name", "order": "desc" }],
        "fullTextFilter": { "term": "stage", "fields": ["metadata.tags"] },
    });
    assert_eq!(server.post("/entities/by-query", &body).await.names(), ["Lights"]);
}

#[tokio::test]
async fn refused_parameters() {
    let server = Server::theatre().await;
    let cases = [
        ("orderField=kind,up", "400 InputError: Invalid order field order, must be asc or desc"),
        ("cursor=", "400 InputError: Empty value found for query parameter 'cursor'"),
        ("limit=1.5", "400 InputError: request/query/limit must be integer"),
    ];
    for (query, expected) in cases {
        assert_eq!(server.get(&format!("/entities/by-query?{query}")).await.brief(), expected, "{query}");
    }
}

#[tokio::test]
async fn refused_bodies() {
    let server = Server::theatre().await;
    let cases: [(Value, &str); 11] = [
        (json!({ "limit": "5" }), "400 InputError: request/body/limit must be number"),
        (json!({ "limit": -1 }), "400 InputError: request/body/limit must be >= 0"),
        (json!({ "limit": 1.5 }), "400 InputError: request/body/limit must be integer"),
        (json!({ "offset": -1 }), "400 InputError: request/body/offset must be >= 0"),
        (json!({ "cursor": "" }), "400 InputError: Cursor cannot be empty"),
        (json!({ "query": [] }), "400 InputError: request/body/query must be object"),
        (json!({ "orderBy": ["kind"] }), "400 InputError: request/body/orderBy/0 must be object"),
        (
            json!({ "orderBy": [{ "field": "kind" }] }),
            "400 InputError: request/body/orderBy/0 must have required property 'order'",
        ),
        (
            json!({ "fullTextFilter": { "term": 1 } }),
            "400 InputError: request/body/fullTextFilter/term must be string",
        ),
        (json!({ "totalItems": true }), "400 InputError: request/body/totalItems must be string"),
        (json!([]), "400 InputError: request/body must be object"),
    ];
    for (body, expected) in cases {
        assert_eq!(server.post("/entities/by-query", &body).await.brief(), expected, "{body}");
    }
}
