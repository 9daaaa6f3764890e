//! What the catalog does about events of source code hosts.

use std::sync::Arc;
use std::time::Duration;

use callboard_engine::ScmEventSettings;
use callboard_model::{LocationPresence, LocationSpec};
use callboard_sdk::{Event, ScmEvent, ScmEventSubscriber, ScmEventTranslator, SubscriberError, async_trait};
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{PATIENCE, World, component, every, location, titled, url};

const ALL: ScmEventSettings = ScmEventSettings { refresh: true, unregister: true, move_locations: true };

/// Nothing happens by itself.
async fn world(settings: ScmEventSettings) -> World {
    let mut world = World::new().await;
    world.settings.processing_interval = Some(every(Duration::from_hours(1)));
    world.settings.scm_events = settings;
    world
}

async fn register(world: &World, path: &str) {
    let spec = LocationSpec {
        location_type: "url".to_owned(),
        target: url(path),
        presence: LocationPresence::Required,
    };
    world.catalog().add_location(spec, None).await.unwrap();
}

/// The paths of all registered locations.
async fn registered(world: &World) -> Vec<String> {
    let locations = world.catalog().locations().await.unwrap();
    let path = |target: &str| target.strip_prefix("https://host/s/").unwrap_or(target).to_owned();
    let mut paths: Vec<String> = locations.iter().map(|location| path(&location.target)).collect();
    paths.sort();
    paths
}

fn updated(path: &str) -> ScmEvent {
    ScmEvent::LocationUpdated { url: url(path) }
}

async fn until_titled(world: &World, entity_ref: &str, title: &str) {
    let is_titled =
        |world: &World| world.entity(entity_ref).is_some_and(|entity| entity["metadata"]["title"] == title);
    world.until(&format!("{entity_ref} is {title}"), is_titled).await;
}

