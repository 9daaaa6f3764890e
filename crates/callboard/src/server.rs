use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use callboard_api::Lifecycle;
use callboard_engine::{Catalog, Engine};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::database::Database;

/// How long requests may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// A server that has its port and its database, and does nothing yet.
pub struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) router: Router,
    pub(crate) engine: Engine,
    pub(crate) lifecycle: Lifecycle,
    /// How long it goes on serving, while it says that it is not ready, before it stops.
    pub(crate) shutdown_delay: Duration,
    pub(crate) database: Database,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The catalog that it serves.
    pub fn catalog(&self) -> Catalog {
        self.engine.catalog()
    }

    /// Serves until `stop` ends, then lets requests and processing finish. Health checks are answered from the
    /// beginning; the catalog is as soon as the index is filled.
    ///
    /// # Errors
    ///
    /// The engine cannot start, or the socket fails.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let Self { listener, router, engine, lifecycle, shutdown_delay, database, .. } = self;
        let (stop_serving, serving_stops) = oneshot::channel::<()>();
        let graceful = async {
            // A dropped sender means the same as a sent word.
            _ = serving_stops.await;
        };
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(graceful).into_future();
        let mut serving = pin!(serving);

        let engine = tokio::select! {
            started = engine.start() => started?,
            served = &mut serving => return served.context("the server failed"),
        };
        let stop = async {
            stop.await;
            lifecycle.leave();
            tokio::time::sleep(shutdown_delay).await;
        };
        let failed = tokio::select! {
            () = stop => None,
            served = &mut serving => Some(served.context("the server failed")),
        };
        lifecycle.shut_down();
        drop(stop_serving);
        if failed.is_none() && tokio::time::timeout(DRAIN, &mut serving).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
        }
        engine.shutdown().await;
        database.close().await;
        failed.unwrap_or(Ok(()))
    }
}
