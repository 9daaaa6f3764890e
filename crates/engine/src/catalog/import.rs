//! Registering and claiming what another server has.

use callboard_model::{Entity, EntityError, EntityRef, LocationKey, LocationPresence, LocationSpec};
use callboard_store::{LocationId, LocationRegistration, NewClaim, RegisteredLocation, Store, StoreError};
use jiff::Timestamp;
use serde_json::Value;

use super::locations::{bucket, generated_ref};
use crate::processing::outcome;
use crate::providers::location_store::registered_claim;

/// A location as it was elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct ImportedLocation<'a> {
    /// Its id.
    pub id: &'a str,
    /// `url`, mostly.
    pub location_type: &'a str,
    /// What to read.
    pub target: &'a str,
    /// Its Location entity; `None` for that which a registration makes today.
    pub entity_ref: Option<&'a EntityRef>,
}

/// A claim from the JSON of an entity that was claimed elsewhere.
///
/// # Errors
///
/// [`EntityError`]: it is no entity.
pub fn imported_claim(document: &[u8], key: Option<LocationKey>) -> Result<NewClaim, EntityError> {
    let value: Value =
        serde_json::from_slice(document).map_err(|error| EntityError::input(error.to_string()))?;
    Ok(outcome::claim(&Entity::from_value(value)?, key))
}

/// What became of a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It is registered now, under the id that it had.
    Added,
    /// This type and target were registered already, under whatever id.
    Present,
    /// It cannot be registered, for this reason.
    Refused(String),
}

/// Registers a location under the id that it has elsewhere. No engine has to run on the store; the next one reads the
/// location. In a dry run nothing is changed.
///
/// # Errors
///
/// [`StoreError`]; nothing was changed then.
pub async fn import_location(
    store: &dyn Store,
    location: ImportedLocation<'_>,
    now: Timestamp,
    dry_run: bool,
) -> Result<ImportOutcome, StoreError> {
    let ImportedLocation { id, location_type, target, entity_ref } = location;
    if store.location_by_target(location_type, target).await?.is_some() {
        return Ok(ImportOutcome::Present);
    }
    let Some(id) = LocationId::parse(id) else {
        return Ok(ImportOutcome::Refused(format!("its id {id:?} is no UUID")));
    };
    if let Some(other) = store.location(id).await? {
        let taken = format!("its id is that of {}:{}", other.location_type, other.target);
        return Ok(ImportOutcome::Refused(taken));
    }
    let spec = LocationSpec {
        location_type: location_type.to_owned(),
        target: target.to_owned(),
        presence: LocationPresence::Required,
    };
    let location = RegisteredLocation {
        id,
        entity_ref: entity_ref.cloned().unwrap_or_else(|| generated_ref(&spec)),
        location_type: spec.location_type,
        target: spec.target,
    };
    let claim = match registered_claim(&location) {
        Ok(claim) => claim,
        Err(error) => return Ok(ImportOutcome::Refused(error.message)),
    };
    if dry_run {
        return Ok(ImportOutcome::Added);
    }
    match store.add_location(location, &bucket(), claim, now).await? {
        LocationRegistration::Done(_) => Ok(ImportOutcome::Added),
        LocationRegistration::Taken(_) | LocationRegistration::Unknown => Ok(ImportOutcome::Present),
    }
}
