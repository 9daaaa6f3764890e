use std::sync::Arc;

use async_trait::async_trait;
use callboard_model::{Entity, EntityRef, LocationKey};
use thiserror::Error;

/// An entity on its way into the catalog.
#[derive(Debug, Clone)]
pub struct DeferredEntity {
    /// The entity. It needs the annotations `backstage.io/managed-by-location` and
    /// `backstage.io/managed-by-origin-location`, or it will not pass processing.
    pub entity: Entity,
    /// Tells this source from rival ones; a provider uses one key for all it emits.
    pub location_key: Option<LocationKey>,
}

/// A change of a provider's bucket.
#[derive(Debug, Clone)]
pub enum EntityMutation {
    /// The bucket shall hold exactly these: what is not among them is deleted.
    Full(Vec<DeferredEntity>),
    /// Some entities come or change, some go.
    Delta {
        /// New or changed ones.
        added: Vec<DeferredEntity>,
        /// Those to be deleted; what this provider never emitted is passed over.
        removed: Vec<EntityRef>,
    },
}

/// Why the catalog did not take a mutation.
#[derive(Debug, Error)]
#[error("the catalog did not take the mutation")]
pub struct ConnectionError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why a provider could not do its work.
pub type ProviderError = Box<dyn std::error::Error + Send + Sync>;

/// A provider's line into the catalog. It may be used at any time, from any task, also concurrently; every
/// call is one transaction.
#[async_trait]
pub trait ProviderConnection: Send + Sync {
    /// Changes the provider's bucket.
    ///
    /// # Errors
    ///
    /// The database did not take it; nothing was changed.
    async fn apply_mutation(&self, mutation: EntityMutation) -> Result<(), ConnectionError>;

    /// Has every entity processed soon that depends on one of these refresh keys.
    ///
    /// # Errors
    ///
    /// The database did not take it.
    async fn refresh(&self, keys: &[String]) -> Result<(), ConnectionError>;
}

/// A source of entities: it owns a bucket, named like itself, and says what is in it.
#[async_trait]
pub trait EntityProvider: Send + Sync {
    /// A unique name that stays the same over restarts.
    fn name(&self) -> &str;

    /// Called once at start. A provider keeps the connection and uses it whenever it has news; work that goes on
    /// belongs into a task of its own.
    ///
    /// # Errors
    ///
    /// Whatever kept it from starting; other providers start all the same.
    async fn connect(&self, connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError>;
}
