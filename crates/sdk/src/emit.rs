use std::sync::Mutex;

use callboard_model::{
    Entity, EntityError, LocationKey, LocationRef, LocationSpec, RefDefaults, Relation, parse_ref,
};
use serde_json::Value;

/// The location key of an emitted entity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ChildKey {
    /// The location it was emitted with: what nearly everybody wants.
    #[default]
    Location,
    /// No key: any other source may take the entity over.
    None,
    /// This one.
    Key(LocationKey),
}

/// Something that came out of a processing run beside the entity itself.
#[derive(Debug, Clone)]
pub enum Emission {
    /// Another entity, to be claimed by the one that is being processed. It is checked when the run ends; one
    /// that is not an entity becomes an error of this run.
    Entity {
        /// Where it was read from.
        location: LocationRef,
        /// The entity, as read.
        entity: Value,
        /// Its location key.
        key: ChildKey,
    },
    /// Another location, which becomes a Location entity of its own.
    Location(LocationSpec),
    /// A relation between any two entities.
    Relation(Relation),
    /// Something that went wrong. The run goes on, so that other errors are found too, and fails in the end.
    Error(EntityError),
    /// The entity is to be refreshed when whatever this key stands for changes, e.g. `url:https://host/file`.
    RefreshKey(String),
}

/// Takes what a hook emits.
///
/// ```
/// use callboard_sdk::{Emission, Emit};
///
/// let emit = Emit::default();
/// emit.refresh_key("url:https://example.com/catalog-info.yaml");
/// assert!(matches!(emit.take().as_slice(), [Emission::RefreshKey(_)]));
/// ```
#[derive(Debug, Default)]
pub struct Emit {
    emissions: Mutex<Vec<Emission>>,
}

impl Emit {
    /// Emits anything.
    pub fn emit(&self, emission: Emission) {
        self.lock().push(emission);
    }

    /// Emits an entity that was read from `location`, which is also its location key.
    pub fn entity(&self, location: LocationRef, entity: Value) {
        self.emit(Emission::Entity { location, entity, key: ChildKey::Location });
    }

    /// Emits an entity that was read from the location that a processor was given; an error, if that is none.
    pub fn entity_from(&self, location: &LocationSpec, entity: Value) {
        match LocationRef::new(&*location.location_type, &*location.target) {
            Ok(location) => self.entity(location, entity),
            Err(error) => self.error(error.into()),
        }
    }

    /// Emits a location to be read.
    pub fn location(&self, location: LocationSpec) {
        self.emit(Emission::Location(location));
    }

    /// Emits a relation.
    pub fn relation(&self, relation: Relation) {
        self.emit(Emission::Relation(relation));
    }

    /// Emits a relation from an entity to another, such as `group:guests` or `resource:default/tickets`. A ref without a
    /// namespace is taken to be in that of the entity. What is no ref becomes an error.
    pub fn relate(&self, entity: &Entity, relation_type: &str, target: &str) {
        let source = entity.compound_ref();
        let defaults = RefDefaults { namespace: Some(&source.namespace), ..RefDefaults::default() };
        match parse_ref(target, &defaults) {
            Ok(target) => {
                self.relation(Relation { source, relation_type: relation_type.to_owned(), target });
            }
            Err(error) => self.error(error.into()),
        }
    }

    /// Emits an error: the run goes on and fails in the end.
    pub fn error(&self, error: EntityError) {
        self.emit(Emission::Error(error));
    }

    /// Emits a refresh key.
    pub fn refresh_key(&self, key: impl Into<String>) {
        self.emit(Emission::RefreshKey(key.into()));
    }

    /// All that was emitted since the last call, in order.
    pub fn take(&self) -> Vec<Emission> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Emission>> {
        // A hook that panicked while it emitted left the list whole: pushing is all that happens under the lock.
        self.emissions.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
