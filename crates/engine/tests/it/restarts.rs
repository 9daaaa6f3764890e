//! The same store, another process.

use std::time::Duration;

use serde_json::json;

use crate::support::{Answer, World, component, component_with, generated, titled, url};

#[tokio::test]
async fn a_restart_keeps_everything_and_shows_it_at_once() {
    let world = World::with_locations(&["a.yaml"]).await;
    let depends = component_with("b", "spec", "dependsOn", json!(["component:a"]));
    world.host.set_entities("a.yaml", &[component("a"), depends]);
    let world = world.start().await;
    world
        .until("all is settled", |world| {
            let relations = world.entity("component:default/a").unwrap_or_default()["relations"].clone();
            relations.as_array().is_some_and(|relations| relations.len() == 2)
                && world.entity(&generated("a.yaml")).is_some()
        })
        .await;
    let before = world.entity("component:default/a");
    let world = world.restart().await;
    assert!(world.catalog().is_ready());
    assert_eq!(world.entity("component:default/a"), before, "uid and etag included");

    let world = world.stop().await;
    world.host.set_entities("a.yaml", &[titled("a", "changed while down")]);
    let world = world.start().await;
    world
        .until("the change is seen", |world| {
            world.entity("component:default/a").unwrap()["metadata"]["title"] == "changed while down"
        })
        .await;
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn a_location_that_left_the_configuration_takes_its_entities_along() {
    let world = World::with_locations(&["one.yaml", "two.yaml"]).await;
    world.host.set_entities("one.yaml", &[component("one")]);
    world.host.set_entities("two.yaml", &[component("two")]);
    let world = world.start().await;
    world.until_there(&["component:default/one", "component:default/two"]).await;
    let mut world = world.stop().await;
    world.settings.locations.pop();
    let world = world.start().await;
    assert!(world.entity("component:default/two").is_none(), "gone at once");
    assert!(world.entity("component:default/one").is_some());
    world.stop().await;
}

#[tokio::test]
async fn what_was_in_flight_at_a_stop_is_taken_up_again() {
    let mut world = World::with_locations(&["hangs.yaml"]).await;
    world.settings.processing.read_timeout = Duration::from_millis(500);
    world.host.answer("hangs.yaml", Answer::Nothing);
    let world = world.start().await;
    world.host.wait_for("hangs.yaml", |reads| reads.total >= 1).await;
    let world = world.stop().await;
    world.host.set_entities("hangs.yaml", &[component("a")]);
    let world = world.start().await;
    world.until_there(&["component:default/a"]).await;
    world.stop().await;
}

#[tokio::test]
async fn without_processing_the_api_still_works() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    world.settings.processing_interval = None;
    world.host.set_entities("a.yaml", &[component("a")]);
    let world = world.start().await;
    let catalog = world.catalog();
    let spec = callboard_model::LocationSpec {
        location_type: "url".to_owned(),
        target: url("b.yaml"),
        presence: callboard_model::LocationPresence::Required,
    };
    catalog.add_location(spec, None).await.unwrap();
    assert_eq!(catalog.locations().await.unwrap().len(), 1);
    assert_eq!(catalog.unprocessed().await.unwrap().len(), 2);
    assert!(catalog.validate_entity(component("x"), "url:https://host/x").await.is_ok());
    assert_eq!(world.host.reads("a.yaml").total, 0);
    assert_eq!(catalog.index().read().len(), 0);
    world.stop().await;
}
