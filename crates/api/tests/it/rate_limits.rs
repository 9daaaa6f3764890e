//! How many requests a client may make.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use callboard_api::{ApiOptions, RateLimit, RateLimits, TrustProxy};
use serde_json::json;

use crate::server::{Answer, Server, ServerBuilder};

const LOCATIONS: &str = "/api/catalog/locations";

fn limit(requests: u64) -> RateLimit {
    RateLimit {
        window: Duration::from_mins(10),
        requests,
        allowed: Vec::new(),
        count_successful: true,
        count_failed: true,
    }
}

async fn server(limits: RateLimits) -> Server {
    ServerBuilder::empty()
        .options(|options: &mut ApiOptions| {
            options.rate_limits = limits;
            options.trust_proxy = TrustProxy::networks(["192.0.2.9"]).unwrap();
        })
        .start()
        .await
}

async fn ask(server: &Server, client: &str, path: &str) -> Answer {
    let peer = SocketAddr::new(client.parse().unwrap(), 4000);
    let request = Request::get(path).extension(ConnectInfo(peer));
    server.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_client_that_asks_too_much_is_refused() {
    let server = server(RateLimits { global: Some(limit(2)), catalog: None }).await;
    for remaining in ["1", "0"] {
        let answer = ask(&server, "192.0.2.1", LOCATIONS).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-limit")), (200, Some("2")));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(remaining));
        assert_eq!(answer.header(header::RETRY_AFTER), None);
    }
    let refused = ask(&server, "192.0.2.1", LOCATIONS).await;
    let expected = json!({
        "error": { "name": "Error", "message": "Too many requests, please try again later" },
        "request": { "method": "GET", "url": "/locations" },
        "response": { "statusCode": 429 },
    });
    assert_eq!((refused.status.as_u16(), refused.json()), (429, expected));
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));
    assert_ne!(refused.header(header::CONTENT_LENGTH), Some("0"));
    let seconds = |name: &str| refused.header(name).unwrap().parse::<u64>().unwrap();
    assert!((1..=600).contains(&seconds("retry-after")));
    assert!(seconds("x-ratelimit-reset") > 1_700_000_000);

    assert_eq!(ask(&server, "192.0.2.2", LOCATIONS).await.status, 200, "others are not held up");
    let liveness = ask(&server, "192.0.2.1", "/.backstage/health/v1/liveness").await;
    assert_eq!((liveness.status.as_u16(), liveness.header("x-ratelimit-limit")), (200, None));
}

#[tokio::test]
async fn the_limit_of_the_catalog_is_its_own() {
    let server = server(RateLimits { global: None, catalog: Some(limit(1)) }).await;
    assert_eq!(ask(&server, "192.0.2.1", "/nope").await.status, 404);
    assert_eq!(ask(&server, "192.0.2.1", "/API/catalog/nope").await.status, 404);
    assert_eq!(ask(&server, "192.0.2.1", LOCATIONS).await.status, 429);
    assert_eq!(ask(&server, "192.0.2.1", "/nope").await.status, 404);
}

#[tokio::test]
async fn of_two_limits_the_narrower_counts() {
    let server = server(RateLimits { global: Some(limit(10)), catalog: Some(limit(1)) }).await;
    let answer = ask(&server, "192.0.2.1", LOCATIONS).await;
    assert_eq!(answer.header("x-ratelimit-limit"), Some("1"));
    assert_eq!(ask(&server, "192.0.2.1", LOCATIONS).await.status, 429);
}

#[tokio::test]
async fn what_does_not_count_is_taken_back() {
    let failures = RateLimit { count_successful: false, ..limit(1) };
    let server = server(RateLimits { global: Some(failures), catalog: None }).await;
    for _ in 0..3 {
        assert_eq!(ask(&server, "192.0.2.1", LOCATIONS).await.status, 200);
    }
    assert_eq!(ask(&server, "192.0.2.1", "/nope").await.status, 404);
    assert_eq!(ask(&server, "192.0.2.1", LOCATIONS).await.status, 429);
}

#[tokio::test]
async fn allowed_addresses_have_no_limit() {
    let allowing = RateLimit { allowed: vec!["192.0.2.1".parse().unwrap()], ..limit(0) };
    let server = server(RateLimits { global: Some(allowing), catalog: None }).await;
    assert_eq!(ask(&server, "192.0.2.1", LOCATIONS).await.status, 200);
    assert_eq!(ask(&server, "::ffff:192.0.2.1", LOCATIONS).await.status, 200);
    assert_eq!(ask(&server, "192.0.2.2", LOCATIONS).await.status, 429);
}

#[tokio::test]
async fn behind_a_trusted_proxy_its_clients_are_counted() {
    let server = server(RateLimits { global: Some(limit(1)), catalog: None }).await;
    let ask = async |peer: &str, forwarded: &str| {
        let peer = SocketAddr::new(peer.parse().unwrap(), 4000);
        let request =
            Request::get(LOCATIONS).header("x-forwarded-for", forwarded).extension(ConnectInfo(peer));
        server.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
    };
    assert_eq!(ask("192.0.2.9", "198.51.100.1").await, 200);
    assert_eq!(ask("192.0.2.9", "198.51.100.2").await, 200);
    assert_eq!(ask("192.0.2.9", "198.51.100.2").await, 429);
    // Who is not trusted cannot change who it is.
    assert_eq!(ask("192.0.2.8", "198.51.100.3").await, 200);
    assert_eq!(ask("192.0.2.8", "198.51.100.4").await, 429);
}
