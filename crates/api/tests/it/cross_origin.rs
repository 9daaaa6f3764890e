//! Pages of other origins.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use callboard_api::{ApiOptions, Cors, OriginPatterns};

use crate::server::{Answer, Server, ServerBuilder};

fn cors() -> Cors {
    Cors {
        origins: OriginPatterns::new(["http://localhost:3000", "https://*.example.com"]).unwrap(),
        methods: HeaderValue::from_static("GET,POST"),
        allowed_headers: None,
        exposed_headers: None,
        credentials: true,
        max_age: None,
        preflight_status: Some(StatusCode::NO_CONTENT),
    }
}

async fn server(cors: Cors) -> Server {
    ServerBuilder::empty().options(|options: &mut ApiOptions| options.cors = Some(cors)).start().await
}

async fn ask(server: &Server, method: Method, path: &str, origin: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method.clone()).uri(path);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    if method == Method::OPTIONS {
        request = request
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization, x-a");
    }
    server.send(request.body(Body::empty()).unwrap()).await
}

fn headers(answer: &Answer) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("access-control") || *name == header::VARY)
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    headers
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn pages_that_may_call_are_told_so() {
    let server = server(cors()).await;
    let allowed = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", "https://a.example.com"),
        ("vary", "Origin"),
    ];
    // Also where there is nothing, or something is wrong: else scripts could not read why.
    for path in ["/api/catalog/locations", "/api/catalog/entities?limit=x", "/api/catalog/nope", "/nope"] {
        let answer = ask(&server, Method::GET, path, Some("https://a.example.com")).await;
        assert_eq!(headers(&answer), pairs(&allowed), "{path}");
    }
    for origin in [None, Some("https://example.org"), Some("null")] {
        let answer = ask(&server, Method::GET, "/api/catalog/locations", origin).await;
        assert_eq!(
            (answer.status.as_u16(), headers(&answer)),
            (200, pairs(&[("vary", "Origin")])),
            "{origin:?}"
        );
    }
}

#[tokio::test]
async fn preflights_are_answered() {
    let server = server(cors()).await;
    let origin = Some("http://localhost:3000");
    let answer = ask(&server, Method::OPTIONS, "/api/catalog/entities", origin).await;
    assert_eq!((answer.status.as_u16(), answer.header(header::CONTENT_LENGTH)), (204, Some("0")));
    let expected = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-headers", "authorization, x-a"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-origin", "http://localhost:3000"),
        ("vary", "Access-Control-Request-Headers"),
        ("vary", "Origin"),
    ];
    assert_eq!(headers(&answer), pairs(&expected));
    let stranger =
        ask(&server, Method::OPTIONS, "/api/catalog/entities", Some("http://localhost:3001")).await;
    assert_eq!((stranger.status.as_u16(), headers(&stranger)), (200, pairs(&[("vary", "Origin")])));
}

#[tokio::test]
async fn preflights_say_what_is_configured() {
    let server = server(Cors {
        allowed_headers: Some(HeaderValue::from_static("x-a")),
        exposed_headers: Some(HeaderValue::from_static("link")),
        credentials: false,
        max_age: Some(60),
        preflight_status: Some(StatusCode::OK),
        ..cors()
    })
    .await;
    let answer = ask(&server, Method::OPTIONS, "/api/catalog/entities", Some("https://a.example.com")).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, ""));
    let expected = [
        ("access-control-allow-headers", "x-a"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-origin", "https://a.example.com"),
        ("access-control-expose-headers", "link"),
        ("access-control-max-age", "60"),
        ("vary", "Origin"),
    ];
    assert_eq!(headers(&answer), pairs(&expected));
}

#[tokio::test]
async fn preflights_can_be_left_to_the_routes() {
    let server = server(Cors { preflight_status: None, ..cors() }).await;
    let answer = ask(&server, Method::OPTIONS, "/api/catalog/entities", Some("https://a.example.com")).await;
    assert_eq!((answer.status.as_u16(), answer.header(header::ALLOW)), (200, Some("GET,HEAD")));
    assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_METHODS), Some("GET,POST"));
}
