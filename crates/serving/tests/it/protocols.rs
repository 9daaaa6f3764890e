//! Which protocols are spoken.

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use callboard_serving::{Certificate, ServingSettings, Tls};
use reqwest::ClientBuilder;

use crate::server::{Server, http_client};

/// Says how it was asked.
fn router() -> Router {
    Router::new().route("/", get(async |request: Request| format!("{:?}", request.version())))
}

async fn ask(client: ClientBuilder, url: &str) -> Result<String, reqwest::Error> {
    client.build().unwrap().get(url).send().await?.text().await
}

#[tokio::test]
async fn without_tls_both_versions_are_spoken() {
    let server = Server::start(router(), ServingSettings::default()).await;
    let url = server.url("/");
    assert_eq!(ask(http_client(), &url).await.unwrap(), "HTTP/1.1");
    assert_eq!(ask(http_client().http2_prior_knowledge(), &url).await.unwrap(), "HTTP/2.0");
}

#[tokio::test]
async fn over_tls_the_client_chooses() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = Certificate::Given { chain: made.cert.pem(), key: made.signing_key.serialize_pem() };
    let tls = Tls::new(&certificate).unwrap();
    let server = Server::start_with(router(), ServingSettings::default(), Some(tls)).await;
    let url = format!("https://localhost:{}/", server.address.port());
    let trusting = || {
        let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
        http_client().tls_certs_only([root]).resolve("localhost", server.address)
    };
    assert_eq!(ask(trusting(), &url).await.unwrap(), "HTTP/2.0");
    assert_eq!(ask(trusting().http1_only(), &url).await.unwrap(), "HTTP/1.1");
    assert!(
        ask(http_client().resolve("localhost", server.address), &url).await.is_err(),
        "nobody vouches for it"
    );
    // Whoever does not speak TLS does not hold up the others.
    let plain = server.url("/");
    assert!(ask(http_client(), &plain).await.is_err());
    assert_eq!(ask(trusting(), &url).await.unwrap(), "HTTP/2.0");
}

#[tokio::test]
async fn a_certificate_can_be_made_up() {
    let certificate = Certificate::Generated { host: Some("catalog.example".to_owned()) };
    let tls = Tls::new(&certificate).unwrap();
    let server = Server::start_with(router(), ServingSettings::default(), Some(tls)).await;
    let url = format!("https://catalog.example:{}/", server.address.port());
    let careless =
        http_client().tls_danger_accept_invalid_certs(true).resolve("catalog.example", server.address);
    assert_eq!(ask(careless, &url).await.unwrap(), "HTTP/2.0");
}
