//! Providers: what they say, what becomes of it, and of them.

use std::sync::Arc;

use callboard_engine::OrphanStrategy;
use callboard_model::Entity;
use callboard_sdk::{
    DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError, async_trait,
};
use serde_json::json;

use crate::puppet::Puppet;
use crate::support::{World, component, titled};

struct Failing;

#[async_trait]
impl EntityProvider for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    async fn connect(&self, _connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        Err("no".into())
    }
}

struct Panicking;

#[async_trait]
impl EntityProvider for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    async fn connect(&self, _connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        panic!("no")
    }
}

#[tokio::test]
async fn mutations_are_taken_up_at_once_and_rules_do_not_apply() {
    let mut world = World::new().await;
    world.settings.rules = Vec::new();
    let puppet = Puppet::new("puppet", vec![component("a"), component("b")]);
    world.registry.providers = vec![Arc::new(Failing), Arc::new(Panicking), Arc::<Puppet>::clone(&puppet)];
    let world = world.start().await;
    world.until_there(&["component:default/a", "component:default/b"]).await;

    puppet
        .delta(&[component("c"), titled("a", "new")], &["component:default/b", "component:default/none"])
        .await;
    assert!(world.entity("component:default/b").is_none(), "gone when the call returns");
    world.until_there(&["component:default/c"]).await;
    world
        .until("the change shows", |world| {
            world.entity("component:default/a").unwrap()["metadata"]["title"] == "new"
        })
        .await;
    puppet.full(&[component("c")]).await;
    assert!(world.entity("component:default/a").is_none());
    assert!(world.entity("component:default/c").is_some());
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn an_entity_without_its_location_fails_in_processing() {
    let mut world = World::new().await;
    let puppet = Puppet::new("puppet", Vec::new());
    world.registry.providers = vec![Arc::<Puppet>::clone(&puppet)];
    let world = world.start().await;
    let bare = DeferredEntity { entity: Entity::from_value(component("a")).unwrap(), location_key: None };
    puppet.connection().apply_mutation(EntityMutation::Full(vec![bare])).await.unwrap();
    insta::assert_debug_snapshot!(world.until_unprocessed("component:default/a").await);
    world.stop().await;
}

#[tokio::test]
async fn providers_are_known_by_name_and_those_that_are_gone_are_evicted() {
    let mut world = World::new().await;
    let first = Puppet::new("one", vec![component("a")]);
    let other = Puppet::new("two", vec![component("b")]);
    world.registry.providers = vec![first, other];
    let world = world.start().await;
    world.until_there(&["component:default/a", "component:default/b"]).await;

    // Disabled is as good as gone.
    let mut world = world.stop().await;
    world.settings.disabled_providers = vec!["two".to_owned()];
    world.settings.orphan_provider_strategy = OrphanStrategy::Keep;
    let mut world = world.restart().await.stop().await;
    world.settings.orphan_provider_strategy = OrphanStrategy::Delete;
    let kept = world.start().await;
    assert!(kept.entity("component:default/b").is_none(), "gone when the start is over");
    assert!(kept.entity("component:default/a").is_some());
    kept.check().await;
    kept.stop().await;
}

#[tokio::test]
async fn refresh_keys_have_entities_read_again() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    world.settings.processing_interval = Some(crate::support::every(std::time::Duration::from_hours(1)));
    let puppet = Puppet::new("puppet", Vec::new());
    world.registry.providers = vec![Arc::<Puppet>::clone(&puppet)];
    world.host.set_entities("a.yaml", &[titled("a", "v1")]);
    let world = world.start().await;
    world.until_there(&["component:default/a"]).await;
    world.host.set_entities("a.yaml", &[titled("a", "v2")]);
    puppet.connection().refresh(&[format!("url:{}", crate::support::url("a.yaml"))]).await.unwrap();
    world
        .until("it is read again", |world| {
            world.entity("component:default/a").unwrap()["metadata"]["title"] == "v2"
        })
        .await;
    world.stop().await;
}

#[tokio::test]
async fn orphans_are_swept() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    world.settings.orphan_strategy = OrphanStrategy::Delete;
    world.settings.orphan_sweep_interval = std::time::Duration::from_millis(100);
    world.host.set_entities("a.yaml", &[component("a"), component("b")]);
    let world = world.start().await;
    world.until_there(&["component:default/a", "component:default/b"]).await;
    world.host.set_entities("a.yaml", &[component("a")]);
    world.until("the orphan is gone", |world| world.entity("component:default/b").is_none()).await;
    assert_eq!(world.entity("component:default/a").unwrap()["kind"], json!("Component"));
    world.check().await;
    world.stop().await;
}
