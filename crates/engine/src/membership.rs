//! This node among others on the same database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callboard_store::{StoreError, Wakeup};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::core::Core;

/// Between two signs of life; a fifth of the time after which a node counts as gone.
const BEAT: Duration = Duration::from_secs(2);
/// How long the database may take to answer before it counts as not there.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Error)]
enum Silence {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database did not answer for {} s", PATIENCE.as_secs())]
    Timeout,
}

/// Whether the database answers, as far as is known.
#[derive(Debug)]
pub(crate) struct Reachability(AtomicBool);

impl Default for Reachability {
    fn default() -> Self {
        Self(AtomicBool::new(true))
    }
}

impl Reachability {
    pub(crate) fn is_reachable(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns whether that is news.
    fn set(&self, reachable: bool) -> bool {
        self.0.swap(reachable, Ordering::Relaxed) != reachable
    }
}

/// Says from time to time, until `stopping`, that this node is alive.
pub(crate) async fn beat(core: Arc<Core>, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(BEAT)).await.is_some() {
        let beat = tokio::time::timeout(PATIENCE, core.store.heartbeat(core.clock.now()));
        let Some(beat) = stopping.run_until_cancelled(beat).await else { return };
        match beat.map_err(|_| Silence::Timeout).and_then(|beat| beat.map_err(Silence::Store)) {
            Ok(heartbeat) => {
                if core.reachability.set(true) {
                    tracing::info!("the database answers again");
                    core.signals.index.notify_one();
                }
                if heartbeat.reclaimed > 0 {
                    core.signals.processing.notify_one();
                    core.signals.stitching.notify_one();
                }
            }
            Err(error) => {
                if core.reachability.set(false) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the database does not answer: the catalog is served as it was, and nothing can be changed"
                    );
                }
            }
        }
    }
}

/// Wakes the loops, until `stopping`, when another node says that there is something for them.
pub(crate) async fn listen(core: Arc<Core>, stopping: CancellationToken) {
    while let Some(wakeups) = stopping.run_until_cancelled(core.store.next_wakeups()).await {
        for wakeup in wakeups {
            match wakeup {
                Wakeup::Processing => core.signals.processing.notify_one(),
                Wakeup::Stitching => core.signals.stitching.notify_one(),
                Wakeup::Index => core.signals.index.notify_one(),
                Wakeup::Events => core.events.bus.wake(),
            }
        }
    }
}
