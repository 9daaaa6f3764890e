//! What subscribers are told.

use std::sync::Arc;

use callboard_sdk::{Event, EventSubscriber, SubscriberError, async_trait};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use crate::support::{PATIENCE, World, component, component_with, url};

const ERRORS: &str = "experimental.catalog.errors";
const CONFLICT: &str = "experimental.catalog.conflict";

/// What a test subscriber does with an event.
enum Behaviour {
    Keep(mpsc::Sender<Event>),
    Fail,
    Panic,
    Hang,
}

struct Subscriber {
    id: &'static str,
    topics: Vec<String>,
    behaviour: Behaviour,
}

#[async_trait]
impl EventSubscriber for Subscriber {
    fn id(&self) -> &str {
        self.id
    }

    fn topics(&self) -> &[String] {
        &self.topics
    }

    async fn on_event(&self, event: &Event) -> Result<(), SubscriberError> {
        match &self.behaviour {
            Behaviour::Keep(events) => Ok(events.send(event.clone()).await?),
            Behaviour::Fail => Err("it will not have it".into()),
            Behaviour::Panic => panic!("it breaks"),
            Behaviour::Hang => std::future::pending().await,
        }
    }
}

fn subscriber(id: &'static str, topics: &[&str], behaviour: Behaviour) -> Arc<dyn EventSubscriber> {
    Arc::new(Subscriber { id, topics: topics.iter().map(|&topic| topic.to_owned()).collect(), behaviour })
}

/// Subscribes to topics, and hands out what comes.
fn listening(world: &mut World, topics: &[&str]) -> Mutex<mpsc::Receiver<Event>> {
    let (sender, receiver) = mpsc::channel(4096);
    world.registry.event_subscribers.push(subscriber("listener", topics, Behaviour::Keep(sender)));
    Mutex::new(receiver)
}

async fn next(events: &Mutex<mpsc::Receiver<Event>>) -> Event {
    let mut events = events.lock().await;
    tokio::time::timeout(PATIENCE, events.recv()).await.expect("an event").expect("more events")
}

#[tokio::test]
async fn failed_runs_are_told_in_every_round() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    let events = listening(&mut world, &[ERRORS]);
    world.host.set_entities("a.yaml", &[component_with("bad", "spec", "owner", 7)]);
    let world = world.start().await;
    for _ in 0..2 {
        let event = next(&events).await;
        assert_eq!(event.topic, ERRORS);
        assert_eq!(event.payload["entity"], "component:default/bad");
        assert_eq!(event.payload["location"], format!("url:{}", url("a.yaml")));
        let error = &event.payload["errors"][0];
        assert_eq!(error["name"], "InputError");
        assert!(error["message"].as_str().unwrap().contains("/spec/owner must be string"), "{error}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_child_that_belongs_to_another_location_is_a_conflict() {
    let mut world = World::with_locations(&["one.yaml", "two.yaml"]).await;
    let events = listening(&mut world, &[CONFLICT]);
    world.host.set_entities("one.yaml", &[component("contested")]);
    world.host.set_entities("two.yaml", &[component_with("contested", "spec", "type", "rival")]);
    let world = world.start().await;
    let event = next(&events).await;
    let keys = [&event.payload["newLocationKey"], &event.payload["existingLocationKey"]];
    // Which of the two is read first is left to chance.
    let mut keys = keys.map(|key| key.as_str().unwrap().to_owned());
    let rejected = keys[0].clone();
    keys.sort();
    assert_eq!(keys, [format!("url:{}", url("one.yaml")), format!("url:{}", url("two.yaml"))]);
    assert_eq!(event.payload["entityRef"], "component:default/contested");
    let lost = &event.payload["unprocessedEntity"];
    assert_eq!(lost["metadata"]["annotations"]["backstage.io/managed-by-location"], rejected);
    let at = event.payload["lastConflictAt"].as_str().unwrap();
    assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    world.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_fails_or_hangs_harms_nobody() {
    let mut world = World::new().await;
    let bad = [("fails", Behaviour::Fail), ("panics", Behaviour::Panic), ("hangs", Behaviour::Hang)];
    for (id, behaviour) in bad {
        world.registry.event_subscribers.push(subscriber(id, &["t"], behaviour));
    }
    let events = listening(&mut world, &["t"]);
    let world = world.start().await;
    let catalog = world.catalog();
    let bus = catalog.event_bus();
    for number in 0..2000 {
        bus.publish(Event::new("t", number.into()));
        bus.publish(Event::new("somebody else's", Value::Null));
        assert_eq!(next(&events).await, Event::new("t", json!(number)));
    }
    let counts = catalog.event_counts();
    let of = |id: &str| counts.iter().find(|counts| counts.subscriber == id).unwrap();
    assert_eq!((of("listener").failed, of("listener").dropped), (0, 0));
    // One is in its hands, a thousand and some wait, and the rest is lost.
    assert!(of("hangs").dropped > 900, "{:?}", of("hangs"));
    assert!(of("fails").failed > 0 && of("panics").failed > 0, "{counts:?}");
    world.stop().await;
}

#[tokio::test]
async fn what_was_published_before_a_stop_is_handed_out() {
    let mut world = World::new().await;
    let events = listening(&mut world, &["t"]);
    let world = world.start().await;
    let bus = world.catalog().event_bus();
    for number in 0..500 {
        bus.publish(Event::new("t", number.into()));
    }
    world.stop().await;
    for number in 0..500 {
        assert_eq!(next(&events).await.payload, json!(number));
    }
}
