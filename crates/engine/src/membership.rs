//! This node among others on the same database.

use std::sync::Arc;
use std::time::Duration;

use callboard_store::{Heartbeat, StoreError, Wakeup};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::core::Core;
use crate::database_state::{DatabaseState, UNWRITABLE};

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

/// Says from time to time, until `stopping`, that this node is alive. Finds out what the database does by itself: on a
/// node that has nothing to do, nobody else would.
pub(crate) async fn beat(core: Arc<Core>, stopping: CancellationToken) {
    while stopping.run_until_cancelled(tokio::time::sleep(BEAT)).await.is_some() {
        let Some(beat) = stopping.run_until_cancelled(sign_of_life(&core)).await else { return };
        match beat {
            Ok(heartbeat) => {
                if core.database.set(DatabaseState::Writable) {
                    tracing::info!("the database reads and writes again");
                    core.signals.processing.notify_one();
                    core.signals.stitching.notify_one();
                    core.signals.index.notify_one();
                }
                if heartbeat.reclaimed > 0 {
                    core.signals.processing.notify_one();
                    core.signals.stitching.notify_one();
                }
            }
            Err(error @ Silence::Store(StoreError::Unwritable(_))) => {
                if core.database.set(DatabaseState::Unwritable) {
                    tracing::error!(error = &error as &dyn std::error::Error, "{UNWRITABLE}");
                }
            }
            Err(error) => {
                if core.database.set(DatabaseState::Unreachable) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the database does not answer: the catalog is served as it was, and nothing can be changed"
                    );
                }
            }
        }
    }
}

async fn sign_of_life(core: &Core) -> Result<Heartbeat, Silence> {
    let beat = tokio::time::timeout(PATIENCE, core.store.heartbeat(core.clock.now()));
    let heartbeat = beat.await.map_err(|_| Silence::Timeout)??;
    if core.database.state() == DatabaseState::Writable {
        return Ok(heartbeat);
    }
    let trial = tokio::time::timeout(PATIENCE, core.store.try_writing());
    match trial.await.map_err(|_| Silence::Timeout)? {
        // Somebody may forbid it, and then the sign of life has to do.
        Ok(()) | Err(StoreError::Refused(_)) => Ok(heartbeat),
        Err(error) => Err(error.into()),
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
