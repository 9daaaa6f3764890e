//! The locations that users registered, as entities.

use std::sync::Arc;

use callboard_model::{Entity, EntityError, LocationKey, LocationPresence, LocationRef, LocationSpec};
use callboard_sdk::{
    DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError, async_trait,
};
use callboard_store::{NewClaim, RegisteredLocation, Store};

use crate::processing::emissions::location_entity;
use crate::processing::outcome::claim;

/// The name of its bucket.
pub(crate) const NAME: &str = "DefaultLocationStore";
/// A type that older servers wrote and nobody reads.
const BOOTSTRAP: &str = "bootstrap";

/// Puts the claims right at start; later changes write them together with the rows.
pub(crate) struct LocationStoreProvider {
    store: Arc<dyn Store>,
}

impl LocationStoreProvider {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl EntityProvider for LocationStoreProvider {
    fn name(&self) -> &str {
        NAME
    }

    async fn connect(&self, connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        let locations = self.store.locations().await?;
        let entities = locations
            .iter()
            .filter(|location| location.location_type != BOOTSTRAP)
            .map(|location| {
                let (entity, key) = registered(location)?;
                Ok(DeferredEntity { entity, location_key: Some(key) })
            })
            .collect::<Result<Vec<_>, EntityError>>()?;
        connection.apply_mutation(EntityMutation::Full(entities)).await?;
        Ok(())
    }
}

/// The claim of a registered location.
pub(crate) fn registered_claim(location: &RegisteredLocation) -> Result<NewClaim, EntityError> {
    let (entity, key) = registered(location)?;
    Ok(claim(&entity, Some(key)))
}

/// Its name was given with its first target, and does not change with it.
fn registered(location: &RegisteredLocation) -> Result<(Entity, LocationKey), EntityError> {
    let at = LocationRef::new(&*location.location_type, &*location.target)?;
    let spec = LocationSpec {
        location_type: location.location_type.clone(),
        target: location.target.clone(),
        presence: LocationPresence::Required,
    };
    let entity = location_entity(&spec, Some(location.entity_ref.name()), &at, &at)?;
    Ok((entity, LocationKey::from(&at)))
}
