//! The locations that users registered, as entities.

use std::sync::Arc;

use callboard_model::{Entity, EntityError, LocationKey, LocationPresence, LocationRef, LocationSpec};
use callboard_sdk::{EntityProvider, ProviderConnection, ProviderError, async_trait};
use callboard_store::{MutationReport, NewClaim, ProviderName, RegisteredLocation, StoreError};
use thiserror::Error;

use crate::core::Core;
use crate::outage::Outage;
use crate::processing::emissions::location_entity;
use crate::processing::outcome::claim;

/// The name of its bucket.
pub(crate) const NAME: &str = "DefaultLocationStore";
/// A type that older servers wrote and nobody reads.
const BOOTSTRAP: &str = "bootstrap";

/// Puts the claims right at start; later changes write them together with the rows.
pub(crate) struct LocationStoreProvider {
    core: Arc<Core>,
}

impl LocationStoreProvider {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// `None` if somebody has registered or removed one meanwhile.
    async fn try_to_claim(&self) -> Result<Option<MutationReport>, ClaimError> {
        let Core { store, clock, .. } = &*self.core;
        let locations = store.locations().await?;
        let used = locations.iter().filter(|location| location.location_type != BOOTSTRAP);
        let claims = used.map(registered_claim).collect::<Result<Vec<_>, _>>()?;
        Ok(store.claim_locations(&locations, &ProviderName::new(NAME), claims, clock.now()).await?)
    }
}

#[derive(Debug, Error)]
enum ClaimError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Location(#[from] EntityError),
}

#[async_trait]
impl EntityProvider for LocationStoreProvider {
    fn name(&self) -> &str {
        NAME
    }

    async fn connect(&self, _connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        let mut outage = Outage::for_a_while(&self.core.database);
        loop {
            match self.try_to_claim().await {
                Ok(Some(report)) => {
                    self.core.changed(&report).await;
                    return Ok(());
                }
                Ok(None) => {}
                Err(ClaimError::Store(error)) if outage.outlasts(&error).await => {}
                Err(error) => return Err(error.into()),
            }
        }
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
