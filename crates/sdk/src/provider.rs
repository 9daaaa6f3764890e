use std::sync::Arc;

use async_trait::async_trait;
use callboard_model::{Entity, EntityRef, EnvelopeError, LocationKey, annotation};
use serde_json::Value;
use thiserror::Error;

use crate::{RemovalRefused, TaskSchedule, TaskScheduler, UrlReader};

/// An entity on its way into the catalog.
#[derive(Debug, Clone)]
pub struct DeferredEntity {
    /// The entity. It needs the annotations `backstage.io/managed-by-location` and
    /// `backstage.io/managed-by-origin-location`, or it will not pass processing.
    pub entity: Entity,
    /// Tells this source from rival ones; a provider uses one key for all it emits.
    pub location_key: Option<LocationKey>,
}

impl DeferredEntity {
    /// An entity that was read from `location`, such as `url:https://frobs.example.com/data`: it gets the annotations
    /// that say so, and the location as its key.
    ///
    /// ```
    /// use callboard_sdk::DeferredEntity;
    ///
    /// let frob = serde_json::json!({
    ///     "apiVersion": "backstage.io/v1alpha1",
    ///     "kind": "Component",
    ///     "metadata": { "name": "frob" },
    ///     "spec": { "type": "frob", "lifecycle": "production", "owner": "frobbers" },
    /// });
    /// let frob = DeferredEntity::read_from("url:https://frobs.example.com/data", frob)?.with_key("frobs");
    /// assert_eq!(
    ///     frob.entity.annotation("backstage.io/managed-by-location"),
    ///     Some("url:https://frobs.example.com/data"),
    /// );
    /// # Ok::<(), callboard_sdk::model::EnvelopeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is no entity: `apiVersion`, `kind` or `metadata.name` is missing or wrong.
    pub fn read_from(location: &str, entity: Value) -> Result<Self, EnvelopeError> {
        let mut entity = Entity::from_value(entity)?;
        entity.set_annotation(annotation::MANAGED_BY_LOCATION, location);
        entity.set_annotation(annotation::MANAGED_BY_ORIGIN_LOCATION, location);
        Ok(Self { entity, location_key: Some(LocationKey::new(location)) })
    }

    /// With this location key.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.location_key = Some(LocationKey::new(key));
        self
    }
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

impl ConnectionError {
    /// If it was refused because it would have removed too much: how much.
    pub fn refused(&self) -> Option<&RemovalRefused> {
        self.0.downcast_ref()
    }
}

/// Why a provider could not do its work.
pub type ProviderError = Box<dyn std::error::Error + Send + Sync>;

/// A provider's line into the catalog. It may be used at any time, from any task, also concurrently; every
/// call is one transaction.
#[async_trait]
pub trait ProviderConnection: Send + Sync {
    /// Changes the provider's bucket. While the database is away, or cannot be written to, this is tried for a second or so.
    ///
    /// # Errors
    ///
    /// The database did not take it, or it would have removed more than the [guards](crate::RemovalGuards) allow; nothing
    /// was changed.
    async fn apply_mutation(&self, mutation: EntityMutation) -> Result<(), ConnectionError>;

    /// Has every entity processed soon that depends on one of these refresh keys.
    ///
    /// # Errors
    ///
    /// The database did not take it.
    async fn refresh(&self, keys: &[String]) -> Result<(), ConnectionError>;

    /// Runs tasks of the provider's own, beside the one that [`EntityProvider::schedule`] makes.
    fn scheduler(&self) -> Arc<dyn TaskScheduler>;

    /// Reads URLs with the access that the configuration gives.
    fn url_reader(&self) -> Arc<dyn UrlReader>;
}

/// A source of entities: it owns a bucket, named like itself, and says what is in it.
///
/// One that asks its source from time to time says when, and how:
///
/// ```
/// use std::time::Duration;
/// use callboard_sdk::{
///     DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError, ReadOptions,
///     TaskSchedule, async_trait,
/// };
///
/// struct Frobs;
///
/// #[async_trait]
/// impl EntityProvider for Frobs {
///     fn name(&self) -> &str {
///         "frobs"
///     }
///
///     fn schedule(&self) -> Option<TaskSchedule> {
///         Some(TaskSchedule::every(Duration::from_secs(1800), Duration::from_secs(600)))
///     }
///
///     async fn refresh(&self, connection: &dyn ProviderConnection) -> Result<(), ProviderError> {
///         let url = "https://frobs.example.com/data";
///         let answer = connection.url_reader().read(url, &ReadOptions::default()).await?;
///         let frobs: Vec<serde_json::Value> = answer.json()?;
///         let entities = frobs.into_iter().map(|frob| {
///             Ok(DeferredEntity::read_from(&format!("url:{url}"), frob)?.with_key("frobs"))
///         });
///         let entities = entities.collect::<Result<Vec<_>, ProviderError>>()?;
///         connection.apply_mutation(EntityMutation::Full(entities)).await?;
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait EntityProvider: Send + Sync {
    /// A unique name that stays the same over restarts.
    fn name(&self) -> &str;

    /// When [`refresh`](Self::refresh) is called, as a task named `<name>:refresh`; never, by default. The
    /// configuration may say otherwise, in `catalog.providers.<name>.schedule`.
    fn schedule(&self) -> Option<TaskSchedule> {
        None
    }

    /// Called once at start. A provider that learns of news by itself keeps the connection, and uses it whenever
    /// there are some; work that goes on belongs into a task of its own.
    ///
    /// # Errors
    ///
    /// Whatever kept it from starting; other providers start all the same.
    async fn connect(&self, _connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Called by the schedule: asks the source, and applies a mutation.
    ///
    /// # Errors
    ///
    /// Whatever kept it from that; it is called again at its next turn.
    async fn refresh(&self, _connection: &dyn ProviderConnection) -> Result<(), ProviderError> {
        Ok(())
    }
}
