//! Trying one entity without storing anything.

use callboard_model::{Entity, EntityError, LocationRef, annotation};
use serde_json::{Map, Value};

use super::Catalog;
use crate::processing::run_cache::RunCache;

impl Catalog {
    /// Processes an entity as if it had been read at `location`, a `url:` location ref, and stores nothing.
    ///
    /// The location itself is not read, but what the entity refers to is.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, or with the location ref.
    pub async fn validate_entity(&self, entity: Value, location: &str) -> Result<(), Vec<EntityError>> {
        let entity = prepared(entity, location).map_err(|error| vec![error])?;
        self.core.pipeline.run(entity, &mut RunCache::default()).await.map(|_| ())
    }

    /// Whether this has the outline of an entity, and `location` is one that [`Catalog::validate_entity`] takes. Costs
    /// nothing, so it can come before the question who may ask for more.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn check_outline(&self, entity: &Value, location: &str) -> Result<(), EntityError> {
        prepared(entity.clone(), location).map(drop)
    }
}

/// The entity with annotations that say where it was read, unless it says so itself.
fn prepared(entity: Value, location: &str) -> Result<Entity, EntityError> {
    let entity = Entity::from_value(entity)?;
    let parsed = LocationRef::parse(location)?;
    if parsed.location_type() != "url" {
        return Err(EntityError::type_error(format!(
            "Invalid location ref {location}, only 'url:<target>' is supported, e.g. url:https://host/path"
        )));
    }
    let mut annotations: Map<String, Value> =
        [annotation::MANAGED_BY_LOCATION, annotation::MANAGED_BY_ORIGIN_LOCATION]
            .into_iter()
            .map(|key| (key.to_owned(), Value::from(location)))
            .collect();
    // Anything but an object gives way, as in the plain catalog.
    if let Some(own) = entity.annotations() {
        annotations.extend(own.clone());
    }
    let mut entity = entity;
    entity.set_metadata("annotations", Value::Object(annotations))?;
    Ok(entity)
}
