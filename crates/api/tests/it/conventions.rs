//! What holds for every route.

use axum::body::Body;
use axum::http::{Method, Request, header};
use callboard_api::ApiOptions;
use futures::StreamExt as _;
use serde_json::json;
use std::time::Duration;

use crate::server::{Answer, Server, ServerBuilder};

async fn raw(server: &Server, content_type: Option<&str>, body: impl Into<Body>) -> Answer {
    let mut request = Request::post("/api/catalog/entities/by-refs");
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    server.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn unknown_routes_and_methods_are_empty() {
    let server = ServerBuilder::empty().start().await;
    let cases = [
        (Method::GET, "/nope"),
        (Method::GET, "/"),
        (Method::GET, ""),
        (Method::POST, "/entities"),
        (Method::PUT, "/entities/by-query"),
        (Method::GET, "/entities/by-refs"),
        (Method::PATCH, "/locations/x"),
        (Method::GET, "/entities/by-name/component//x"),
    ];
    for (method, path) in cases {
        let answer = server.request(method.clone(), path, None).await;
        assert_eq!(answer.snapshot(), "404 no content type\n", "{method} {path}");
    }
    let elsewhere = server.send(Request::get("/api/nope").body(Body::empty()).unwrap()).await;
    assert_eq!(elsewhere.snapshot(), "404 no content type\n");
    let options = server.request(Method::OPTIONS, "/entities", None).await;
    assert_eq!((options.status.as_u16(), options.header(header::ALLOW)), (200, Some("GET,HEAD")));
    for method in [Method::OPTIONS, Method::PATCH] {
        let answer = server.request(method.clone(), "/Locations/x/", None).await;
        assert_eq!(answer.header(header::ALLOW), Some("GET,HEAD,PUT,DELETE"), "{method}");
        assert_eq!(answer.header(header::CONTENT_LENGTH), Some("0"), "{method}");
    }
}

#[tokio::test]
async fn parameters_of_paths_have_to_be_text() {
    let server = Server::theatre().await;
    let refused = "400 InputError: Failed to decode path parameter: Invalid UTF-8 in";
    for (path, name) in [
        ("/entities/by-name/component/default/%C3", "name"),
        ("/entities/by-name/%ff/default/%C3", "kind"),
        ("/locations/a%C3", "id"),
    ] {
        assert_eq!(server.get(path).await.brief(), format!("{refused} `{name}`"), "{path}");
    }
    let missing = server.get("/entities/by-name/%C3%A4/a%2fb/c%20d").await;
    let message = "No entity named 'c d' found, with kind 'ä' in namespace 'a/b'";
    assert_eq!(missing.brief(), format!("404 NotFoundError: {message}"));
    assert_eq!(server.get("/entities/by-name/Component/DEFAULT/%6Cights/").await.status, 200);
}

#[tokio::test]
async fn fixed_parts_of_paths_take_any_case() {
    let server = ServerBuilder::empty().start().await;
    for path in ["/ENTITIES", "/entities/", "/Entities/By-Query/", "/LOCATIONS"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    let missing = server.get("/Entities/By-Uid/Nope/?").await;
    assert_eq!(missing.json()["request"], json!({ "method": "GET", "url": "/Entities/By-Uid/Nope/?" }));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = Server::theatre().await;
    let head = server.request(Method::HEAD, "/entities?limit=1", None).await;
    let get = server.get("/entities?limit=1").await;
    assert_eq!((head.status, head.text().as_str()), (get.status, ""));
    for name in [header::CONTENT_TYPE, header::LINK, header::CONTENT_LENGTH] {
        assert!(get.headers.contains_key(&name), "{name}");
        assert_eq!(head.header(&name), get.header(&name), "{name}");
    }
}

#[tokio::test]
async fn bodies_have_to_be_json() {
    let server = ServerBuilder::empty().options(|options| options.body_limit = 1000).start().await;
    let json = Some("application/json");
    let text = |body: &str| body.to_owned();
    assert_eq!(raw(&server, json, text("{\"entityRefs\":[]}")).await.status, 200);
    assert_eq!(
        raw(&server, Some("Application/JSON; charset=utf-8"), text("{\"entityRefs\":[]}")).await.status,
        200
    );
    for broken in ["{nope", "\"x\"", "[]", "null"] {
        let answer = raw(&server, json, text(broken)).await;
        assert!(answer.brief().starts_with("400 InputError"), "{broken}: {}", answer.brief());
    }
    let plain = raw(&server, Some("text/plain"), text("{}")).await;
    assert_eq!(plain.brief(), "400 InputError: unsupported media type text/plain");
    let typeless = raw(&server, None, text("{}")).await;
    assert_eq!(typeless.brief(), "400 InputError: unsupported media type undefined");
    let deep = format!("{{\"entityRefs\":{}1{}}}", "[".repeat(400), "]".repeat(400));
    assert_eq!(raw(&server, json, deep).await.status, 400);

    let large = raw(&server, json, "x".repeat(1001)).await;
    insta::assert_snapshot!("too-large", large.snapshot());
    let chunks = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
    let large = raw(&server, json, Body::from_stream(chunks)).await;
    assert_eq!(large.brief(), "413 PayloadTooLargeError: request entity too large");
}

#[tokio::test]
async fn bodies_have_to_arrive() {
    let impatient = |options: &mut ApiOptions| options.body_timeout = Duration::from_millis(10);
    let server = ServerBuilder::empty().options(impatient).start().await;
    let body =
        futures::stream::once(async { Ok::<_, std::io::Error>("{") }).chain(futures::stream::pending());
    let answer = raw(&server, Some("application/json"), Body::from_stream(body)).await;
    assert_eq!(answer.brief(), "408 RequestTimeoutError: the request body did not arrive in time");
}

#[tokio::test]
async fn known_answers_are_not_sent_again() {
    let server = Server::theatre().await;
    let request = |tag: &str| {
        let request =
            Request::get("/api/catalog/entities?limit=1&fields=kind").header(header::IF_NONE_MATCH, tag);
        request.body(Body::empty()).unwrap()
    };
    let fresh = server.send(request("\"other\"")).await;
    let tag = fresh.header(header::ETAG).unwrap().to_owned();
    let known = server.send(request(&tag)).await;
    assert_eq!((known.status.as_u16(), known.text().as_str()), (304, ""));
    assert_eq!(known.header(header::ETAG), Some(tag.as_str()));
    assert_eq!(known.header(header::LINK), fresh.header(header::LINK));
    assert_eq!(known.header(header::CONTENT_TYPE), None);
}

#[tokio::test]
async fn large_answers_are_compressed() {
    let server = Server::theatre().await;
    let request = |path: &str, encodings: &str| {
        let request = Request::get(format!("/api/catalog{path}")).header(header::ACCEPT_ENCODING, encodings);
        request.body(Body::empty()).unwrap()
    };
    let plain = server.get("/entities?limit=9&fields=kind,metadata,spec,relations").await;
    let tag = plain.header(header::ETAG).unwrap();
    // Nobody asked for it, but a cache must not give this answer to those who do, nor the other way round.
    assert_eq!(plain.header(header::VARY), Some("accept-encoding"));
    assert_eq!(server.get("/locations").await.header(header::VARY), None);
    for (accepted, encoding) in
        [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("gzip;q=0.5, zstd;q=0.1", "gzip")]
    {
        let large =
            server.send(request("/entities?limit=9&fields=kind,metadata,spec,relations", accepted)).await;
        assert_eq!(large.header(header::CONTENT_ENCODING), Some(encoding), "{accepted}");
        assert_eq!(large.header(header::VARY), Some("accept-encoding"), "{accepted}");
        assert_eq!(large.header(header::ETAG), Some(tag), "{accepted}");
        assert_eq!(large.header(header::CONTENT_LENGTH), None, "{accepted}");
        assert!(large.body.len() < plain.body.len(), "{accepted}");
    }
    let small = server.send(request("/locations", "gzip")).await;
    assert_eq!(small.header(header::CONTENT_ENCODING), None);
    let refused = server.send(request("/entities", "deflate, identity")).await;
    assert_eq!(refused.header(header::CONTENT_ENCODING), None);
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_an_id() {
    let server = ServerBuilder::empty().start().await;
    for path in ["/entities", "/nope", "/entities?limit=x"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(answer.header("x-request-id").is_some(), "{path}");
    }
}