#[tokio::test]
async fn a_file_that_changed_is_read_again() {
    let world = world(ALL).await;
    world.host.set_entities("r/blob/main/a.yaml", &[titled("a", "one")]);
    world.host.set_entities("r/blob/main/b.yaml", &[component("b")]);
    let text = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: text}\nspec: {type: t, lifecycle: l, owner: o, \
                definition: {$text: ./text.txt}}";
    world.host.set("r/blob/main/text.yaml", text);
    world.host.set("r/blob/main/text.txt", "one");
    let world = world.start().await;
    for path in ["r/blob/main/a.yaml", "r/blob/main/b.yaml", "r/blob/main/text.yaml"] {
        register(&world, path).await;
    }
    world.until_there(&["component:default/a", "component:default/b", "api:default/text"]).await;
    let reads = world.host.reads("r/blob/main/b.yaml").total;

    world.host.set_entities("r/blob/main/a.yaml", &[titled("a", "two")]);
    world.catalog().scm_events().publish(&[updated("r/blob/main/a.yaml")]).await;
    until_titled(&world, "component:default/a", "two").await;
    world.host.set_entities("r/blob/main/a.yaml", &[titled("a", "three")]);
    world.catalog().scm_events().publish(&[updated("r/tree/main/a.yaml")]).await;
    until_titled(&world, "component:default/a", "three").await;
    world.host.set("r/blob/main/text.txt", "two");
    world.catalog().scm_events().publish(&[updated("r/blob/main/text.txt")]).await;
    world
        .until("the text is read", |world| {
            world.entity("api:default/text").is_some_and(|entity| entity["spec"]["definition"] == "two")
        })
        .await;
    assert_eq!(world.host.reads("r/blob/main/b.yaml").total, reads, "others are left alone");
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn a_repository_that_changed_is_read_again() {
    let world = world(ALL).await;
    let elsewhere = location("leads-there", &json!({ "type": "url", "target": url("r/blob/main/x/c.yaml") }));
    world.host.set_entities("r/blob/main/a.yaml", &[titled("a", "one")]);
    world.host.set_entities("r/blob/main/x/c.yaml", &[titled("c", "one")]);
    world.host.set_entities("other/blob/main/all.yaml", &[elsewhere]);
    world.host.set_entities("r2/blob/main/b.yaml", &[component("b")]);
    let world = world.start().await;
    // The last one is not there yet.
    for path in
        ["r/blob/main/a.yaml", "other/blob/main/all.yaml", "r2/blob/main/b.yaml", "r/blob/main/late.yaml"]
    {
        register(&world, path).await;
    }
    world.until_there(&["component:default/a", "component:default/b", "component:default/c"]).await;
    world.host.wait_for("r/blob/main/late.yaml", |reads| reads.total > 0).await;
    let reads = world.host.reads("r2/blob/main/b.yaml").total;

    world.host.set_entities("r/blob/main/a.yaml", &[titled("a", "two")]);
    world.host.set_entities("r/blob/main/x/c.yaml", &[titled("c", "two")]);
    world.host.set_entities("r/blob/main/late.yaml", &[component("late")]);
    world.catalog().scm_events().publish(&[ScmEvent::RepositoryUpdated { url: url("r") }]).await;
    until_titled(&world, "component:default/a", "two").await;
    until_titled(&world, "component:default/c", "two").await;
    world.until_there(&["component:default/late"]).await;
    world.host.set_entities("r/blob/main/x/c.yaml", &[titled("c", "three")]);
    world.catalog().scm_events().publish(&[ScmEvent::RepositoryUpdated { url: url("r/tree/main/x/") }]).await;
    until_titled(&world, "component:default/c", "three").await;
    let ignored = ScmEvent::RepositoryUpdated { url: format!("{}?version=x", url("r2")) };
    world.catalog().scm_events().publish(&[ignored]).await;
    assert_eq!(world.host.reads("r2/blob/main/b.yaml").total, reads, "others are left alone");
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn what_is_gone_is_unregistered() {
    let world = world(ALL).await.start().await;
    let all = ["r/blob/main/a.yaml", "r/blob/main/b.yaml", "r/blob/main/sub/c.yaml", "r2/blob/main/d.yaml"];
    for path in all {
        register(&world, path).await;
    }
    let events = world.catalog().scm_events();
    events.publish(&[ScmEvent::LocationDeleted { url: url("r/blob/main/b.yaml") }]).await;
    assert_eq!(registered(&world).await, [all[0], all[2], all[3]]);
    events.publish(&[ScmEvent::RepositoryDeleted { url: url("r/tree/main/sub") }]).await;
    assert_eq!(registered(&world).await, [all[0], all[3]]);
    events.publish(&[ScmEvent::RepositoryDeleted { url: url("r") }]).await;
    assert_eq!(registered(&world).await, [all[3]]);
    events.publish(&[ScmEvent::LocationDeleted { url: url("r/blob/main/never.yaml") }]).await;
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn what_moved_moves_along() {
    let world = world(ALL).await;
    world.host.set_entities("q/blob/main/a.yaml", &[component("a")]);
    let world = world.start().await;
    for path in ["r/blob/main/a.yaml", "r/blob/main/b.yaml", "r2/blob/main/c.yaml"] {
        register(&world, path).await;
    }
    let events = world.catalog().scm_events();
    let moved = |from: &str, to: &str| ScmEvent::LocationMoved { from_url: url(from), to_url: url(to) };
    events
        .publish(&[
            moved("r/blob/main/b.yaml", "r/blob/main/sub/b.yaml"),
            moved("r/blob/main/never.yaml", "r/blob/main/x.yaml"),
        ])
        .await;
    assert_eq!(
        registered(&world).await,
        ["r/blob/main/a.yaml", "r/blob/main/sub/b.yaml", "r2/blob/main/c.yaml"]
    );
    let renamed = ScmEvent::RepositoryMoved { from_url: url("r"), to_url: url("q") };
    events.publish(std::slice::from_ref(&renamed)).await;
    let expected = ["q/blob/main/a.yaml", "q/blob/main/sub/b.yaml", "r2/blob/main/c.yaml"];
    assert_eq!(registered(&world).await, expected);
    world.until_there(&["component:default/a"]).await;
    // As if the server had ended half way: what it moves to is there already.
    register(&world, "r/blob/main/a.yaml").await;
    events.publish(&[renamed]).await;
    assert_eq!(registered(&world).await, expected);
    world.check().await;
    world.stop().await;
}

/// Even where users may not change locations: it is the source that does.
#[tokio::test]
async fn only_what_is_wanted_is_done() {
    let wanted = ScmEventSettings { unregister: true, ..ScmEventSettings::default() };
    let world = world(wanted).await;
    world.host.set_entities("r/blob/main/a.yaml", &[component("a")]);
    let world = world.start().await;
    register(&world, "r/blob/main/a.yaml").await;
    register(&world, "r/blob/main/b.yaml").await;
    world.until_there(&["component:default/a"]).await;
    let mut world = world.stop().await;
    world.settings.readonly = true;
    let world = world.start().await;
    let before = world.next_due("component:default/a").await;
    world
        .catalog()
        .scm_events()
        .publish(&[
            updated("r/blob/main/a.yaml"),
            ScmEvent::RepositoryUpdated { url: url("r") },
            ScmEvent::RepositoryMoved { from_url: url("r"), to_url: url("q") },
            ScmEvent::LocationDeleted { url: url("r/blob/main/b.yaml") },
        ])
        .await;
    assert_eq!(registered(&world).await, ["r/blob/main/a.yaml"]);
    assert_eq!(world.next_due("component:default/a").await, before, "it is not due");
    world.stop().await;
}

struct Listener(mpsc::Sender<Vec<ScmEvent>>);

#[async_trait]
impl ScmEventSubscriber for Listener {
    fn id(&self) -> &'static str {
        "listener"
    }

    async fn on_events(&self, events: &[ScmEvent]) -> Result<(), SubscriberError> {
        Ok(self.0.send(events.to_vec()).await?)
    }
}

struct Broken;

#[async_trait]
impl ScmEventSubscriber for Broken {
    fn id(&self) -> &'static str {
        "broken"
    }

    async fn on_events(&self, _: &[ScmEvent]) -> Result<(), SubscriberError> {
        panic!("it breaks")
    }
}

