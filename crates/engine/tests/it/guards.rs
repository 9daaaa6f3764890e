//! Guards: a source that fails must not take its entities away.

use std::sync::Arc;

use callboard_engine::CatalogEvent;
use callboard_sdk::{ConnectionError, RemovalGuards, RemovalRefused};
use callboard_store::ProviderName;
use serde_json::Value;

use crate::puppet::Puppet;
use crate::support::{PATIENCE, World, component};

fn above(percentage: f64) -> RemovalGuards {
    RemovalGuards { reject_removals_above_percentage: percentage, ..RemovalGuards::default() }
}

fn entities(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| component(name)).collect()
}

async fn world(change: impl FnOnce(&mut World)) -> (World, Arc<Puppet>) {
    let mut world = World::new().await;
    let puppet = Puppet::new("puppet", entities(&["a", "b", "c", "d"]));
    world.registry.providers = vec![Arc::<Puppet>::clone(&puppet)];
    change(&mut world);
    let world = world.start().await;
    let refs = ["a", "b", "c", "d"].map(|name| format!("component:default/{name}"));
    world.until_there(&refs.each_ref().map(String::as_str)).await;
    (world, puppet)
}

fn refused(result: &Result<(), ConnectionError>) -> Option<RemovalRefused> {
    result.as_ref().err().and_then(|error| error.refused().copied())
}

#[tokio::test]
async fn a_removal_that_is_too_large_is_refused_until_it_is_confirmed() {
    let (world, puppet) = world(|world| world.settings.removal_guards = above(50.0)).await;
    let mut events = world.catalog().events();
    puppet.try_full(&entities(&["a", "b"])).await.unwrap();
    assert_eq!(refused(&puppet.try_full(&[]).await), Some(RemovalRefused { removed: 2, total: 2 }));
    assert!(world.entity("component:default/a").is_some(), "nothing was changed");

    let told = async {
        loop {
            if let CatalogEvent::RemovalRefused { provider, removed, total, .. } =
                events.recv().await.unwrap()
            {
                return (provider, removed, total);
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, told).await.unwrap(), ("puppet".to_owned(), 2, 2));
    let standing = world.catalog().refused_removals().await.unwrap();
    assert_eq!((standing.len(), standing[0].removed, standing[0].total), (1, 2, 2));

    assert!(!world.catalog().confirm_removals(&ProviderName::new("other")).await.unwrap());
    assert!(world.catalog().confirm_removals(&ProviderName::new("puppet")).await.unwrap());
    puppet.try_full(&[]).await.unwrap();
    assert!(world.entity("component:default/a").is_none());
    assert!(world.catalog().refused_removals().await.unwrap().is_empty());

    // It held for one change only.
    puppet.try_full(&entities(&["a", "b"])).await.unwrap();
    assert!(refused(&puppet.try_full(&[]).await).is_some());
    // And one that passes makes up for it.
    puppet.try_full(&entities(&["a", "b", "c"])).await.unwrap();
    assert!(world.catalog().refused_removals().await.unwrap().is_empty());
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn an_empty_answer_is_refused() {
    let guards = RemovalGuards { reject_empty_source_collections: true, ..RemovalGuards::default() };
    let (world, puppet) = world(|world| {
        world.settings.provider_guards.insert("puppet".to_owned(), guards);
    })
    .await;
    assert!(refused(&puppet.try_full(&[]).await).is_some());
    puppet.try_full(&entities(&["a"])).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn deltas_are_guarded_beyond_one_removal() {
    let (world, puppet) = world(|world| world.settings.removal_guards = above(30.0)).await;
    let refs = ["component:default/a", "component:default/b", "component:default/none"];
    assert_eq!(refused(&puppet.try_delta(&[], &refs).await), Some(RemovalRefused { removed: 2, total: 4 }));
    for name in ["component:default/a", "component:default/b"] {
        puppet.try_delta(&[], &[name]).await.unwrap();
    }
    world.stop().await;
}

#[tokio::test]
async fn guards_of_a_provider_go_before_those_of_all() {
    let (world, puppet) = world(|world| {
        world.settings.removal_guards = above(1.0);
        world.settings.provider_guards.insert("puppet".to_owned(), RemovalGuards::default());
    })
    .await;
    puppet.try_full(&[]).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn what_leaves_the_configuration_goes() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    world.settings.removal_guards = above(1.0);
    world.host.set_entities("a.yaml", &[component("a")]);
    let world = world.start().await;
    world.until_there(&["component:default/a"]).await;
    let mut world = world.stop().await;
    world.settings.locations.clear();
    let world = world.start().await;
    assert!(world.entity("component:default/a").is_none());
    world.stop().await;
}
