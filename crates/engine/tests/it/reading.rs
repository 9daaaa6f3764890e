//! Locations, what they bring in, and how that looks in the end.

use callboard_engine::EngineSettings;
use callboard_model::LocationKey;
use serde_json::json;

use crate::support::{World, component, component_with, generated, location, stable, url};

#[tokio::test]
async fn a_file_at_a_url_becomes_final_entities() {
    let world = World::with_locations(&["a.yaml"]).await;
    let entity = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": "Web-Site", "title": "The Site", "tags": ["java"] },
        "spec": {
            "type": "website", "lifecycle": "production", "owner": "guests", "system": "examples",
            "providesApis": ["z-api", "a-api"], "dependsOn": ["resource:db", "component:other"],
        },
    });
    world.host.set_entities("a.yaml", &[entity]);
    let world = world.start().await;
    world.until_there(&["component:default/web-site", &generated("a.yaml")]).await;
    insta::assert_snapshot!(stable(world.entity("component:default/web-site").unwrap()));
    insta::assert_snapshot!(stable(world.entity(&generated("a.yaml")).unwrap()));
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn relations_show_on_the_entities_they_point_at() {
    let world = World::with_locations(&["a.yaml"]).await;
    let group = json!({
        "apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": { "name": "team-a" },
        "spec": { "type": "team", "children": [] },
    });
    world.host.set_entities("a.yaml", &[component("a"), group, component("b")]);
    let world = world.start().await;
    world
        .until("the group owns both", |world| {
            let group = world.entity("group:default/team-a").unwrap_or_default();
            group["relations"]
                == json!([
                    { "type": "ownerOf", "targetRef": "component:default/a" },
                    { "type": "ownerOf", "targetRef": "component:default/b" },
                ])
        })
        .await;
    world.stop().await;
}

