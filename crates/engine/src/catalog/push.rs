//! Entities that are pushed: what that changes, and when it can be seen.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use callboard_model::{Entity, EntityRef, LocationKey};
use callboard_sdk::{ConnectionError, EntityMutation, EntityProvider as _, RemovalRefused};
use callboard_store::{BucketClaim, NewClaim, ProviderMutation, ProviderName, StoreError};
use serde_json::Value;
use thiserror::Error;
use tokio::time::Instant;

use super::Catalog;
use crate::core::Core;
use crate::processing::run_cache::RunCache;
use crate::providers::connection::{Connection, claims};
use crate::providers::guard;
use crate::providers::push::PushProvider;

/// How often is looked whether pushed entities can be seen.
const LOOK: Duration = Duration::from_millis(50);

/// What a push changes, or would change, in the bucket of its provider. In no two of the first five lists is the same
/// entity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PushReport {
    /// The provider did not have it.
    pub added: Vec<EntityRef>,
    /// The provider had something else of it.
    pub changed: Vec<EntityRef>,
    /// The provider had it like this.
    pub unchanged: Vec<EntityRef>,
    /// The provider had it, and has it no more.
    pub removed: Vec<EntityRef>,
    /// Another source has it, with this location key. It keeps it; should it let go, this provider takes over.
    pub refused: Vec<(EntityRef, LocationKey)>,
    /// The errors of processing, a JSON array each. Only known to a preview, and after waiting.
    pub errors: Vec<(EntityRef, Value)>,
    /// If the change as a whole is refused, because it removes too much. Only known to a preview.
    pub removal_refused: Option<RemovalRefused>,
}

impl PushReport {
    /// All that clients may see change.
    fn affected(&self) -> Vec<EntityRef> {
        let lists = [&self.added, &self.changed, &self.unchanged, &self.removed];
        lists.into_iter().flatten().cloned().collect()
    }
}

/// What can be seen of a push.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PushProgress {
    /// The entities that clients do not see yet as they will be; none: all is done.
    pub pending: Vec<EntityRef>,
    /// The errors of processing, a JSON array each.
    pub errors: Vec<(EntityRef, Value)>,
}

/// Why a push came to nothing.
#[derive(Debug, Error)]
pub enum PushError {
    /// It would have removed too much. Somebody may confirm that it is right, and then it can be sent again.
    #[error(transparent)]
    RemovalRefused(RemovalRefused),
    /// There is more to try than a preview does; it has to be sent in smaller parts.
    #[error("a dry run tries at most {limit} entities that are new or changed, and these are {found}")]
    TooManyToTry {
        /// How many there may be.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The catalog did not take it for another reason.
    #[error(transparent)]
    Connection(ConnectionError),
}

impl Catalog {
    /// Changes the bucket of a provider, and says how.
    ///
    /// # Errors
    ///
    /// [`PushError`]; nothing was changed then.
    pub async fn push(
        &self,
        provider: &PushProvider,
        mutation: EntityMutation,
    ) -> Result<PushReport, PushError> {
        let _one_at_a_time = provider.one_at_a_time.lock().await;
        let name = ProviderName::new(provider.name());
        let mutation = to_claims(&name, mutation).await?;
        let report = compare(&self.core, &name, &mutation).await?;
        let connection = Connection::new(Arc::clone(&self.core), name);
        connection.apply(mutation).await.map_err(|error| match error.refused() {
            Some(refused) => PushError::RemovalRefused(*refused),
            None => PushError::Connection(error),
        })?;
        Ok(report)
    }

    /// What [`Catalog::push`] would change. What is new or different is processed to see whether it is any good, and
    /// nothing is stored.
    ///
    /// # Errors
    ///
    /// [`PushError::TooManyToTry`], [`PushError::Store`].
    pub async fn preview_push(
        &self,
        provider: &PushProvider,
        mutation: EntityMutation,
    ) -> Result<PushReport, PushError> {
        let entities: Vec<Entity> = match &mutation {
            EntityMutation::Full(added) | EntityMutation::Delta { added, .. } => {
                added.iter().map(|deferred| deferred.entity.clone()).collect()
            }
        };
        let name = ProviderName::new(provider.name());
        let mutation = to_claims(&name, mutation).await?;
        let mut report = compare(&self.core, &name, &mutation).await?;
        report.removal_refused = guard::foresee(&self.core, &name, &mutation).await?;
        // These were processed before.
        report.errors = self.push_progress(&report.unchanged).await?.errors;
        let unchanged: HashSet<&EntityRef> = report.unchanged.iter().collect();
        let limit = self.core.settings.processing.dry_run_entities;
        let found = entities.len() - unchanged.len();
        if found > limit {
            return Err(PushError::TooManyToTry { limit, found });
        }
        for entity in entities {
            let entity_ref = entity.entity_ref();
            if unchanged.contains(&entity_ref) {
                continue;
            }
            if let Err(found) = self.core.pipeline.run(entity, &mut RunCache::default()).await {
                report.errors.push((entity_ref, serde_json::to_value(found).unwrap_or_default()));
            }
            // Many entities without I/O must not keep the thread from others.
            tokio::task::yield_now().await;
        }
        report.errors.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(report)
    }

