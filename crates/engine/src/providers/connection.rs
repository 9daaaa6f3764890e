//! The line from one provider into the catalog.

use std::sync::Arc;

use callboard_model::annotation;
use callboard_sdk::{
    ConnectionError, DeferredEntity, EntityMutation, ProviderConnection, TaskScheduler, UrlReader,
    async_trait,
};
use callboard_store::{NewClaim, ProviderMutation, ProviderName, StoreError};
use futures::StreamExt as _;
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use super::guard;
use crate::clock::later;
use crate::core::Core;
use crate::measurements;
use crate::outage::Outage;
use crate::processing::emissions::shortened;
use crate::processing::outcome::claim;

/// Up to so many entities are hashed at once on a thread of the runtime.
const FEW: usize = 32;
/// Of more than that, a thread of their own hashes so many.
const CHUNK: usize = 256;

pub(crate) struct Connection {
    core: Arc<Core>,
    provider: ProviderName,
    /// Until when a mutation waits for the database.
    patience: Option<CancellationToken>,
    one_at_a_time: Mutex<()>,
}

impl Connection {
    pub(crate) fn new(core: Arc<Core>, provider: ProviderName) -> Self {
        Self { core, provider, patience: None, one_at_a_time: Mutex::default() }
    }

    /// Has mutations wait for the database until `stopping`, rather than fail after a while.
    pub(crate) fn waiting_until(self, stopping: CancellationToken) -> Self {
        Self { patience: Some(stopping), ..self }
    }

    fn outage(&self) -> Outage<'_> {
        match &self.patience {
            Some(stopping) => Outage::to_the_end(&self.core.database, stopping),
            None => Outage::for_a_while(&self.core.database),
        }
    }
}

impl Connection {
    /// Applies a mutation, unless it is refused because it would remove too much.
    pub(crate) async fn apply(&self, mutation: ProviderMutation) -> Result<(), ConnectionError> {
        // Held until the end, so that what was looked at is what is changed.
        let _one_at_a_time = self.guard(&mutation).await?;
        let mut outage = self.outage();
        let report = loop {
            // To do it twice, if it had come through after all, changes nothing.
            let now = self.core.clock.now();
            let lease_until = later(now, self.core.settings.processing.lease);
            let room = self.core.arrivals.room_for(&mutation, lease_until);
            let store = &self.core.store;
            let applying = store.apply_and_take_up(&self.provider, mutation.clone(), now, room.take_up);
            match measurements::timed("apply_mutation", applying).await {
                Err(error) if outage.outlasts(&error).await => {}
                result => {
                    let (report, arrived) = result.map_err(failed)?;
                    room.fill(arrived);
                    break report;
                }
            }
        };
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

    async fn guard(
        &self,
        mutation: &ProviderMutation,
    ) -> Result<Option<MutexGuard<'_, ()>>, ConnectionError> {
        let guards = guard::guards_of(&self.core, self.provider.as_str());
        if !guards.are_on() {
            return Ok(None);
        }
        let held = self.one_at_a_time.lock().await;
        let Some(share) = guard::share(&self.core, &self.provider, mutation).await.map_err(failed)? else {
            return Ok(Some(held));
        };
        let is_empty = guard::is_empty(mutation);
        let checked = guard::check(&self.core, &self.provider, &guards, share, is_empty).await;
        match checked.map_err(failed)? {
            Ok(()) => Ok(Some(held)),
            Err(refused) => Err(ConnectionError(refused.into())),
        }
    }
}

#[async_trait]
impl ProviderConnection for Connection {
    async fn apply_mutation(&self, mutation: EntityMutation) -> Result<(), ConnectionError> {
        let mutation = match mutation {
            EntityMutation::Full(entities) => ProviderMutation::Full(claims(&self.provider, entities).await?),
            EntityMutation::Delta { added, removed } => {
                ProviderMutation::Delta { added: claims(&self.provider, added).await?, removed }
            }
        };
        self.apply(mutation).await
    }

    async fn refresh(&self, keys: &[String]) -> Result<(), ConnectionError> {
        let keys: Vec<String> = keys.iter().cloned().map(shortened).collect();
        let now = self.core.clock.now();
        let due = self.core.store.refresh_by_keys(&keys, now).await.map_err(failed)?;
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

/// What entities claim, in the same order, hashed on all cores. Those that will not appear are told of.
pub(crate) async fn claims(
    provider: &ProviderName,
    entities: Vec<DeferredEntity>,
) -> Result<Vec<NewClaim>, ConnectionError> {
    warn_of_missing_locations(provider, &entities);
    let to_claims = |entities: Vec<DeferredEntity>| -> Vec<NewClaim> {
        entities.into_iter().map(|deferred| claim(&deferred.entity, deferred.location_key)).collect()
    };
    if entities.len() <= FEW {
        return Ok(to_claims(entities));
    }
    let mut rest = entities.into_iter();
    let chunks = std::iter::from_fn(|| {
        let chunk: Vec<DeferredEntity> = rest.by_ref().take(CHUNK).collect();
        (!chunk.is_empty()).then(|| tokio::task::spawn_blocking(move || to_claims(chunk)))
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut claims = futures::stream::iter(chunks).buffered(cores);
    let mut all = Vec::new();
    while let Some(chunk) = claims.next().await {
        all.extend(chunk.map_err(|error| ConnectionError(error.into()))?);
    }
    Ok(all)
}

/// Without these annotations an entity fails in processing, which its author may never look at.
fn warn_of_missing_locations(provider: &ProviderName, entities: &[DeferredEntity]) {
    let needed = [annotation::MANAGED_BY_LOCATION, annotation::MANAGED_BY_ORIGIN_LOCATION];
    let lacks =
        |deferred: &&DeferredEntity| needed.iter().any(|key| deferred.entity.annotation(key).is_none());
    let mut lacking = entities.iter().filter(lacks);
    if let Some(first) = lacking.next() {
        tracing::warn!(
            provider = %provider,
            first = %first.entity.entity_ref(),
            entities = lacking.count() + 1,
            "entities lack the annotation {} or {}; they will not appear",
            needed[0],
            needed[1],
        );
    }
}

fn failed(error: StoreError) -> ConnectionError {
    ConnectionError(error.into())
}
