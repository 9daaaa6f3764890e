//! Accepting connections, and ending them all.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Connection, Owner};
use crate::requests::Service;
use crate::settings::ServingSettings;
use crate::tls::Tls;

/// After the system refused a connection, for want of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// How the end went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// All requests were answered.
    Completely,
    /// Some took too long and were cut off.
    CutOff,
}

/// Serves connections until `stop` ends; then takes no more, and lets open requests finish for a while.
///
/// Errors of the socket are logged and survived. When the future is dropped, all connections end at once.
pub async fn serve<S: Service>(
    listener: TcpListener,
    tls: Option<Tls>,
    service: S,
    settings: ServingSettings,
    stop: impl Future<Output = ()>,
) -> Drained {
    let drain = settings.drain;
    let slots = Arc::new(Semaphore::new(settings.max_connections));
    let leave = CancellationToken::new();
    let cut = CancellationToken::new();
    let _cut_when_dropped = cut.clone().drop_guard();
    let owner = Owner { tasks: TaskTracker::new(), leave: leave.clone(), cut: cut.clone() };
    let settings = Arc::new(settings);

    let accepting = async {
        let mut is_failing = false;
        loop {
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let Some((stream, peer)) = accept(&listener, &mut is_failing).await else { continue };
            let connection = Connection {
                peer,
                tls: tls.clone(),
                service: service.clone(),
                settings: Arc::clone(&settings),
                owner: owner.of_connection(),
            };
            connection.owner.clone().spawn(async move {
                let _slot = slot;
                connection.serve(stream).await;
            });
        }
    };
    tokio::select! {
        () = stop => {}
        () = accepting => {}
    }

    drop(listener);
    leave.cancel();
    owner.tasks.close();
    let drained = tokio::time::timeout(drain, owner.tasks.wait()).await;
    cut.cancel();
    owner.tasks.wait().await;
    if drained.is_ok() { Drained::Completely } else { Drained::CutOff }
}

async fn accept(listener: &TcpListener, is_failing: &mut bool) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            *is_failing = false;
            // Answers are written whole; waiting for more would only delay them.
            _ = stream.set_nodelay(true);
            Some((stream, peer))
        }
        Err(error) if is_of_one_client(&error) => None,
        Err(error) => {
            if !std::mem::replace(is_failing, true) {
                tracing::warn!(%error, "connections cannot be accepted at the moment");
            }
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

/// The client has gone away before it was its turn.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}