struct Forge(Vec<String>);

impl ScmEventTranslator for Forge {
    fn id(&self) -> &'static str {
        "forge"
    }

    fn topics(&self) -> &[String] {
        &self.0
    }

    fn translate(&self, event: &Event) -> Vec<ScmEvent> {
        let url = event.payload["changed"].as_str();
        url.map(|url| ScmEvent::LocationUpdated { url: url.to_owned() }).into_iter().collect()
    }
}

#[tokio::test]
async fn web_hooks_are_translated_and_others_are_told() {
    let mut world = world(ALL).await;
    let (sender, mut batches) = mpsc::channel(8);
    world.registry.add_scm_event_translator(Arc::new(Forge(vec!["forge".to_owned()])));
    world.registry.add_scm_event_subscriber(Arc::new(Broken));
    world.registry.add_scm_event_subscriber(Arc::new(Listener(sender)));
    world.host.set_entities("r/blob/main/a.yaml", &[titled("a", "one")]);
    let world = world.start().await;
    register(&world, "r/blob/main/a.yaml").await;
    world.until_there(&["component:default/a"]).await;

    world.host.set_entities("r/blob/main/a.yaml", &[titled("a", "two")]);
    let bus = world.catalog().event_bus();
    bus.publish(Event::new("forge", json!({ "changed": null })));
    bus.publish(Event::new("forge", json!({ "changed": url("r/blob/main/a.yaml") })));
    let batch = tokio::time::timeout(PATIENCE, batches.recv()).await.expect("it is told");
    assert_eq!(batch, Some(vec![updated("r/blob/main/a.yaml")]));
    until_titled(&world, "component:default/a", "two").await;
    world.stop().await;
}
