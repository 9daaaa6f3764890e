//! Events that wait for their subscribers.

use jiff::{SignedDuration, Timestamp};

use super::scene::Scene;
use crate::{EventRetention, EventTicket, NewEvent, QueuedEvent, Store, Uid};

const ALL: usize = 1000;

fn event(topic: &str, number: u32) -> NewEvent {
    let payload = number.to_string().into_bytes().into();
    NewEvent { id: Uid::random(), topic: topic.to_owned(), payload, metadata: (*b"{}").into() }
}

fn texts(events: &[QueuedEvent]) -> Vec<String> {
    let text = |queued: &QueuedEvent| {
        assert_eq!(*queued.metadata, *b"{}");
        format!("{} {}", queued.topic, String::from_utf8_lossy(&queued.payload))
    };
    events.iter().map(text).collect()
}

async fn subscribe(scene: &Scene<'_>, subscriber: &str, topics: &[&str]) {
    let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
    scene.store.subscribe(subscriber, &topics, scene.now).await.unwrap();
}

async fn enqueue(scene: &Scene<'_>, events: Vec<NewEvent>) -> usize {
    scene.store.enqueue_events(events, scene.now).await.unwrap()
}

fn lease(scene: &Scene<'_>) -> Timestamp {
    scene.now + SignedDuration::from_mins(1)
}

async fn take(scene: &Scene<'_>, subscriber: &str, ticket: EventTicket) -> Vec<QueuedEvent> {
    scene.store.take_events(subscriber, ticket, ALL, scene.now, lease(scene)).await.unwrap()
}

/// Takes and acknowledges all that waits.
async fn read(scene: &Scene<'_>, subscriber: &str) -> Vec<String> {
    let ticket = EventTicket::random();
    let events = take(scene, subscriber, ticket).await;
    if let Some(last) = events.last() {
        let acknowledged = scene.store.acknowledge_events(subscriber, ticket, last.sequence, None).await;
        assert!(acknowledged.unwrap());
    }
    texts(&events)
}

async fn tend(scene: &Scene<'_>, subscribers: &[&str], age: SignedDuration, events: u64) -> u64 {
    let subscribers: Vec<String> = subscribers.iter().map(|name| (*name).to_owned()).collect();
    let retention = EventRetention { since: scene.now - age, events };
    scene.store.tend_events(&subscribers, scene.now, retention).await.unwrap()
}

/// In their order, of its topics, and nothing from before it came.
pub async fn each_subscriber_gets_each_event_once(store: &dyn Store) {
    let scene = Scene::new(store);
    assert_eq!(enqueue(&scene, vec![event("a", 0)]).await, 0, "nobody wants it");
    subscribe(&scene, "one", &["a", "b"]).await;
    subscribe(&scene, "two", &["b", "c"]).await;
    assert_eq!(store.subscribed_topics().await.unwrap(), ["a", "b", "c"]);
    let events = [event("a", 1), event("b", 2), event("none", 3), event("c", 4), event("a", 5)];
    assert_eq!(enqueue(&scene, events.to_vec()).await, 4);
    assert_eq!(enqueue(&scene, vec![event("b", 6)]).await, 1);
    assert_eq!(enqueue(&scene, Vec::new()).await, 0);
    subscribe(&scene, "late", &["a", "b", "c"]).await;
    assert_eq!(read(&scene, "one").await, ["a 1", "b 2", "a 5", "b 6"]);
    assert_eq!(read(&scene, "two").await, ["b 2", "c 4", "b 6"]);
    assert_eq!(read(&scene, "late").await, [""; 0]);
    assert_eq!(read(&scene, "one").await, [""; 0]);
    assert_eq!(read(&scene, "unknown").await, [""; 0]);
    // A restart, and it wants something else.
    enqueue(&scene, vec![event("a", 7), event("c", 8)]).await;
    subscribe(&scene, "one", &["c"]).await;
    assert_eq!(read(&scene, "one").await, ["c 8"]);
    assert_eq!(read(&scene, "late").await, ["a 7", "c 8"]);
}

