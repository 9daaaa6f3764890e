//! What breaks keeps its last good form, with an error where it belongs, until it is mended.

use serde_json::{Value, json};

use crate::support::{World, component, component_with, documents, generated, titled};

#[tokio::test]
async fn a_file_that_breaks_is_an_error_of_its_location() {
    let world = World::with_locations(&["a.yaml"]).await;
    world.host.set_entities("a.yaml", &[titled("a", "good"), component("a2")]);
    let world = world.start().await;
    world.until_there(&["component:default/a", "component:default/a2"]).await;
    let at = generated("a.yaml");
    world.until_fine(&at).await;

    let breakages: [(&str, &dyn Fn()); 6] = [
        ("Error", &|| world.host.set("a.yaml", "kind: [\n")),
        ("NotFoundError", &|| world.host.remove("a.yaml")),
        ("Error", &|| world.host.fail("a.yaml", "500 internal server error")),
        ("TypeError", &|| {
            let nameless = component_with("z", "metadata", "name", Value::Null);
            world.host.set_entities("a.yaml", &[titled("a", "new"), nameless]);
        }),
        ("Error", &|| {
            world.host.set("a.yaml", format!("{}\n---\nkind: [\n", documents(&[titled("a", "new")])));
        }),
        ("Error", &|| world.host.set("a.yaml", "<html></html>\n")),
    ];
    for (round, (expected, breaks)) in breakages.iter().enumerate() {
        breaks();
        let errors = world.until_failed(&at).await;
        assert!(errors[0].starts_with(&format!("{expected}: ")), "{errors:?}");
        for entity_ref in ["component:default/a", "component:default/a2"] {
            let entity = world.entity(entity_ref).unwrap();
            assert!(entity.get("status").is_none() && entity["metadata"]["title"] != "new", "{entity}");
            assert!(entity["metadata"]["annotations"].get("backstage.io/orphan").is_none(), "{entity}");
        }
        let title = format!("after round {round}");
        world.host.set_entities("a.yaml", &[titled("a", &title), component("a2")]);
        world
            .until("it is mended", |world| {
                world.errors(&at).is_empty()
                    && world.entity("component:default/a").unwrap()["metadata"]["title"] == title
            })
            .await;
    }
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn an_entity_that_is_not_valid_has_the_error_itself() {
    let world = World::with_locations(&["b.yaml"]).await;
    world.host.set_entities("b.yaml", &[titled("b", "good")]);
    let world = world.start().await;
    let b = "component:default/b";
    world.until_there(&[b]).await;

    let mut foreign = titled("b", "bad");
    foreign["extra"] = json!(1);
    let mut version = titled("b", "bad");
    version["apiVersion"] = json!("acme.test/v1");
    let cases = [
        component_with("b", "spec", "type", 5),
        component_with("b", "metadata", "tags", json!(["Bad Tag"])),
        foreign,
        version,
        component_with("b", "spec", "dependsOn", json!(["without-a-kind"])),
        component_with("b", "spec", "x", json!({ "$text": "./nope.txt" })),
    ];
    let mut all_errors = Vec::new();
    for (round, broken) in cases.into_iter().enumerate() {
        world.host.set_entities("b.yaml", &[broken]);
        all_errors.extend(world.until_failed(b).await);
        assert_ne!(world.entity(b).unwrap()["metadata"]["title"], "bad");
        let title = format!("after round {round}");
        world.host.set_entities("b.yaml", &[titled("b", &title)]);
        world
            .until("it is mended", |world| {
                world.errors(b).is_empty() && world.entity(b).unwrap()["metadata"]["title"] == title
            })
            .await;
    }
    insta::assert_debug_snapshot!(all_errors);
    world.stop().await;
}

#[tokio::test]
async fn keys_that_differ_in_case_only_never_come_to_be_seen() {
    let world = World::with_locations(&["a.yaml"]).await;
    world.host.set_entities("a.yaml", &[component_with("a", "spec", "Type", "x"), component("b")]);
    let world = world.start().await;
    world.until_there(&["component:default/b"]).await;
    let errors = world.until_unprocessed("component:default/a").await;
    assert_eq!(errors, ["InputError: Entity has duplicate keys that vary only in casing, 'spec.type'"]);
    assert!(world.entity("component:default/a").is_none());
    world.stop().await;
}
