//! Hands events to their subscribers, each through a queue of its own.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callboard_sdk::{Event, EventBus, EventSubscriber};
use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many events may wait for one subscriber.
const CAPACITY: usize = 1024;
/// How long a subscriber may take for one event.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of the events of one subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberCounts {
    /// Its id.
    pub subscriber: String,
    /// Events it took.
    pub delivered: u64,
    /// Events it failed at: errors, panics, and those that took too long.
    pub failed: u64,
    /// Events that did not fit into its queue.
    pub dropped: u64,
}

#[derive(Default)]
struct Counts {
    delivered: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

struct Subscription {
    subscriber: Arc<dyn EventSubscriber>,
    queue: mpsc::Sender<Arc<Event>>,
    counts: Arc<Counts>,
}

/// A queue whose worker has not been started yet.
type Waiting = (Arc<dyn EventSubscriber>, mpsc::Receiver<Arc<Event>>, Arc<Counts>);

/// All subscriptions of this process. They are made before the start, and stay.
pub(crate) struct SubscriberBus {
    subscriptions: Vec<Subscription>,
    by_topic: HashMap<String, Vec<usize>>,
    waiting: Mutex<Vec<Waiting>>,
}

impl SubscriberBus {
    /// Of several subscribers with one id the first counts.
    pub(crate) fn new(subscribers: &[Arc<dyn EventSubscriber>]) -> Self {
        let mut bus = Self { subscriptions: Vec::new(), by_topic: HashMap::new(), waiting: Mutex::default() };
        for subscriber in subscribers {
            if bus.subscriptions.iter().any(|known| known.subscriber.id() == subscriber.id()) {
                tracing::warn!(
                    subscriber = subscriber.id(),
                    "two event subscribers have one id; the second is left out"
                );
                continue;
            }
            let (queue, events) = mpsc::channel(CAPACITY);
            let counts = Arc::<Counts>::default();
            for topic in subscriber.topics() {
                let places = bus.by_topic.entry(topic.clone()).or_default();
                if places.last() != Some(&bus.subscriptions.len()) {
                    places.push(bus.subscriptions.len());
                }
            }
            bus.waiting.get_mut().push((Arc::clone(subscriber), events, Arc::clone(&counts)));
            bus.subscriptions.push(Subscription { subscriber: Arc::clone(subscriber), queue, counts });
        }
        bus
    }

    pub(crate) fn has_subscribers(&self, topic: &str) -> bool {
        self.by_topic.contains_key(topic)
    }

    /// Starts handing out what was published. When stopping, what waits already is handed out before the end.
    pub(crate) fn start(
        &self,
        tasks: &TaskTracker,
        stopping: &CancellationToken,
        aborting: &CancellationToken,
    ) {
        for (subscriber, events, counts) in self.waiting.lock().drain(..) {
            let stopping = stopping.clone();
            let aborting = aborting.clone();
            tasks.spawn(async move {
                aborting.run_until_cancelled(hand_out(subscriber, events, counts, stopping)).await;
            });
        }
    }

    pub(crate) fn counts(&self) -> Vec<SubscriberCounts> {
        let of = |subscription: &Subscription| SubscriberCounts {
            subscriber: subscription.subscriber.id().to_owned(),
            delivered: subscription.counts.delivered.load(Ordering::Relaxed),
            failed: subscription.counts.failed.load(Ordering::Relaxed),
            dropped: subscription.counts.dropped.load(Ordering::Relaxed),
        };
        self.subscriptions.iter().map(of).collect()
    }
}

impl EventBus for SubscriberBus {
    fn publish(&self, event: Event) {
        let Some(places) = self.by_topic.get(&event.topic) else { return };
        let event = Arc::new(event);
        for subscription in places.iter().filter_map(|place| self.subscriptions.get(*place)) {
            match subscription.queue.try_send(Arc::clone(&event)) {
                // It is closed when the server is stopping.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
                Err(mpsc::error::TrySendError::Full(_)) => {
                    let dropped = subscription.counts.dropped.fetch_add(1, Ordering::Relaxed) + 1;
                    // The first of them, and then ever fewer: a flood must not fill the log as well.
                    if dropped.is_power_of_two() {
                        tracing::warn!(
                            subscriber = subscription.subscriber.id(),
                            topic = event.topic,
                            dropped,
                            "an event subscriber does not keep up; events are left out"
                        );
                    }
                }
            }
        }
    }
}

async fn hand_out(
    subscriber: Arc<dyn EventSubscriber>,
    mut events: mpsc::Receiver<Arc<Event>>,
    counts: Arc<Counts>,
    stopping: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = stopping.cancelled(), if !events.is_closed() => {
                events.close();
                continue;
            }
        };
        let Some(event) = event else { return };
        let call = AssertUnwindSafe(subscriber.on_event(&event)).catch_unwind();
        let failure = match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(_)) => Some("it panicked".to_owned()),
            Err(_) => Some(format!("it took longer than {} s", PATIENCE.as_secs())),
        };
        match failure {
            None => counts.delivered.fetch_add(1, Ordering::Relaxed),
            Some(error) => {
                tracing::warn!(
                    subscriber = subscriber.id(),
                    topic = event.topic,
                    error,
                    "an event subscriber failed"
                );
                counts.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}
