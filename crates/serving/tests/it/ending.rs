//! How a server stops.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use callboard_serving::{Drained, ServingSettings};
use reqwest::Client;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::server::{PATIENCE, Server, http_client};

/// Answers when it is told to, and says when it was asked.
struct Waiting {
    router: Router,
    asked: mpsc::Receiver<()>,
    answer: Arc<Notify>,
}

fn waiting() -> Waiting {
    let (ask, asked) = mpsc::channel(8);
    let answer = Arc::new(Notify::new());
    let notified = Arc::clone(&answer);
    let handler = async move || {
        ask.send(()).await.unwrap();
        notified.notified().await;
        "done"
    };
    Waiting { router: Router::new().route("/", get(handler)), asked, answer }
}

async fn drains(client: Client) {
    let Waiting { router, mut asked, answer } = waiting();
    let settings = ServingSettings { drain: PATIENCE, ..ServingSettings::default() };
    let server = Server::start(router, settings).await;
    let (address, url) = (server.address, server.url("/"));
    let mut idle = server.connect().await;
    let request = tokio::spawn(async move { client.get(url).send().await?.text().await });
    asked.recv().await.unwrap();
    let stopped = server.stop();
    assert_eq!(idle.read_to_end().await, "", "who has no request is let go");
    callboard_testkit::until("no more connections", PATIENCE, async || {
        TcpStream::connect(address).await.err()
    })
    .await;
    answer.notify_one();
    assert_eq!(request.await.unwrap().unwrap(), "done");
    assert_eq!(stopped.await, Drained::Completely);
}

#[tokio::test]
async fn open_requests_are_answered() {
    drains(http_client().build().unwrap()).await;
    drains(http_client().http2_prior_knowledge().build().unwrap()).await;
}

async fn cuts_off(client: Client) {
    let Waiting { router, mut asked, .. } = waiting();
    let settings = ServingSettings { drain: Duration::from_millis(50), ..ServingSettings::default() };
    let server = Server::start(router, settings).await;
    let url = server.url("/");
    let request = tokio::spawn(async move { client.get(url).send().await });
    asked.recv().await.unwrap();
    assert_eq!(server.stop().await, Drained::CutOff);
    assert!(request.await.unwrap().is_err());
    // The handler, which holds the sender, is gone with it.
    let end = tokio::time::timeout(PATIENCE, asked.recv()).await;
    assert_eq!(end.expect("the handler ends"), None);
}

#[tokio::test]
async fn requests_without_end_are_cut_off() {
    cuts_off(http_client().build().unwrap()).await;
    cuts_off(http_client().http2_prior_knowledge().build().unwrap()).await;
}