    /// Ends when clients see what a push came to, or when the time is over: then some entities are pending.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn wait_for_push(
        &self,
        report: &PushReport,
        timeout: Duration,
    ) -> Result<PushProgress, StoreError> {
        let end = Instant::now() + timeout;
        let affected = report.affected();
        let mut waiting = affected.clone();
        loop {
            waiting = self.push_progress(&waiting).await?.pending;
            let left = end.saturating_duration_since(Instant::now());
            if waiting.is_empty() {
                let head = self.core.store.head().await?;
                let is_visible = self.core.wait_for(head, left).await;
                let mut progress = self.push_progress(&affected).await?;
                progress.pending = if is_visible { Vec::new() } else { affected };
                return Ok(progress);
            }
            if left.is_zero() {
                let errors = self.push_progress(&affected).await?.errors;
                return Ok(PushProgress { pending: waiting, errors });
            }
            tokio::time::sleep(LOOK.min(left)).await;
        }
    }

    async fn push_progress(&self, refs: &[EntityRef]) -> Result<PushProgress, StoreError> {
        let mut progress = PushProgress::default();
        for found in self.core.store.progress(refs).await? {
            if let Some(errors) = found.errors {
                let errors = serde_json::from_slice(&errors).unwrap_or_default();
                progress.errors.push((found.entity_ref.clone(), errors));
            }
            if found.is_pending {
                progress.pending.push(found.entity_ref);
            }
        }
        Ok(progress)
    }
}

async fn to_claims(name: &ProviderName, mutation: EntityMutation) -> Result<ProviderMutation, PushError> {
    Ok(match mutation {
        EntityMutation::Full(entities) => {
            ProviderMutation::Full(claims(name, entities).await.map_err(PushError::Connection)?)
        }
        EntityMutation::Delta { added, removed } => {
            let added = claims(name, added).await.map_err(PushError::Connection)?;
            ProviderMutation::Delta { added, removed }
        }
    })
}

/// What a mutation changes in the bucket.
async fn compare(
    core: &Core,
    provider: &ProviderName,
    mutation: &ProviderMutation,
) -> Result<PushReport, StoreError> {
    let store = &core.store;
    let (added, removed): (&[NewClaim], &[EntityRef]) = match mutation {
        ProviderMutation::Full(claims) => (claims, &[]),
        ProviderMutation::Delta { added, removed } => (added, removed),
    };
    let named: Vec<EntityRef> = added.iter().map(|claim| claim.entity_ref.clone()).collect();
    let present = match mutation {
        ProviderMutation::Full(_) => store.bucket(provider).await?,
        ProviderMutation::Delta { .. } => {
            let refs: Vec<EntityRef> = named.iter().chain(removed).cloned().collect();
            store.bucket_claims(provider, &refs).await?
        }
    };
    let rivals: HashMap<EntityRef, LocationKey> =
        store.rival_keys(provider, &named).await?.into_iter().collect();
    let mut present: HashMap<EntityRef, BucketClaim> =
        present.into_iter().map(|claim| (claim.entity_ref.clone(), claim)).collect();
    let mut report = PushReport::default();
    for claim in added {
        let entity_ref = claim.entity_ref.clone();
        let before = present.remove(&entity_ref);
        let rival = rivals.get(&entity_ref).filter(|key| claim.location_key.as_ref() != Some(*key));
        match (rival, before) {
            (Some(key), _) => report.refused.push((entity_ref, key.clone())),
            (None, None) => report.added.push(entity_ref),
            (None, Some(before)) if is_same(&before, claim) => report.unchanged.push(entity_ref),
            (None, Some(_)) => report.changed.push(entity_ref),
        }
    }
    report.removed = present.into_keys().collect();
    report.removed.sort();
    Ok(report)
}

fn is_same(before: &BucketClaim, claim: &NewClaim) -> bool {
    before.hash == claim.document.hash && before.location_key == claim.location_key
}
