//! `GET /entities` of a large catalog: sent as it is taken, given up when the client goes.

use std::sync::Arc;
use std::time::Duration;

use callboard::Callboard;
use callboard::config::Config;
use callboard::sdk::model::{Entity, LocationKey};
use callboard::sdk::{
    DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError, async_trait,
};
use callboard_testkit::until;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_mins(1);
/// More than two batches of what is taken from the index at a time.
const ENTITIES: usize = 1100;
/// Of each entity, so that the first batch alone is more than the sockets of both sides hold.
const TEXT: usize = 16 * 1024;
/// The last one by name, in the last batch.
const LAST: &str = "z-last";

/// Hands its connection to the test.
struct Source(std::sync::Mutex<Option<oneshot::Sender<Arc<dyn ProviderConnection>>>>);

#[async_trait]
impl EntityProvider for Source {
    fn name(&self) -> &'static str {
        "source"
    }

    async fn connect(&self, connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        if let Some(connected) = self.0.lock().unwrap().take() {
            assert!(connected.send(connection).is_ok(), "the test waits for it");
        }
        Ok(())
    }
}

/// A server in this process, with one connection at a time.
struct LargeCatalog {
    address: std::net::SocketAddr,
    catalog: callboard::engine::Catalog,
    source: Arc<dyn ProviderConnection>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl LargeCatalog {
    async fn start() -> Self {
        let config = json!({
            "backend": {
                "database": { "client": "better-sqlite3", "connection": ":memory:" },
                "auth": { "dangerouslyDisableDefaultAuthPolicy": true },
            },
            "callboard": { "http": { "maxConnections": 1 } },
        });
        let (connected, is_connected) = oneshot::channel();
        let source = Arc::new(Source(std::sync::Mutex::new(Some(connected))));
        let builder = Callboard::builder(Config::from_value(&config)).port(0).add_provider(source);
        let server = builder.build().await.unwrap();
        let (address, catalog) = (server.address(), server.catalog());
        let (stop, stops) = oneshot::channel();
        let task = tokio::spawn(async move {
            server.serve(async { _ = stops.await }).await.unwrap();
        });
        let source = is_connected.await.unwrap();
        let mut entities: Vec<DeferredEntity> =
            (1..ENTITIES).map(|number| entity(&format!("entity-{number}"), "before")).collect();
        entities.push(entity(LAST, "before"));
        source.apply_mutation(EntityMutation::Full(entities)).await.unwrap();
        let all = Self { address, catalog, source, stop, task };
        until("the catalog to be there", PATIENCE, async || {
            (all.catalog.index().read().len() == ENTITIES).then_some(())
        })
        .await;
        all
    }

    /// Changes the last entity, and waits until queries show it.
    async fn change_last(&self) {
        let added = vec![entity(LAST, "after")];
        self.source.apply_mutation(EntityMutation::Delta { added, removed: vec![] }).await.unwrap();
        until("the change", PATIENCE, async || {
            let hit = self.catalog.index().read().by_ref(&format!("component:default/{LAST}"))?;
            let entity: Value = serde_json::from_slice(&hit.body).unwrap();
            (entity["metadata"]["annotations"]["example.com/version"] == "after").then_some(())
        })
        .await;
    }

    /// A client that takes in little at a time, has asked for everything, and has the beginning of the answer.
    async fn slow_client(&self) -> (TcpStream, Vec<u8>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let mut client = socket.connect(self.address).await.unwrap();
        client
            .write_all(b"GET /api/catalog/entities?order=asc:metadata.name HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut beginning = vec![0; 1024];
        let read = tokio::time::timeout(PATIENCE, client.read_exact(&mut beginning)).await;
        read.expect("an answer").unwrap();
        assert!(beginning.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&beginning));
        (client, beginning)
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.expect("the server ends").unwrap();
    }
}

fn entity(name: &str, version: &str) -> DeferredEntity {
    let entity = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": name,
            "annotations": {
                "backstage.io/managed-by-location": "url:https://host/all",
                "backstage.io/managed-by-origin-location": "url:https://host/all",
                "example.com/text": "x".repeat(TEXT),
                "example.com/version": version,
            },
        },
        "spec": { "type": "service", "lifecycle": "production", "owner": "stagehands" },
    });
    DeferredEntity {
        entity: Entity::from_value(entity).unwrap(),
        location_key: Some(LocationKey::new("key")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_the_answer_back() {
    let server = LargeCatalog::start().await;
    let (mut client, mut answer) = server.slow_client().await;
    // Had the server gone on without the client, the rest would be from before the change.
    server.change_last().await;
    while !answer.ends_with(b"\r\n0\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, client.read_buf(&mut answer)).await;
        assert_ne!(read.expect("more of the answer").unwrap(), 0, "the answer is cut off");
    }
    let answer = String::from_utf8_lossy(&answer);
    let versions = |version: &str| answer.matches(&format!("\"example.com/version\":\"{version}\"")).count();
    assert_eq!((versions("before"), versions("after")), (ENTITIES - 1, 1));
    drop(client);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_waits_for_is_given_up() {
    let server = LargeCatalog::start().await;
    let (client, _) = server.slow_client().await;
    drop(client);
    // There is one connection at a time: the answer has let go of it.
    let (client, _) = server.slow_client().await;
    drop(client);
    server.stop().await;
}
