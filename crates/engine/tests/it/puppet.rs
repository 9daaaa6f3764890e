//! A provider that a test has on strings.

use std::sync::Arc;

use callboard_model::{Entity, LocationKey};
use callboard_sdk::{
    ConnectionError, DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError,
    async_trait,
};
use parking_lot::Mutex;
use serde_json::Value;

use crate::support::entity_ref;

/// A provider that says what the test has it say.
#[derive(Default)]
pub(crate) struct Puppet {
    name: String,
    first: Vec<Value>,
    connection: Mutex<Option<Arc<dyn ProviderConnection>>>,
}

impl Puppet {
    pub(crate) fn new(name: &str, first: Vec<Value>) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), first, connection: Mutex::default() })
    }

    pub(crate) fn connection(&self) -> Arc<dyn ProviderConnection> {
        self.connection.lock().clone().expect("it is connected")
    }

    pub(crate) fn deferred(&self, entities: &[Value]) -> Vec<DeferredEntity> {
        let key = LocationKey::new(&self.name);
        entities
            .iter()
            .map(|entity| DeferredEntity { entity: located(entity), location_key: Some(key.clone()) })
            .collect()
    }

    pub(crate) async fn full(&self, entities: &[Value]) {
        self.try_full(entities).await.unwrap();
    }

    pub(crate) async fn try_full(&self, entities: &[Value]) -> Result<(), ConnectionError> {
        self.connection().apply_mutation(EntityMutation::Full(self.deferred(entities))).await
    }

    pub(crate) async fn delta(&self, added: &[Value], removed: &[&str]) {
        self.try_delta(added, removed).await.unwrap();
    }

    pub(crate) async fn try_delta(&self, added: &[Value], removed: &[&str]) -> Result<(), ConnectionError> {
        let removed = removed.iter().map(|text| entity_ref(text)).collect();
        let mutation = EntityMutation::Delta { added: self.deferred(added), removed };
        self.connection().apply_mutation(mutation).await
    }
}

/// With the annotations that say where it comes from.
pub(crate) fn located(entity: &Value) -> Entity {
    let mut entity = Entity::from_value(entity.clone()).unwrap();
    for key in ["backstage.io/managed-by-location", "backstage.io/managed-by-origin-location"] {
        entity.set_annotation(key, "puppet:stage");
    }
    entity
}

#[async_trait]
impl EntityProvider for Puppet {
    fn name(&self) -> &str {
        &self.name
    }

    async fn connect(&self, connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        *self.connection.lock() = Some(Arc::clone(&connection));
        connection.apply_mutation(EntityMutation::Full(self.deferred(&self.first))).await?;
        Ok(())
    }
}
