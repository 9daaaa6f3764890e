//! Takes away, from time to time, what nothing claims.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::core::Core;

/// Sweeps until `stopping`.
pub(crate) async fn sweep(core: Arc<Core>, stopping: CancellationToken) {
    let interval = core.settings.orphan_sweep_interval;
    while stopping.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
        match core.store.delete_orphans(core.clock.now()).await {
            Ok(deletion) if deletion.deleted == 0 => {}
            Ok(deletion) => {
                tracing::info!(deleted = deletion.deleted, "deleted orphaned entities");
                core.made_visible(deletion.sequence).await;
            }
            Err(error) => {
                core.database.note(&error);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not delete orphaned entities"
                );
            }
        }
    }
}