#[tokio::test]
async fn targets_are_relative_absolute_optional_nested_and_circular() {
    let world = World::with_locations(&["root.yaml"]).await;
    let host = &world.host;
    host.set_entities(
        "root.yaml",
        &[
            location("relative", &json!({ "targets": ["./dir/a.yaml", "dir/b.yaml", "../s/dir/c.yaml"] })),
            location("absolute", &json!({ "type": "url", "target": url("dir/d.yaml") })),
            location("both", &json!({ "target": "./dir/f.yaml", "targets": ["./dir/g.yaml"] })),
            location("optional", &json!({ "target": "./nope.yaml", "presence": "optional" })),
            location("nothing", &json!({})),
            location("itself", &json!({ "target": "./root.yaml" })),
            location("nested", &json!({ "target": "./dir/nested.yaml" })),
            location("required", &json!({ "target": "./nope.yaml" })),
            location("partly", &json!({ "targets": ["./dir/i.yaml", "./nope.yaml"] })),
            location("file-type", &json!({ "type": "file", "target": "/tmp/nope.yaml" })),
            location("odd-type", &json!({ "type": "odd", "target": "x" })),
        ],
    );
    for name in ["a", "b", "c", "d", "f", "g", "i"] {
        host.set_entities(&format!("dir/{name}.yaml"), &[component(name)]);
    }
    host.set_entities("dir/nested.yaml", &[location("deeper", &json!({ "target": "./deeper/x.yaml" }))]);
    host.set_entities("dir/deeper/x.yaml", &[component("deepest")]);
    let world = world.start().await;

    let there = ["relative", "absolute", "both", "optional", "nothing", "itself", "nested", "deeper"]
        .map(|name| format!("location:default/{name}"));
    world.until_there(&there.each_ref().map(String::as_str)).await;
    let components =
        ["a", "b", "c", "d", "f", "g", "deepest"].map(|name| format!("component:default/{name}"));
    world.until_there(&components.each_ref().map(String::as_str)).await;

    let errors = [
        (
            "required",
            "NotFoundError: Unable to read url, no matching files found for https://host/s/nope.yaml",
        ),
        ("partly", "NotFoundError: Unable to read url, no matching files found for https://host/s/nope.yaml"),
        ("file-type", "InputError: Registered locations must be of an allowed type [\"url\"]"),
        ("odd-type", "InputError: Registered locations must be of an allowed type [\"url\"]"),
    ];
    for (name, expected) in errors {
        let entity_ref = format!("location:default/{name}");
        assert_eq!(world.until_unprocessed(&entity_ref).await, [expected], "{name}");
    }
    assert!(world.entity("component:default/i").is_none(), "all targets are one unit");

    let ancestry = world
        .catalog()
        .ancestry(&crate::support::entity_ref("component:default/deepest"))
        .await
        .unwrap()
        .unwrap();
    let names: Vec<_> = ancestry.iter().map(|item| item.entity_ref.name().to_owned()).collect();
    assert_eq!(names[..3], ["deepest", "deeper", "nested"]);
    let root = ancestry.iter().find(|item| item.entity_ref.as_str() == generated("root.yaml")).unwrap();
    assert_eq!(ancestry[0].parent_refs, [crate::support::entity_ref("location:default/deeper")]);
    // It emits itself, through the Location that points back at its file.
    assert!(!root.parent_refs.contains(&root.entity_ref));
    let unknown = crate::support::entity_ref("component:default/unknown");
    assert_eq!(world.catalog().ancestry(&unknown).await.unwrap(), None);

    world.host.set_entities("nope.yaml", &[component("found")]);
    world
        .until_there(&["component:default/found", "location:default/required", "location:default/partly"])
        .await;
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn an_unchanged_file_is_not_read_again_and_nothing_is_written() {
    let world = World::with_locations(&["a.yaml"]).await;
    world.host.set_entities("a.yaml", &[component("a"), component("b")]);
    let world = world.start().await;
    world.until_there(&["component:default/a", "component:default/b", &generated("a.yaml")]).await;
    world.host.wait_for("a.yaml", |reads| reads.not_modified >= 1).await;
    let version = world.catalog().index().version();
    world.host.wait_for("a.yaml", |reads| reads.not_modified >= 3).await;
    assert_eq!(world.catalog().index().version(), version);
    assert!(world.entity("component:default/a").is_some());

    world.host.set_entities("a.yaml", &[component_with("a", "metadata", "title", "new"), component("c")]);
    world.until_there(&["component:default/c"]).await;
    world
        .until("the removed one is an orphan", |world| {
            world.entity("component:default/b").unwrap()["metadata"]["annotations"]["backstage.io/orphan"]
                == "true"
        })
        .await;
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn annotations_say_where_an_entity_was_read_whatever_its_author_wrote() {
    let world = World::with_locations(&["a.yaml"]).await;
    let mut entity = component("a");
    entity["metadata"]["annotations"] = json!({
        "backstage.io/managed-by-location": "url:http://elsewhere/x",
        "backstage.io/managed-by-origin-location": "url:http://elsewhere/y",
        "backstage.io/view-url": "https://elsewhere/view",
        "own": "1",
    });
    world.host.set_entities("a.yaml", &[entity, component_with("b", "metadata", "annotations", "text")]);
    let world = world.start().await;
    let errors = world.until_unprocessed(&generated("a.yaml")).await;
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("InputError: Entity component:default/b at url:"), "{errors:?}");

    let mut entity = component("a");
    entity["metadata"]["annotations"] = json!({
        "backstage.io/managed-by-location": "url:http://elsewhere/x",
        "backstage.io/view-url": "https://elsewhere/view",
        "own": "1",
    });
    world.host.set_entities("a.yaml", &[entity]);
    world.until_there(&["component:default/a"]).await;
    let annotations = world.entity("component:default/a").unwrap()["metadata"]["annotations"].clone();
    insta::assert_snapshot!(annotations);
    world.stop().await;
}

#[tokio::test]
async fn a_template_is_known_only_where_the_scaffolders_kinds_are() {
    let template = json!({
        "apiVersion": "scaffolder.backstage.io/v1beta3", "kind": "Template", "metadata": { "name": "t" },
        "spec": { "type": "x", "steps": [] },
    });
    for template_kind in [false, true] {
        let mut world = World::with_locations(&["a.yaml"]).await;
        world.settings = EngineSettings { template_kind, ..world.settings };
        world.settings.rules = vec![callboard_engine::Rule::allow_kinds(["Location", "Template"])];
        world.host.set_entities("a.yaml", std::slice::from_ref(&template));
        let world = world.start().await;
        if template_kind {
            world.until_there(&["template:default/t"]).await;
        } else {
            insta::assert_debug_snapshot!(world.until_unprocessed("template:default/t").await);
        }
        world.stop().await;
    }
}

#[tokio::test]
async fn the_location_key_is_the_location() {
    let world = World::with_locations(&["a.yaml"]).await;
    world.host.set("a.yaml", "kind: [\n");
    let world = world.start().await;
    let errors = world.until_unprocessed(&generated("a.yaml")).await;
    assert!(
        errors[0].starts_with("Error: YAML error at url:https://host/s/a.yaml, document 1, "),
        "{errors:?}"
    );
    assert!(errors[0].contains(", at line "), "{errors:?}");
    let states = world.catalog().unprocessed().await.unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].location_key, Some(LocationKey::new("url:https://host/s/a.yaml")));
    assert!(states[0].processed.is_none());

    assert!(world.catalog().delete_unprocessed(&states[0].uid.to_string()).await.unwrap());
    assert!(!world.catalog().delete_unprocessed("11111111-2222-4333-8444-555555555555").await.unwrap());
    world.stop().await;
}
