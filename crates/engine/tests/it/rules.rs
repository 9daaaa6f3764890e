//! Which kinds may come from where.

use callboard_engine::{EngineSettings, Rule};
use serde_json::json;

use crate::support::{World, component, generated, location};

fn group(name: &str) -> serde_json::Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": { "name": name },
        "spec": { "type": "team", "children": [] },
    })
}

#[tokio::test]
async fn a_kind_that_is_not_allowed_keeps_its_whole_file_out() {
    let mut world = World::with_locations(&["mixed.yaml", "nested.yaml", "people.yaml"]).await;
    world.settings.rules = EngineSettings::default().rules;
    world.settings.locations[1].allow = vec!["group".to_owned()];
    world.host.set_entities("mixed.yaml", &[component("mixed"), group("mixed-g")]);
    world.host.set_entities("nested.yaml", &[location("nested", &json!({ "target": "./people2.yaml" }))]);
    world.host.set_entities("people.yaml", &[group("people")]);
    world.host.set_entities("people2.yaml", &[group("people2")]);
    let world = world.start().await;

    // What a registration allows, it allows for all below it.
    world.until_there(&["group:default/people2"]).await;
    let mut errors = world.until_unprocessed(&generated("mixed.yaml")).await;
    errors.extend(world.until_unprocessed(&generated("people.yaml")).await);
    insta::assert_debug_snapshot!(errors);
    assert!(world.entity("component:default/mixed").is_none());
    world.stop().await;
}

#[tokio::test]
async fn without_rules_nothing_is_let_in() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    world.settings.rules = Vec::<Rule>::new();
    world.host.set_entities("a.yaml", &[component("a")]);
    let world = world.start().await;
    let errors = world.until_unprocessed(&generated("a.yaml")).await;
    assert!(errors[0].starts_with("NotAllowedError: Entity component:default/a at url:"), "{errors:?}");
    world.stop().await;
}
