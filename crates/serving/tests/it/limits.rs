//! What clients may do, and for how long.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::{get, post};
use callboard_serving::ServingSettings;
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;

use crate::server::{PATIENCE, Server, http_client};

const SOON: Duration = Duration::from_millis(50);

fn router() -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/refused", post(async || (StatusCode::PAYLOAD_TOO_LARGE, "too large")))
}

fn head(filler: usize) -> String {
    format!("GET /?filter={} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(filler))
}

#[tokio::test]
async fn large_heads_are_refused() {
    let server = Server::start(router(), ServingSettings::default()).await;
    let mut client = server.connect().await;
    client.send(&head(15_000)).await;
    assert!(client.read_answer("hello").await.starts_with("HTTP/1.1 200 OK\r\n"));
    // So much more than is read that the system would reset the connection before the answer arrives.
    client.send(&head(400_000)).await;
    let refused = client.read_to_end().await;
    assert!(refused.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{refused}");
    assert!(refused.ends_with("\r\n\r\n"), "an empty body: {refused}");

    let client = http_client().http2_prior_knowledge().build().unwrap();
    let ask = async |filler: usize| {
        let url = server.url(&format!("/?filter={}", "x".repeat(filler)));
        client.get(url).send().await.unwrap().status().as_u16()
    };
    assert_eq!((ask(15_000).await, ask(20_000).await), (200, 431));
}

#[tokio::test]
async fn many_headers_are_refused() {
    let server = Server::start(router(), ServingSettings { max_headers: 5, ..Default::default() }).await;
    let mut client = server.connect().await;
    client.send(&format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x-a: 1\r\n".repeat(5))).await;
    assert!(client.read_to_end().await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_can_be_read() {
    let server = Server::start(router(), ServingSettings::default()).await;
    let mut client = server.connect().await;
    let body = "x".repeat(900_000);
    client
        .send(&format!("POST /refused HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len()))
        .await;
    // The server may have closed its side before all of it is sent.
    _ = client.0.write_all(body.as_bytes()).await;
    client.read_answer("too large").await;
}

#[tokio::test]
async fn slow_heads_are_given_up() {
    let server = Server::start(router(), ServingSettings { head_timeout: SOON, ..Default::default() }).await;
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.send("GET / HTTP/1.1\r\nhost:").await;
    let mut slow_later = server.connect().await;
    slow_later.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    slow_later.read_answer("hello").await;
    slow_later.send("GET /").await;
    for client in [&mut silent, &mut slow, &mut slow_later] {
        assert_eq!(client.read_to_end().await, "");
    }
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = Server::start(router(), ServingSettings { idle_timeout: SOON, ..Default::default() }).await;
    let mut client = server.connect().await;
    client.send(&head(1)).await;
    client.read_answer("hello").await;
    assert_eq!(client.read_to_end().await, "");
}

#[tokio::test]
async fn who_does_not_read_is_given_up() {
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let dropped = Arc::new(Mutex::new(Some(dropped)));
    let endless = async move || {
        let signal = dropped.lock().unwrap().take();
        let chunks = futures::stream::repeat("x".repeat(64 * 1024)).map(move |chunk| {
            // Goes with the stream.
            _ = &signal;
            Ok::<_, Infallible>(chunk)
        });
        Body::from_stream(chunks)
    };
    let router = Router::new().route("/", get(endless));
    let server = Server::start(router, ServingSettings { stall_timeout: SOON, ..Default::default() }).await;
    let mut client = server.connect().await;
    client.send(&head(1)).await;
    let ended = tokio::time::timeout(PATIENCE, is_dropped).await.expect("the answer is given up");
    assert!(ended.is_err(), "nothing is ever sent");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let server = Server::start(router(), ServingSettings { max_connections: 1, ..Default::default() }).await;
    let mut first = server.connect().await;
    first.send(&head(1)).await;
    first.read_answer("hello").await;
    let mut second = server.connect().await;
    second.send(&head(1)).await;
    let mut byte = [0];
    let early = tokio::time::timeout(SOON, second.0.peek(&mut byte)).await;
    assert!(early.is_err(), "it is not its turn");
    drop(first);
    second.read_answer("hello").await;
}

#[tokio::test]
async fn a_connection_ends_after_so_many_requests() {
    let server =
        Server::start(router(), ServingSettings { max_requests: Some(2), ..Default::default() }).await;
    let mut client = server.connect().await;
    client.send(&head(1)).await;
    client.read_answer("hello").await;
    client.send(&head(1)).await;
    let last = client.read_to_end().await;
    assert!(last.contains("\r\nconnection: close\r\n") && last.ends_with("hello"), "{last}");
}
