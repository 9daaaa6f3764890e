//! `$text`, `$json` and `$yaml`, where they work and where they do not.

use std::sync::Arc;

use callboard_model::EntityError;
use callboard_sdk::{PlaceholderContext, PlaceholderResolver, async_trait};
use serde_json::{Value, json};

use crate::support::{World, component_with, url};

#[tokio::test]
async fn placeholders_are_replaced_and_followed() {
    let world = World::with_locations(&["all.yaml"]).await;
    let spec = json!({
        "text": { "$text": "./files/def.txt" },
        "absolute": { "$text": url("files/def.txt") },
        "json": { "$json": "./files/value.json" },
        "yaml": { "$yaml": "./files/value.yaml" },
        "list": [{ "$text": "./files/def.txt" }, "plain", { "nested": { "$json": "./files/list.json" } }],
        "two": { "$text": "./files/def.txt", "other": 1 },
        "unknown": { "$nope": "x" },
        "dollar": { "$": "x" },
        "inner": { "$text": { "a": 1 }, "b": { "$text": "./files/def.txt" } },
    });
    world.host.set_entities("all.yaml", &[component_with("a", "spec", "x", spec)]);
    world.host.set("files/def.txt", "some text\n");
    world.host.set("files/value.json", r#"{"a": [1, 2.5, null], "b": {"$text": "not resolved"}}"#);
    world.host.set("files/list.json", r#"["x"]"#);
    world.host.set("files/value.yaml", "a: &x\n  b: 1\nc: *x\n");
    let world = world.start().await;
    world.until_there(&["component:default/a"]).await;
    let x = world.entity("component:default/a").unwrap()["spec"]["x"].clone();
    insta::assert_snapshot!(x);

    world.host.set("files/def.txt", "other text");
    world
        .until("the new text shows", |world| {
            world.entity("component:default/a").unwrap()["spec"]["x"]["text"] == "other text"
        })
        .await;
    world.host.remove("files/def.txt");
    let errors = world.until_failed("component:default/a").await;
    insta::assert_debug_snapshot!(errors);
    world.stop().await;
}

#[tokio::test]
async fn placeholders_that_cannot_be_resolved_fail_the_entity() {
    let cases = [
        ("missing", json!({ "$text": "./nope.txt" })),
        ("badjson", json!({ "$json": "./def.txt" })),
        ("badyaml", json!({ "$yaml": "./bad.yaml" })),
        ("manyyaml", json!({ "$yaml": "./many.yaml" })),
        ("number", json!({ "$text": 5 })),
    ];
    let world = World::with_locations(&["all.yaml"]).await;
    let entities: Vec<Value> =
        cases.iter().map(|(name, value)| component_with(name, "spec", "x", value.clone())).collect();
    world.host.set_entities("all.yaml", &entities);
    world.host.set("def.txt", "some text");
    world.host.set("bad.yaml", "a: [");
    world.host.set("many.yaml", "a: 1\n---\nb: 2\n");
    let world = world.start().await;
    let mut errors = Vec::new();
    for (name, _) in cases {
        errors.extend(world.until_unprocessed(&format!("component:default/{name}")).await);
    }
    insta::assert_debug_snapshot!(errors);
    world.stop().await;
}

struct Shout;

#[async_trait]
impl PlaceholderResolver for Shout {
    async fn resolve(
        &self,
        key: &str,
        value: &Value,
        context: &dyn PlaceholderContext,
    ) -> Result<Value, EntityError> {
        context.emit().refresh_key("shout");
        Ok(format!("{key}: {}!", value.as_str().unwrap_or_default()).into())
    }
}

#[tokio::test]
async fn resolvers_of_ones_own_join_in_and_stand_in() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    for key in ["shout", "text"] {
        world.registry.placeholders.push((key.to_owned(), Arc::new(Shout)));
    }
    let spec = json!([{ "$shout": "a" }, { "$text": "b" }]);
    world.host.set_entities("a.yaml", &[component_with("a", "spec", "x", spec)]);
    let world = world.start().await;
    world.until_there(&["component:default/a"]).await;
    let x = world.entity("component:default/a").unwrap()["spec"]["x"].clone();
    assert_eq!(x, json!(["shout: a!", "text: b!"]));
    world.stop().await;
}
