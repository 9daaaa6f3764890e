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
    /// After so many.
    KeepAndHang(mpsc::Sender<Event>, u64),
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
            Behaviour::KeepAndHang(events, count) => {
                events.send(event.clone()).await?;
                match event.payload.as_u64() {
                    Some(number) if number < *count => Ok(()),
                    _ => std::future::pending().await,
                }
            }
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
    for number in 0..100 {
        bus.publish(Event::new("t", number.into()));
        bus.publish(Event::new("somebody else's", Value::Null));
        assert_eq!(next(&events).await, Event::new("t", json!(number)));
    }
    let counts = catalog.event_counts();
    let of = |id: &str| counts.iter().find(|counts| counts.subscriber == id).unwrap();
    assert_eq!((of("listener").failed, of("listener").dropped), (0, 0));
    assert!(of("fails").failed > 0 && of("panics").failed > 0, "{counts:?}");
    assert_eq!((of("hangs").delivered, of("hangs").failed), (0, 0), "it has the first one in its hands");
    world.stop().await;
}

/// Who publishes without waiting is not held up.
#[tokio::test]
async fn what_comes_too_fast_is_left_out() {
    let mut world = World::new().await;
    let _events = listening(&mut world, &["t"]);
    let world = world.start().await;
    let catalog = world.catalog();
    let bus = catalog.event_bus();
    // There is one thread, and nothing is written while it publishes.
    for number in 0..2000 {
        bus.publish(Event::new("t", number.into()));
    }
    assert!(catalog.event_counts()[0].dropped >= 900, "{:?}", catalog.event_counts());
    world.stop().await;
}

#[tokio::test]
async fn what_waits_at_a_stop_comes_after_the_next_start() {
    let mut world = World::new().await;
    let events = listening(&mut world, &["t"]);
    let mut world = world.start().await;
    for round in 0..3 {
        for number in 0..100 {
            world.catalog().event_bus().publish(Event::new("t", (100 * round + number).into()));
        }
        world = world.restart().await;
    }
    for number in 0..300 {
        assert_eq!(next(&events).await.payload, json!(number));
    }
    world.stop().await;
}

/// A crash, in a way: nobody says goodbye. What was in its hands comes again, and nothing else does.
#[tokio::test]
async fn what_a_subscriber_had_in_its_hands_at_a_crash_comes_again() {
    let mut world = World::new().await;
    let (sender, receiver) = mpsc::channel(8);
    world.registry.event_subscribers.push(subscriber("s", &["t"], Behaviour::KeepAndHang(sender, 2)));
    let first = Mutex::new(receiver);
    let world = world.start().await;
    for number in 0..4 {
        world.catalog().publish(Event::new("t", number.into())).await.unwrap();
    }
    for number in 0..3 {
        assert_eq!(next(&first).await.payload, json!(number));
    }
    let mut world = world.crash();
    let (sender, receiver) = mpsc::channel(8);
    world.registry.event_subscribers = vec![subscriber("s", &["t"], Behaviour::Keep(sender))];
    let second = Mutex::new(receiver);
    let world = world.start().await;
    for number in 2..4 {
        assert_eq!(next(&second).await.payload, json!(number));
    }
    world.stop().await;
}

/// Two nodes with the same subscribers.
#[tokio::test]
async fn over_all_nodes_each_event_comes_once() {
    let mut world = World::new().await;
    world.settings.events.poll_interval = std::time::Duration::from_millis(20);
    let events = listening(&mut world, &["t"]);
    let one = world.start().await;
    let two = one.another().await;
    for number in 0..200 {
        let node = if number % 2 == 0 { &one } else { &two };
        node.catalog().publish(Event::new("t", number.into())).await.unwrap();
    }
    for number in 0..200 {
        assert_eq!(next(&events).await.payload, json!(number));
    }
    // What is left of the other's is taken over.
    let two = two.stop().await;
    one.catalog().publish(Event::new("t", 200.into())).await.unwrap();
    assert_eq!(next(&events).await.payload, json!(200));
    drop(two);
    let delivered: u64 = one.catalog().event_counts().iter().map(|counts| counts.delivered).sum();
    assert!(delivered > 0 && events.lock().await.try_recv().is_err(), "{delivered}");
    one.stop().await;
}

#[tokio::test]
async fn events_that_nobody_takes_do_not_stay() {
    let mut world = World::new().await;
    world.settings.events.max_age = std::time::Duration::from_millis(1);
    world.settings.events.tend_interval = std::time::Duration::from_millis(20);
    world.registry.event_subscribers.push(subscriber("hangs", &["t"], Behaviour::Hang));
    let world = world.start().await;
    for number in 0..3 {
        world.catalog().publish(Event::new("t", number.into())).await.unwrap();
    }
    world.until_no_events_wait("hangs").await;
    world.crash();
}
