//! Trying one entity.

use serde_json::{Value, json};

use crate::support::{World, component, component_with, location, url};

async fn errors(world: &World, entity: Value, at: &str) -> Vec<String> {
    match world.catalog().validate_entity(entity, at).await {
        Ok(()) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[tokio::test]
async fn an_entity_is_tried_without_being_stored() {
    let world = World::new().await.start().await;
    world.host.set("def.txt", "hello");
    world.host.set_entities("child.yaml", &[component("child")]);
    let at = format!("url:{}", url("x.yaml"));
    let text = |file: &str| component_with("x", "spec", "x", json!({ "$text": file }));
    let fine = [
        component("x"),
        component_with("x", "metadata", "annotations", Value::Null),
        component_with("x", "metadata", "annotations", "a"),
        text("./def.txt"),
        location("x", &json!({ "target": "./child.yaml" })),
        location("x", &json!({})),
    ];
    for entity in fine {
        assert_eq!(errors(&world, entity.clone(), &at).await, Vec::<String>::new(), "{entity}");
    }

    let mut found = Vec::new();
    let mut kindless = component("x");
    kindless["kind"] = json!("Frob");
    let annotation = json!({ "backstage.io/managed-by-location": "nope" });
    let bad = [
        json!({}),
        component_with("x", "spec", "lifecycle", Value::Null),
        component_with("a b", "metadata", "title", "x"),
        kindless,
        component_with("x", "metadata", "annotations", annotation),
        text("./nope.txt"),
        location("x", &json!({ "target": "./nope.yaml" })),
        location("x", &json!({ "type": "nope", "target": "x" })),
    ];
    for entity in bad {
        found.push(errors(&world, entity, &at).await);
    }
    for at in ["file:/x", "nope", "", "url:", "https://host/x.yaml"] {
        found.push(errors(&world, component("x"), at).await);
    }
    insta::assert_debug_snapshot!(found);
    assert!(world.catalog().unprocessed().await.unwrap().is_empty());
    assert_eq!(world.catalog().index().read().len(), 0);
    world.stop().await;
}
