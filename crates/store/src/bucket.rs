use std::sync::Arc;

use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};

use crate::{DocumentHash, ProviderName, Result};

/// What a provider claims of one entity, without the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketClaim {
    /// Of which entity.
    pub entity_ref: EntityRef,
    /// The key of the claim.
    pub location_key: Option<LocationKey>,
    /// The hash of its document.
    pub hash: DocumentHash,
}

/// How far an entity has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityProgress {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// Whether it waits to be processed or stitched, apart from its next routine refresh.
    pub is_pending: bool,
    /// The errors of its last run, a JSON array; `None` if it went well or has not run yet.
    pub errors: Option<Arc<[u8]>>,
}

/// What providers have in their buckets, and what became of it. For those who want to know what a mutation would
/// change, and when its result can be seen.
#[async_trait]
pub trait Buckets: Send + Sync {
    /// All claims of a provider, in order of their refs.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn bucket(&self, provider: &ProviderName) -> Result<Vec<BucketClaim>>;

    /// The claims of a provider on these entities, in order of their refs.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn bucket_claims(&self, provider: &ProviderName, refs: &[EntityRef]) -> Result<Vec<BucketClaim>>;

    /// Of these entities, those whose location key is that of a claim of another source, with that key, in order of
    /// their refs. A claim of this provider wins there only with the same key.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn rival_keys(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<(EntityRef, LocationKey)>>;

    /// Of these entities, those that are not at rest or failed in their last run, in order of their refs. An entity
    /// that is not there is at rest.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn progress(&self, refs: &[EntityRef]) -> Result<Vec<EntityProgress>>;
}
