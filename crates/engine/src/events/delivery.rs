//! Hands events to one subscriber, one after the other.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use callboard_sdk::Event;
use callboard_store::{EventTicket, QueuedEvent, StoreError};
use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::bus::Subscription;
use crate::clock::later;
use crate::core::Core;

/// How many events are taken at once.
const BATCH: usize = 64;
/// How long a subscriber may take for one event.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long events are taken; made longer after each. If this node is gone, another one takes them then.
const LEASE: Duration = Duration::from_mins(1);

/// The events of one subscriber, as far as this node takes them.
pub(super) struct Delivery {
    core: Arc<Core>,
    subscription: Subscription,
    news: watch::Receiver<()>,
}

impl Delivery {
    pub(super) fn new(core: Arc<Core>, subscription: Subscription, news: watch::Receiver<()>) -> Self {
        Self { core, subscription, news }
    }

    /// When stopping, the event that is in the subscriber's hands is the last one; the others wait for the next start
    /// or another node.
    pub(super) async fn run(mut self, stopping: CancellationToken) {
        let poll_interval = self.core.settings.events.poll_interval;
        while !stopping.is_cancelled() {
            self.news.mark_unchanged();
            match self.take_and_hand_out(&stopping).await {
                Ok(true) => {}
                Ok(false) => {
                    // Other nodes publish, too, and their word may get lost.
                    let waiting = tokio::time::timeout(poll_interval, self.news.changed());
                    _ = stopping.run_until_cancelled(waiting).await;
                }
                Err(error) => {
                    self.core.database.note(&error);
                    tracing::warn!(
                        subscriber = self.id(),
                        error = &error as &dyn std::error::Error,
                        "the events of a subscriber could not be taken"
                    );
                    _ = stopping.run_until_cancelled(tokio::time::sleep(poll_interval)).await;
                }
            }
        }
    }

    fn id(&self) -> &str {
        self.subscription.subscriber.id()
    }

    fn lease(&self) -> Timestamp {
        later(self.core.clock.now(), LEASE)
    }

    /// Returns whether there were any.
    async fn take_and_hand_out(&self, stopping: &CancellationToken) -> Result<bool, StoreError> {
        let store = &self.core.store;
        let ticket = EventTicket::random();
        let now = self.core.clock.now();
        let events = store.take_events(self.id(), ticket, BATCH, now, self.lease()).await?;
        let count = events.len();
        for (place, event) in events.into_iter().enumerate() {
            let sequence = event.sequence;
            if stopping.is_cancelled() {
                store.acknowledge_events(self.id(), ticket, sequence - 1, None).await?;
                return Ok(true);
            }
            self.hand_out(event).await;
            let lease = (place + 1 < count).then(|| self.lease());
            if !store.acknowledge_events(self.id(), ticket, sequence, lease).await? {
                tracing::warn!(
                    subscriber = self.id(),
                    "another node has taken the events of a subscriber; it may get one twice"
                );
                break;
            }
        }
        Ok(count > 0)
    }

    async fn hand_out(&self, event: QueuedEvent) {
        let topic = event.topic.clone();
        let failure = match read(event) {
            Err(error) => Some(error.to_string()),
            Ok(event) => {
                let call = AssertUnwindSafe(self.subscription.subscriber.on_event(&event)).catch_unwind();
                match tokio::time::timeout(PATIENCE, call).await {
                    Ok(Ok(Ok(()))) => None,
                    Ok(Ok(Err(error))) => Some(error.to_string()),
                    Ok(Err(_)) => Some("it panicked".to_owned()),
                    Err(_) => Some(format!("it took longer than {} s", PATIENCE.as_secs())),
                }
            }
        };
        let counts = &self.subscription.counts;
        let result = match failure {
            None => {
                counts.delivered.fetch_add(1, Ordering::Relaxed);
                "ok"
            }
            Some(error) => {
                tracing::warn!(subscriber = self.id(), topic, error, "an event subscriber failed");
                counts.failed.fetch_add(1, Ordering::Relaxed);
                "failed"
            }
        };
        metrics::counter!(
            "catalog_events_delivered_total", "subscriber" => self.id().to_owned(), "result" => result
        )
        .increment(1);
    }
}

fn read(event: QueuedEvent) -> serde_json::Result<Event> {
    Ok(Event {
        topic: event.topic,
        payload: serde_json::from_slice(&event.payload)?,
        metadata: serde_json::from_slice(&event.metadata)?,
    })
}
