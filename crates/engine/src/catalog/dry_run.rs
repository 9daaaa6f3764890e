//! What registering a location would come to, without doing it.

use std::collections::HashSet;

use callboard_model::{Entity, EntityError, EntityRef, LocationRef, LocationSpec};

use super::locations::{LocationError, generated_ref};
use crate::core::Core;
use crate::processing::emissions::location_entity;
use crate::processing::run_cache::RunCache;

/// What registering a location would come to.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// Whether it is registered already.
    pub exists: bool,
    /// The location that was tried.
    pub location: LocationSpec,
    /// The Location entity that it would get.
    pub entity_ref: EntityRef,
    /// All entities it would bring in, the Location first, as they are after processing: without uid, etag and
    /// relations.
    pub entities: Vec<Entity>,
}

impl DryRun {
    /// What stands in for the id that a registered location has.
    pub fn id(&self) -> String {
        format!("{}:{}", self.location.location_type, self.location.target)
    }
}

pub(super) async fn dry_run(core: &Core, spec: LocationSpec) -> Result<DryRun, LocationError> {
    let at = LocationRef::new(&*spec.location_type, &*spec.target)
        .map_err(|error| LocationError::Invalid(error.into()))?;
    let registered = core.store.location_by_target(&spec.location_type, &spec.target).await?;
    let location = location_entity(&spec, None, &at, &at).map_err(LocationError::Invalid)?;
    let entities = process_all(core, location).await.map_err(LocationError::Processing)?;
    Ok(DryRun { exists: registered.is_some(), entity_ref: generated_ref(&spec), location: spec, entities })
}

/// Processes an entity and all that it brings in; what was emitted last comes first.
async fn process_all(core: &Core, first: Entity) -> Result<Vec<Entity>, Vec<EntityError>> {
    let limit = core.settings.processing.dry_run_entities;
    let mut todo = vec![first];
    let mut seen = HashSet::new();
    let mut entities = Vec::new();
    while let Some(entity) = todo.pop() {
        if entities.len() == limit {
            return Err(vec![EntityError::input(format!("The location has more than {limit} entities"))]);
        }
        let completed = core.pipeline.run(entity, &mut RunCache::default()).await?;
        let entity_ref = completed.entity.entity_ref();
        if !seen.insert(entity_ref.clone()) {
            return Err(vec![EntityError::input(format!("Duplicate nested entity: {entity_ref}"))]);
        }
        todo.extend(completed.emissions.children.into_iter().map(|child| child.entity));
        entities.push(completed.entity);
        // Many entities without I/O must not keep the thread from others.
        tokio::task::yield_now().await;
    }
    Ok(entities)
}
