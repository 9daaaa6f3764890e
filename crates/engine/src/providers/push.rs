//! A provider that is told of its entities by requests.

use callboard_model::{Entity, EntityRef, LocationKey, annotation};
use callboard_sdk::{DeferredEntity, EntityMutation, EntityProvider};
use tokio::sync::Mutex;

/// A provider that is told of its entities by requests: see [`Catalog::push`](crate::Catalog::push).
#[derive(Debug)]
pub struct PushProvider {
    name: String,
    location_key: LocationKey,
    /// So that what was compared is what is changed.
    pub(crate) one_at_a_time: Mutex<()>,
}

impl PushProvider {
    /// A provider of this name. Its location key is `push:<name>` unless another one is given.
    pub fn new(name: impl Into<String>, location_key: Option<LocationKey>) -> Self {
        let name = name.into();
        let location_key = location_key.unwrap_or_else(|| LocationKey::new(&origin(&name)));
        Self { name, location_key, one_at_a_time: Mutex::default() }
    }

    /// The location that its entities are from, if they name none: `push:<name>`.
    pub fn origin(&self) -> String {
        origin(&self.name)
    }

    /// These entities in place of all that it has.
    pub fn replacement(&self, entities: Vec<Entity>) -> EntityMutation {
        EntityMutation::Full(self.deferred(entities))
    }

    /// Some entities come or change, some go.
    pub fn delta(&self, added: Vec<Entity>, removed: Vec<EntityRef>) -> EntityMutation {
        EntityMutation::Delta { added: self.deferred(added), removed }
    }

    fn deferred(&self, entities: Vec<Entity>) -> Vec<DeferredEntity> {
        let origin = self.origin();
        let deferred = |mut entity: Entity| {
            for key in [annotation::MANAGED_BY_LOCATION, annotation::MANAGED_BY_ORIGIN_LOCATION] {
                if entity.annotation(key).is_none() {
                    entity.set_annotation(key, &origin);
                }
            }
            DeferredEntity { entity, location_key: Some(self.location_key.clone()) }
        };
        entities.into_iter().map(deferred).collect()
    }
}

fn origin(name: &str) -> String {
    format!("push:{name}")
}

/// Being there keeps its entities; they come by [`Catalog::push`](crate::Catalog::push).
impl EntityProvider for PushProvider {
    fn name(&self) -> &str {
        &self.name
    }
}
