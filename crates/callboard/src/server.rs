use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use callboard_api::{Api, Lifecycle};
use callboard_engine::{Catalog, Engine};
use callboard_serving::{Drained, ServingSettings, Tls};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use crate::audit_file::AuditFile;
use crate::database::Database;
use crate::metrics::Metrics;

/// A server that has its port and its database, and does nothing yet.
pub struct Server {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Tls>,
    pub(crate) api: Api,
    pub(crate) serving: ServingSettings,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) engine: Engine,
    pub(crate) lifecycle: Lifecycle,
    /// How long it goes on serving, while it says that it is not ready, before it stops.
    pub(crate) shutdown_delay: Duration,
    pub(crate) database: Database,
    pub(crate) audit_file: Option<Arc<AuditFile>>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The beginning of its URLs.
    pub fn origin(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
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
    /// The engine cannot start.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let Self {
            listener,
            tls,
            api,
            serving,
            metrics,
            engine,
            lifecycle,
            shutdown_delay,
            database,
            audit_file,
            ..
        } = self;
        let (stop_serving, serving_stops) = oneshot::channel::<()>();
        let graceful = async {
            // A dropped sender means the same as a sent word.
            _ = serving_stops.await;
        };
        let serving = callboard_serving::serve(listener, tls, api, serving, graceful);
        let serving = AbortOnDropHandle::new(tokio::spawn(serving));

        let _upkeep = metrics.map(|metrics| AbortOnDropHandle::new(tokio::spawn(metrics.keep_up())));

        let engine = engine.start().await?;
        stop.await;
        lifecycle.leave();
        tokio::time::sleep(shutdown_delay).await;
        lifecycle.shut_down();
        drop(stop_serving);
        let served = serving.await.context("the server failed");
        if let Ok(Drained::CutOff) = served {
            tracing::warn!("some requests did not end in time and were cut off");
        }
        engine.shutdown().await;
        database.close().await;
        if let Some(audit_file) = audit_file {
            // It waits for the disk.
            tokio::task::spawn_blocking(move || audit_file.close()).await.context("the audit file failed")?;
        }
        served.map(|_| ())
    }
}
