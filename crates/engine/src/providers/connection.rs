//! The line from one provider into the catalog.

use std::sync::Arc;

use callboard_sdk::{
    ConnectionError, DeferredEntity, EntityMutation, ProviderConnection, TaskScheduler, UrlReader,
    async_trait,
};
use callboard_store::{NewClaim, ProviderMutation, ProviderName};

use crate::core::Core;
use crate::processing::emissions::shortened;
use crate::processing::outcome::claim;

/// Up to so many entities are hashed at once on a thread of the runtime.
const FEW: usize = 32;

pub(crate) struct Connection {
    core: Arc<Core>,
    provider: ProviderName,
}

impl Connection {
    pub(crate) fn new(core: Arc<Core>, provider: ProviderName) -> Self {
        Self { core, provider }
    }
}

#[async_trait]
impl ProviderConnection for Connection {
    async fn apply_mutation(&self, mutation: EntityMutation) -> Result<(), ConnectionError> {
        let mutation = match mutation {
            EntityMutation::Full(entities) => ProviderMutation::Full(claims(entities).await?),
            EntityMutation::Delta { added, removed } => {
                ProviderMutation::Delta { added: claims(added).await?, removed }
            }
        };
        let now = self.core.clock.now();
        let report = self
            .core
            .store
            .apply_mutation(&self.provider, mutation, now)
            .await
            .map_err(|error| ConnectionError(error.into()))?;
        tracing::debug!(
            provider = %self.provider,
            added = report.added,
            updated = report.updated,
            unchanged = report.unchanged,
            released = report.released,
            deleted = report.deleted,
            "applied a mutation"
        );
        self.core.changed(&report).await;
        Ok(())
    }

    async fn refresh(&self, keys: &[String]) -> Result<(), ConnectionError> {
        let keys: Vec<String> = keys.iter().cloned().map(shortened).collect();
        let now = self.core.clock.now();
        let due = self
            .core
            .store
            .refresh_by_keys(&keys, now)
            .await
            .map_err(|error| ConnectionError(error.into()))?;
        if due > 0 {
            self.core.signals.processing.notify_one();
        }
        Ok(())
    }

    fn scheduler(&self) -> Arc<dyn TaskScheduler> {
        Arc::new(self.core.scheduler.clone())
    }

    fn url_reader(&self) -> Arc<dyn UrlReader> {
        Arc::clone(&self.core.pipeline.reader)
    }
}

async fn claims(entities: Vec<DeferredEntity>) -> Result<Vec<NewClaim>, ConnectionError> {
    let few = entities.len() <= FEW;
    let to_claims = move || -> Vec<NewClaim> {
        entities.into_iter().map(|deferred| claim(&deferred.entity, deferred.location_key)).collect()
    };
    if few {
        return Ok(to_claims());
    }
    tokio::task::spawn_blocking(to_claims).await.map_err(|error| ConnectionError(error.into()))
}
