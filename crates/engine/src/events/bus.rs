//! Takes events in, and keeps them for their subscribers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callboard_sdk::{Event, EventBus, EventSubscriber};
use callboard_store::{EventRetention, NewEvent, StoreError, Uid};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::delivery::Delivery;
use crate::clock::earlier;
use crate::core::Core;

/// How many events may wait to be written.
const CAPACITY: usize = 1024;
/// How many are written at once.
const BATCH: usize = 256;
/// How long to wait before the database is asked again when it failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What became of the events of one subscriber, on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberCounts {
    /// Its id.
    pub subscriber: String,
    /// Events it took.
    pub delivered: u64,
    /// Events it failed at: errors, panics, and those that took too long.
    pub failed: u64,
    /// Events that came faster than they could be written.
    pub dropped: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    dropped: AtomicU64,
}

/// A subscriber, and what became of its events.
#[derive(Clone)]
pub(super) struct Subscription {
    pub(super) subscriber: Arc<dyn EventSubscriber>,
    pub(super) counts: Arc<Counts>,
}

/// All subscriptions of this process. They are made before the start, and stay.
pub(crate) struct SubscriberBus {
    subscriptions: Vec<Subscription>,
    /// The topics that anyone wants, also on other nodes.
    wanted: RwLock<HashSet<String>>,
    outbox: mpsc::Sender<NewEvent>,
    /// The other end, until the start.
    unwritten: Mutex<Option<mpsc::Receiver<NewEvent>>>,
    /// Told when there are events.
    news: watch::Sender<()>,
}

impl SubscriberBus {
    /// Of several subscribers with one id the first counts.
    pub(crate) fn new(subscribers: &[Arc<dyn EventSubscriber>]) -> Self {
        let (outbox, unwritten) = mpsc::channel(CAPACITY);
        let mut subscriptions: Vec<Subscription> = Vec::with_capacity(subscribers.len());
        for subscriber in subscribers {
            if subscriptions.iter().any(|known| known.subscriber.id() == subscriber.id()) {
                tracing::warn!(
                    subscriber = subscriber.id(),
                    "two event subscribers have one id; the second is left out"
                );
                continue;
            }
            subscriptions.push(Subscription { subscriber: Arc::clone(subscriber), counts: Arc::default() });
        }
        let topics = subscriptions.iter().flat_map(|known| known.subscriber.topics()).cloned().collect();
        Self {
            subscriptions,
            wanted: RwLock::new(topics),
            outbox,
            unwritten: Mutex::new(Some(unwritten)),
            news: watch::Sender::new(()),
        }
    }

    pub(crate) fn has_subscribers(&self, topic: &str) -> bool {
        self.wanted.read().contains(topic)
    }

    /// From now on, events are kept for all subscribers.
    pub(crate) async fn subscribe(&self, core: &Core) -> Result<(), StoreError> {
        for Subscription { subscriber, .. } in &self.subscriptions {
            core.store.subscribe(subscriber.id(), subscriber.topics(), core.clock.now()).await?;
        }
        self.learn_topics(core).await
    }

    /// Starts writing and handing out what was published.
    pub(crate) fn start(
        &self,
        core: &Arc<Core>,
        tasks: &TaskTracker,
        stopping: &CancellationToken,
        aborting: &CancellationToken,
    ) {
        if let Some(unwritten) = self.unwritten.lock().take() {
            tasks.spawn(write(Arc::clone(core), unwritten, stopping.clone()));
            tasks.spawn(tend(Arc::clone(core), stopping.clone()));
        }
        for subscription in &self.subscriptions {
            let delivery = Delivery::new(Arc::clone(core), subscription.clone(), self.news.subscribe());
            let (stopping, aborting) = (stopping.clone(), aborting.clone());
            tasks.spawn(async move {
                aborting.run_until_cancelled(delivery.run(stopping)).await;
            });
        }
    }

    /// Hands an event in. When this returns, it is written.
    pub(crate) async fn publish_safely(&self, core: &Core, event: Event) -> Result<(), StoreError> {
        core.store.enqueue_events(vec![written(event)], core.clock.now()).await?;
        self.wake();
        Ok(())
    }

    /// There may be events.
    pub(crate) fn wake(&self) {
        self.news.send_replace(());
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

    async fn learn_topics(&self, core: &Core) -> Result<(), StoreError> {
        let mut topics: HashSet<String> = core.store.subscribed_topics().await?.into_iter().collect();
        topics.extend(self.subscriptions.iter().flat_map(|known| known.subscriber.topics()).cloned());
        *self.wanted.write() = topics;
        Ok(())
    }

    fn drop_event(&self, topic: &str) {
        let concerned =
            |known: &&Subscription| known.subscriber.topics().iter().any(|wanted| wanted == topic);
        for subscription in self.subscriptions.iter().filter(concerned) {
            let dropped = subscription.counts.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            // The first of them, and then ever fewer: a flood must not fill the log as well.
            if dropped.is_power_of_two() {
                tracing::warn!(
                    subscriber = subscription.subscriber.id(),
                    topic,
                    dropped,
                    "events come faster than they can be written; some are left out"
                );
            }
        }
    }
}

impl EventBus for SubscriberBus {
    fn publish(&self, event: Event) {
        if !self.has_subscribers(&event.topic) {
            return;
        }
        match self.outbox.try_send(written(event)) {
            // It is closed when the server is stopping.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(event)) => self.drop_event(&event.topic),
        }
    }
}

/// As it is kept. Writing JSON values as JSON does not fail.
fn written(event: Event) -> NewEvent {
    NewEvent {
        id: Uid::random(),
        topic: event.topic,
        payload: serde_json::to_vec(&event.payload).unwrap_or_default().into(),
        metadata: serde_json::to_vec(&event.metadata).unwrap_or_default().into(),
    }
}

/// Writes what was published. When stopping, what is there already is written before the end.
async fn write(core: Arc<Core>, mut unwritten: mpsc::Receiver<NewEvent>, stopping: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let received = tokio::select! {
            received = unwritten.recv_many(&mut batch, BATCH) => received,
            () = stopping.cancelled(), if !unwritten.is_closed() => {
                unwritten.close();
                continue;
            }
        };
        if received == 0 {
            return;
        }
        while let Err(error) = core.store.enqueue_events(batch.clone(), core.clock.now()).await {
            core.database.note(&error);
            tracing::error!(
                error = &error as &dyn std::error::Error,
                events = batch.len(),
                "events could not be written"
            );
            if stopping.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
        batch.clear();
        core.events.bus.wake();
    }
}

/// Removes what is not needed any more, and finds out what is wanted on other nodes.
async fn tend(core: Arc<Core>, stopping: CancellationToken) {
    let settings = core.settings.events;
    let bus = &core.events.bus;
    let own: Vec<String> = bus.subscriptions.iter().map(|known| known.subscriber.id().to_owned()).collect();
    while stopping.run_until_cancelled(tokio::time::sleep(settings.tend_interval)).await.is_some() {
        let now = core.clock.now();
        let retention = EventRetention { since: earlier(now, settings.max_age), events: settings.max_events };
        let tended = async {
            let lost = core.store.tend_events(&own, now, retention).await?;
            if lost > 0 {
                tracing::warn!(events = lost, "events were removed that some subscriber has not had");
            }
            bus.learn_topics(&core).await
        };
        if let Err(error) = tended.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old events could not be removed");
        }
    }
}
