//! Locations of type `file`.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::support::{World, component, component_with, config_location, documents, location, titled};

fn write(directory: &TempDir, path: &str, content: impl AsRef<[u8]>) {
    let path = directory.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn generated(directory: &Path, target: &str) -> String {
    let target = directory.join(target);
    format!("location:default/{}", callboard_model::generated_location_name("file", target.to_str().unwrap()))
}

#[tokio::test]
async fn files_and_patterns_are_read_and_followed() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory, "one.yaml", documents(&[component("one")]));
    write(
        &directory,
        "root.yaml",
        documents(&[
            location("root", &json!({ "targets": ["./sub/a.yaml", "./sub/b.yaml"] })),
            location("root-type", &json!({ "type": "file", "target": "./sub/c.yaml" })),
            location("slash", &json!({ "target": "./sub/" })),
        ]),
    );
    for name in ["a", "b", "c"] {
        write(&directory, &format!("sub/{name}.yaml"), documents(&[component(name)]));
    }
    write(&directory, "globbed/x/info.yaml", documents(&[component("x")]));
    write(&directory, "globbed/y/info.yaml", documents(&[component("y")]));
    write(&directory, "globbed/y/other.yaml", documents(&[component("other")]));
    write(&directory, "broken.yaml", "kind: [\n");
    write(
        &directory,
        "text.yaml",
        documents(&[component_with("text", "spec", "x", json!({ "$text": "./n.txt" }))]),
    );

    let mut world = World::new().await;
    world.settings.working_directory = directory.path().to_owned();
    world.settings.locations = [
        "one.yaml",
        "root.yaml",
        "./globbed/*/info.yaml",
        "nope.yaml",
        "broken.yaml",
        "text.yaml",
        "none/*.yaml",
    ]
    .map(|target| config_location("file", target))
    .into();
    let world = world.start().await;
    world
        .until_there(
            &["one", "a", "b", "c", "x", "y"]
                .map(|name| format!("component:default/{name}"))
                .each_ref()
                .map(String::as_str),
        )
        .await;
    assert!(world.entity("component:default/other").is_none());
    let root = directory.path();
    let failures = [
        generated(root, "nope.yaml"),
        generated(root, "broken.yaml"),
        generated(root, "none/*.yaml"),
        "location:default/slash".to_owned(),
        "component:default/text".to_owned(),
    ];
    let mut errors = Vec::new();
    for entity_ref in failures {
        errors.extend(world.until_unprocessed(&entity_ref).await);
    }
    let errors: Vec<_> = errors.iter().map(|error| error.replace(root.to_str().unwrap(), "/files")).collect();
    insta::assert_debug_snapshot!(errors);

    write(&directory, "one.yaml", documents(&[titled("one", "changed")]));
    write(&directory, "nope.yaml", documents(&[component("appeared")]));
    world.until_there(&["component:default/appeared"]).await;
    world
        .until("the change shows", |world| {
            world.entity("component:default/one").unwrap()["metadata"]["title"] == "changed"
        })
        .await;
    fs::remove_file(root.join("one.yaml")).unwrap();
    let errors = world.until_failed(&generated(root, "one.yaml")).await;
    assert!(errors[0].ends_with("one.yaml does not exist"), "{errors:?}");
    assert!(errors[0].starts_with("NotFoundError: file /"), "{errors:?}");
    world.check().await;
    world.stop().await;
}