/// Whoever lost the connection does not know whether they were written.
pub async fn events_that_come_again_count_once(store: &dyn Store) {
    let scene = Scene::new(store);
    subscribe(&scene, "s", &["t"]).await;
    let events: Vec<NewEvent> = (1..=3).map(|number| event("t", number)).collect();
    assert_eq!(enqueue(&scene, events[..2].to_vec()).await, 2);
    assert_eq!(enqueue(&scene, events).await, 1);
    assert_eq!(read(&scene, "s").await, ["t 1", "t 2", "t 3"]);
}

/// Of two nodes one gets them. If it ends, the other does, with what was not acknowledged.
pub async fn events_are_taken_by_one(store: &dyn Store) {
    let mut scene = Scene::new(store);
    subscribe(&scene, "s", &["t"]).await;
    enqueue(&scene, (1..=4).map(|number| event("t", number)).collect()).await;
    let (first, second) = (EventTicket::random(), EventTicket::random());
    let taken = store.take_events("s", first, 3, scene.now, lease(&scene)).await.unwrap();
    assert_eq!(texts(&taken), ["t 1", "t 2", "t 3"]);
    assert_eq!(take(&scene, "s", second).await, []);
    assert!(!store.acknowledge_events("s", second, taken[2].sequence, None).await.unwrap());
    scene.wait(SignedDuration::from_secs(30));
    assert!(store.acknowledge_events("s", first, taken[0].sequence, Some(lease(&scene))).await.unwrap());
    scene.wait(SignedDuration::from_secs(45));
    assert_eq!(take(&scene, "s", second).await, [], "the lease was made longer");
    scene.wait(SignedDuration::from_secs(15));
    assert_eq!(texts(&take(&scene, "s", second).await), ["t 2", "t 3", "t 4"]);
    assert!(!store.acknowledge_events("s", first, taken[1].sequence, None).await.unwrap(), "it is too late");
    assert!(store.acknowledge_events("s", second, taken[1].sequence, None).await.unwrap());
    assert_eq!(read(&scene, "s").await, ["t 3", "t 4"], "the rest was given back");
}

/// What everyone has had, and what is too old or too much.
pub async fn events_do_not_stay(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let (hour, minute) = (SignedDuration::from_hours(1), SignedDuration::from_mins(1));
    subscribe(&scene, "one", &["a"]).await;
    subscribe(&scene, "two", &["a", "b"]).await;
    enqueue(&scene, vec![event("a", 1), event("b", 2)]).await;
    assert_eq!(read(&scene, "one").await, ["a 1"]);
    assert_eq!(tend(&scene, &["one", "two"], hour, 10).await, 0);
    assert_eq!(read(&scene, "two").await, ["a 1", "b 2"], "the other had not had it");
    scene.wait(minute);
    enqueue(&scene, vec![event("b", 3)]).await;
    scene.wait(hour + minute);
    enqueue(&scene, vec![event("b", 4)]).await;
    assert_eq!(tend(&scene, &["one", "two"], hour, 10).await, 1, "too old, and not read");
    assert_eq!(read(&scene, "two").await, ["b 4"]);
    enqueue(&scene, (5..=9).map(|number| event("b", number)).collect()).await;
    assert_eq!(tend(&scene, &["one", "two"], hour, 2).await, 3, "too many");
    assert_eq!(read(&scene, "two").await, ["b 8", "b 9"]);
    assert_eq!(tend(&scene, &["one", "two"], hour, 10).await, 0, "all read");
    // Nobody has spoken of two for long. What only it wants is not kept any more.
    scene.wait(minute + hour);
    assert_eq!(tend(&scene, &["one"], hour, 10).await, 0);
    assert_eq!(store.subscribed_topics().await.unwrap(), ["a"]);
    assert_eq!(enqueue(&scene, vec![event("a", 10), event("b", 11)]).await, 1);
    assert_eq!(read(&scene, "one").await, ["a 10"]);
}
