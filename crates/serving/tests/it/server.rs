//! A server in the test, and a client that writes bytes.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use callboard_serving::{Drained, ServingSettings, Tls, serve};
use reqwest::{Client, ClientBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// More than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Drained>,
}

impl Server {
    pub(crate) async fn start(router: Router, settings: ServingSettings) -> Self {
        Self::start_with(router, settings, None).await
    }

    pub(crate) async fn start_with(router: Router, settings: ServingSettings, tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            _ = stopped.await;
        };
        let task = tokio::spawn(serve(listener, tls, router, settings, stopped));
        Self { address, stop, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks the server to stop. What it comes to is told later.
    pub(crate) fn stop(self) -> impl Future<Output = Drained> {
        self.stop.send(()).unwrap();
        async { tokio::time::timeout(PATIENCE, self.task).await.expect("the server stops").unwrap() }
    }

    pub(crate) async fn connect(&self) -> RawClient {
        RawClient(TcpStream::connect(self.address).await.unwrap())
    }
}

/// A client of HTTP.
pub(crate) fn http_client() -> ClientBuilder {
    // Only the first call installs; later ones find it done.
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE)
}

/// A connection on which anything can be sent.
pub(crate) struct RawClient(pub(crate) TcpStream);

impl RawClient {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// All that comes until the server closes the connection.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut text = Vec::new();
        let reading = self.0.read_to_end(&mut text);
        // A reset is an end like any other.
        _ = tokio::time::timeout(PATIENCE, reading).await.expect("the server closes the connection");
        String::from_utf8(text).unwrap()
    }

    /// One answer with a body of this length.
    pub(crate) async fn read_answer(&mut self, body: &str) -> String {
        let mut text = String::new();
        let reading = async {
            while !text.ends_with(&format!("\r\n\r\n{body}")) {
                text.push(char::from(self.0.read_u8().await.unwrap()));
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("the server answers");
        text
    }
}
