//! Registering, changing, trying and removing locations.

use callboard_engine::{ConflictStrategy, LocationError};
use callboard_model::{LocationPresence, LocationSpec};
use serde_json::json;

use crate::support::{World, component, entity_ref, generated, location, titled, url};

fn spec(path: &str) -> LocationSpec {
    spec_of("url", &url(path))
}

fn spec_of(location_type: &str, target: &str) -> LocationSpec {
    LocationSpec {
        location_type: location_type.to_owned(),
        target: target.to_owned(),
        presence: LocationPresence::Required,
    }
}

fn message<T: std::fmt::Debug>(result: Result<T, LocationError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_location_comes_changes_and_goes_with_what_it_brought_in() {
    let world = World::new().await;
    world
        .host
        .set_entities("tree.yaml", &[location("tree", &json!({ "targets": ["./b.yaml", "./c.yaml"] }))]);
    world.host.set_entities("b.yaml", &[component("b")]);
    world.host.set_entities("c.yaml", &[component("c")]);
    world.host.set_entities("d.yaml", &[component("d")]);
    let world = world.start().await;
    let catalog = world.catalog();

    let added = catalog.add_location(spec("tree.yaml"), None).await.unwrap();
    assert_eq!(added.entity_ref.as_str(), generated("tree.yaml"));
    assert_eq!(catalog.locations().await.unwrap(), std::slice::from_ref(&added));
    let id = added.id.to_string();
    assert_eq!(catalog.location(&id).await.unwrap(), added);
    world.until_there(&["component:default/b", "component:default/c", &generated("tree.yaml")]).await;
    let found = catalog.location_by_entity(&entity_ref("component:default/c")).await.unwrap();
    assert_eq!(found.id, added.id);

    let updated = catalog.update_location(&id, "url", &url("d.yaml")).await.unwrap();
    assert_eq!((updated.id, &updated.entity_ref), (added.id, &added.entity_ref));
    assert!(world.entity("component:default/b").is_none(), "gone at once");
    world.until_there(&["component:default/d", &generated("tree.yaml")]).await;
    assert_eq!(catalog.update_location(&id, "url", &url("d.yaml")).await.unwrap(), updated);
    world.check().await;

    catalog.remove_location(&id).await.unwrap();
    assert!(world.entity("component:default/d").is_none(), "gone at once");
    assert!(world.entity(&generated("tree.yaml")).is_none());
    assert!(catalog.locations().await.unwrap().is_empty());
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_the_words_clients_know() {
    let world = World::with_locations(&["configured.yaml"]).await;
    world.host.set_entities("configured.yaml", &[component("configured")]);
    let world = world.start().await;
    let catalog = world.catalog();
    world.until_there(&["component:default/configured"]).await;
    let one = catalog.add_location(spec("one.yaml"), None).await.unwrap();
    catalog.add_location(spec("two.yaml"), None).await.unwrap();
    catalog.add_location(spec_of("url", "no url"), None).await.unwrap();

    let id = one.id.to_string();
    let unknown = "11111111-2222-4333-8444-555555555555";
    let by_entity = |text: &str| {
        let (catalog, entity_ref) = (catalog.clone(), entity_ref(text));
        async move { message(catalog.location_by_entity(&entity_ref).await) }
    };
    insta::assert_debug_snapshot!([
        message(catalog.add_location(spec("one.yaml"), None).await),
        message(catalog.add_location(spec("one.yaml"), Some(ConflictStrategy::Reject)).await),
        message(catalog.add_location(spec_of("file", "/etc/hosts"), None).await),
        message(catalog.add_location(spec_of("url", ""), None).await),
        message(catalog.add_location(spec_of("url", "javascript:alert(1)"), None).await),
        message(catalog.location(unknown).await),
        message(catalog.location("no-uuid").await),
        message(catalog.update_location(&id, "url", &url("two.yaml")).await),
        message(catalog.update_location(&id, "file", "/x").await),
        message(catalog.update_location(unknown, "url", &url("x.yaml")).await),
        message(catalog.remove_location(unknown).await),
        by_entity("component:default/nope").await,
        by_entity("component:default/configured").await,
    ]);
    world.stop().await;
}

#[tokio::test]
async fn registering_again_can_mean_reading_again() {
    let mut world = World::new().await;
    world.settings.location_conflict_strategy = ConflictStrategy::Refresh;
    world.settings.processing_interval = Some(crate::support::every(std::time::Duration::from_hours(1)));
    world.host.set_entities("a.yaml", &[titled("a", "v1")]);
    let world = world.start().await;
    let first = world.catalog().add_location(spec("a.yaml"), None).await.unwrap();
    world.until_there(&["component:default/a", &generated("a.yaml")]).await;
    world.host.set_entities("a.yaml", &[titled("a", "v2")]);
    assert_eq!(world.catalog().add_location(spec("a.yaml"), None).await.unwrap(), first);
    world
        .until("it is read again", |world| {
            world.entity("component:default/a").unwrap()["metadata"]["title"] == "v2"
        })
        .await;
    let refused = world.catalog().add_location(spec("a.yaml"), Some(ConflictStrategy::Reject)).await;
    assert!(matches!(refused, Err(LocationError::AlreadyExists(existing)) if existing == first));
    world.stop().await;
}

#[tokio::test]
async fn a_dry_run_shows_what_would_come_and_leaves_nothing() {
    let mut world = World::new().await;
    world.settings.readonly = true;
    world
        .host
        .set_entities("tree.yaml", &[location("tree", &json!({ "targets": ["./a.yaml", "./b.yaml"] }))]);
    world.host.set_entities("a.yaml", &[component("a"), component("a2")]);
    world.host.set_entities("b.yaml", &[component("b")]);
    world.host.set_entities("twice.yaml", &[component("t"), titled("t", "again")]);
    world.host.set("bad.yaml", "kind: [");
    world.host.set_entities("invalid.yaml", &[component("inva lid")]);
    let world = world.start().await;
    let catalog = world.catalog();

    let dry_run = catalog.dry_run_location(spec("tree.yaml")).await.unwrap();
    assert!(!dry_run.exists);
    assert_eq!(dry_run.id(), format!("url:{}", url("tree.yaml")));
    let names: Vec<_> = dry_run.entities.iter().map(|entity| entity.name().to_owned()).collect();
    assert_eq!(names[1..], ["tree", "b", "a2", "a"]);
    insta::assert_snapshot!(String::from_utf8(dry_run.entities[3].to_json_bytes()).unwrap());

    let mut messages = Vec::new();
    for file in ["twice.yaml", "bad.yaml", "invalid.yaml", "missing.yaml"] {
        messages.push(message(catalog.dry_run_location(spec(file)).await));
    }
    messages.push(message(catalog.dry_run_location(spec_of("file", "/x")).await));
    // Changing anything is refused here.
    messages.push(message(catalog.add_location(spec("tree.yaml"), None).await));
    messages.push(message(catalog.update_location("x", "url", "y").await));
    messages.push(message(catalog.remove_location("x").await));
    insta::assert_debug_snapshot!(messages);
    assert!(catalog.locations().await.unwrap().is_empty());
    assert_eq!(catalog.index().read().len(), 0);
    world.stop().await;
}
