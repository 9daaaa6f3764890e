//! Registering, changing and finding locations.

use callboard_model::{
    EntityError, EntityRef, LocationRef, LocationSpec, annotation, generated_location_name,
};
use callboard_store::{LocationId, LocationRegistration, ProviderName, RegisteredLocation, StoreError};
use serde_json::Value;
use thiserror::Error;

use super::Catalog;
use super::dry_run::{DryRun, dry_run};
use crate::core::Core;
use crate::providers::location_store::{self, registered_claim};
use crate::settings::ConflictStrategy;

/// Why something could not be done with a location. Displays as what clients are told.
#[derive(Debug, Error)]
pub enum LocationError {
    /// Locations of this type cannot be registered. An `InputError`, status 400.
    #[error("{0}")]
    NotAllowedType(String),
    /// Another location has that type and target. A `ConflictError`, status 409.
    #[error("Location {}:{} already exists", .0.location_type, .0.target)]
    AlreadyExists(RegisteredLocation),
    /// There is no such location, or none for that entity. A `NotFoundError`, status 404.
    #[error("{0}")]
    NotFound(String),
    /// Changes are refused altogether. A `NotAllowedError`, status 403.
    #[error("This operation not allowed in readonly mode")]
    Readonly,
    /// It cannot be a location at all. An `InputError`, status 400.
    #[error("{}", .0.message)]
    Invalid(EntityError),
    /// The dry run came to errors. An `InputError`, status 400.
    #[error("{}", join(.0))]
    Processing(Vec<EntityError>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn join(errors: &[EntityError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Registered locations.
impl Catalog {
    /// The location with this id.
    ///
    /// # Errors
    ///
    /// [`LocationError::NotFound`], [`LocationError::Store`].
    pub async fn location(&self, id: &str) -> Result<RegisteredLocation, LocationError> {
        let unknown = || LocationError::NotFound(format!("Found no location with ID {id}"));
        let location = self.core.store.location(location_id(id)?).await?;
        location.ok_or_else(unknown)
    }

    /// The location whose registration led to an entity.
    ///
    /// # Errors
    ///
    /// [`LocationError::NotFound`], in words that say what is missing; [`LocationError::Store`].
    pub async fn location_by_entity(
        &self,
        entity_ref: &EntityRef,
    ) -> Result<RegisteredLocation, LocationError> {
        let hit = self.core.index.read().by_ref(entity_ref.as_str());
        let hit =
            hit.ok_or_else(|| LocationError::NotFound(format!("found no entity for ref {entity_ref}")))?;
        let origin = origin_location(&hit.body).ok_or_else(|| {
            LocationError::NotFound(format!("found no origin annotation for ref {entity_ref}"))
        })?;
        let (location_type, target) = (origin.location_type(), origin.target());
        self.core.store.location_by_target(location_type, target).await?.ok_or_else(|| {
            LocationError::NotFound(format!(
                "Found no location with type {location_type} and target {target}"
            ))
        })
    }

    /// Registers a location. It is read soon after; whether it can be read plays no part here.
    ///
    /// If it is registered already, `on_conflict` decides, or else the settings: it is refused, or read again.
    ///
    /// # Errors
    ///
    /// [`LocationError`].
    pub async fn add_location(
        &self,
        spec: LocationSpec,
        on_conflict: Option<ConflictStrategy>,
    ) -> Result<RegisteredLocation, LocationError> {
        self.check_change(&spec.location_type)?;
        self.register(spec, on_conflict).await
    }

    /// The same, whoever may change locations.
    pub(crate) async fn register(
        &self,
        spec: LocationSpec,
        on_conflict: Option<ConflictStrategy>,
    ) -> Result<RegisteredLocation, LocationError> {
        let location = RegisteredLocation {
            id: LocationId::random(),
            entity_ref: generated_ref(&spec),
            location_type: spec.location_type,
            target: spec.target,
        };
        let claim = registered_claim(&location).map_err(LocationError::Invalid)?;
        let now = self.core.clock.now();
        match self.core.store.add_location(location.clone(), &bucket(), claim, now).await? {
            LocationRegistration::Done(report) => {
                self.core.changed(&report).await;
                tracing::info!(
                    location_type = location.location_type,
                    target = location.target,
                    "registered a location"
                );
                Ok(location)
            }
            LocationRegistration::Taken(existing) => {
                match on_conflict.unwrap_or(self.core.settings.location_conflict_strategy) {
                    ConflictStrategy::Reject => Err(LocationError::AlreadyExists(existing)),
                    ConflictStrategy::Refresh => self.read_again(existing).await,
                }
            }
            LocationRegistration::Unknown => Err(not_found(location.id)),
        }
    }

    /// What registering a location would bring in; nothing is stored.
    ///
    /// # Errors
    ///
    /// [`LocationError::NotAllowedType`], [`LocationError::Invalid`], [`LocationError::Processing`],
    /// [`LocationError::Store`].
    pub async fn dry_run_location(&self, spec: LocationSpec) -> Result<DryRun, LocationError> {
        self.check_type(&spec.location_type)?;
        dry_run(&self.core, spec).await
    }

    /// Gives a location another type and target. Its entity keeps its ref; what it brought in goes, and what
    /// the new target has comes.
    ///
    /// # Errors
    ///
    /// [`LocationError`].
    pub async fn update_location(
        &self,
        id: &str,
        location_type: &str,
        target: &str,
    ) -> Result<RegisteredLocation, LocationError> {
        self.check_change(location_type)?;
        let present = self.location(id).await?;
        let location = RegisteredLocation {
            id: present.id,
            entity_ref: present.entity_ref,
            location_type: location_type.to_owned(),
            target: target.to_owned(),
        };
        let claim = registered_claim(&location).map_err(LocationError::Invalid)?;
        let now = self.core.clock.now();
        match self.core.store.update_location(location.clone(), &bucket(), claim, now).await? {
            LocationRegistration::Done(report) => {
                self.core.changed(&report).await;
                Ok(location)
            }
            LocationRegistration::Taken(other) if other.id == location.id => Ok(location),
            LocationRegistration::Taken(other) => Err(LocationError::AlreadyExists(other)),
            LocationRegistration::Unknown => Err(not_found(location.id)),
        }
    }

    /// Takes a location away, and with it everything that only it brought in.
    ///
    /// # Errors
    ///
    /// [`LocationError::Readonly`], [`LocationError::NotFound`], [`LocationError::Store`].
    pub async fn remove_location(&self, id: &str) -> Result<(), LocationError> {
        self.ensure_writable()?;
        self.unregister(location_id(id)?).await
    }

    /// The same, whoever may change locations.
    pub(crate) async fn unregister(&self, id: LocationId) -> Result<(), LocationError> {
        let report = self.core.store.remove_location(id, &bucket(), self.core.clock.now()).await?;
        let report = report.ok_or_else(|| not_found(id))?;
        self.core.changed(&report).await;
        tracing::info!(location = %id, entities = report.deleted, "removed a location");
        Ok(())
    }

    async fn read_again(&self, existing: RegisteredLocation) -> Result<RegisteredLocation, LocationError> {
        // Its entity may have been deleted by hand; the claim brings it back.
        let claim = registered_claim(&existing).map_err(LocationError::Invalid)?;
        let now = self.core.clock.now();
        let registration = self.core.store.update_location(existing.clone(), &bucket(), claim, now).await?;
        if let LocationRegistration::Done(report) = registration {
            self.core.changed(&report).await;
        }
        self.refresh(&existing.entity_ref).await?;
        Ok(existing)
    }

    fn check_change(&self, location_type: &str) -> Result<(), LocationError> {
        self.ensure_writable()?;
        self.check_type(location_type)
    }

    /// Whether locations may be changed at all, for those who want to know before they ask for more.
    ///
    /// # Errors
    ///
    /// [`LocationError::Readonly`].
    pub fn ensure_writable(&self) -> Result<(), LocationError> {
        if self.core.settings.readonly { Err(LocationError::Readonly) } else { Ok(()) }
    }

    fn check_type(&self, location_type: &str) -> Result<(), LocationError> {
        let pipeline = &self.core.pipeline;
        if pipeline.allows_type(location_type) {
            return Ok(());
        }
        Err(LocationError::NotAllowedType(pipeline.allowed_types_message()))
    }
}

pub(super) async fn all(core: &Core) -> Result<Vec<RegisteredLocation>, StoreError> {
    core.store.locations().await
}

/// The ref of the Location entity that stands for a location.
pub(super) fn generated_ref(spec: &LocationSpec) -> EntityRef {
    EntityRef::new("location", "default", &generated_location_name(&spec.location_type, &spec.target))
}

pub(super) fn bucket() -> ProviderName {
    ProviderName::new(location_store::NAME)
}

fn location_id(id: &str) -> Result<LocationId, LocationError> {
    LocationId::parse(id).ok_or_else(|| LocationError::NotFound(format!("Found no location with ID {id}")))
}

fn not_found(id: LocationId) -> LocationError {
    LocationError::NotFound(format!("Found no location with ID {id}"))
}

fn origin_location(body: &[u8]) -> Option<LocationRef> {
    let entity: Value = serde_json::from_slice(body).ok()?;
    let origin = entity.get("metadata")?.get("annotations")?.get(annotation::MANAGED_BY_ORIGIN_LOCATION)?;
    LocationRef::parse(origin.as_str()?).ok()
}
