//! The locations of the configuration, as entities.

use std::sync::Arc;

use callboard_model::{EntityError, LocationKey, LocationPresence, LocationRef, LocationSpec};
use callboard_sdk::{
    DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError, async_trait,
};

use crate::processing::emissions::location_entity;
use crate::settings::EngineSettings;

/// The name of its bucket.
pub(crate) const NAME: &str = "ConfigLocationProvider";

pub(crate) struct ConfigLocationProvider {
    locations: Vec<LocationSpec>,
}

impl ConfigLocationProvider {
    pub(crate) fn new(settings: &EngineSettings) -> Self {
        let locations = settings.locations.iter().map(|location| LocationSpec {
            location_type: location.location_type.clone(),
            target: location.absolute_target(&settings.working_directory),
            presence: LocationPresence::Required,
        });
        Self { locations: locations.collect() }
    }
}

#[async_trait]
impl EntityProvider for ConfigLocationProvider {
    fn name(&self) -> &str {
        NAME
    }

    async fn connect(&self, connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        let mut entities = Vec::with_capacity(self.locations.len());
        for location in &self.locations {
            match registered(location) {
                Ok(entity) => entities.push(entity),
                // One bad line must not take the others' entities away.
                Err(error) => tracing::error!(
                    location = %format_args!("{}:{}", location.location_type, location.target),
                    "a location of the configuration is left out: {error}"
                ),
            }
        }
        connection.apply_mutation(EntityMutation::Full(entities)).await?;
        Ok(())
    }
}

/// The Location entity of a location that somebody put in, rather than another entity.
fn registered(location: &LocationSpec) -> Result<DeferredEntity, EntityError> {
    let at = LocationRef::new(&*location.location_type, &*location.target)?;
    Ok(DeferredEntity {
        entity: location_entity(location, None, &at, &at)?,
        location_key: Some(LocationKey::from(&at)),
    })
}
