use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Result, Uid};

/// An event on its way to its subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Tells it from every other. One that is enqueued again, because it is not known whether it was before, counts
    /// once.
    pub id: Uid,
    /// What kind of thing happened.
    pub topic: String,
    /// What happened, a JSON document.
    pub payload: Arc<[u8]>,
    /// What came along, a JSON document.
    pub metadata: Arc<[u8]>,
}

/// An event that is kept for its subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedEvent {
    /// Its place in the queue.
    pub sequence: u64,
    /// What kind of thing happened.
    pub topic: String,
    /// What happened, a JSON document.
    pub payload: Arc<[u8]>,
    /// What came along, a JSON document.
    pub metadata: Arc<[u8]>,
}

/// Tells who has taken the events of a subscriber from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTicket(Uid);

impl EventTicket {
    /// A new random one.
    pub fn random() -> Self {
        Self(Uid::random())
    }

    /// The 16 bytes that a database keeps.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

/// What is kept of old events and subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRetention {
    /// What is older goes, and so do subscribers that nobody has spoken of since.
    pub since: Timestamp,
    /// Of more events than these the oldest go.
    pub events: u64,
}

/// Events that wait for their subscribers. Each event comes to each subscriber once, in the order in which they were
/// enqueued, whatever node takes it. Each method is one transaction.
#[async_trait]
pub trait EventQueue: Send + Sync {
    /// From now on, events of these topics are kept for a subscriber. One that is known goes on where it was, with
    /// these topics; a new one begins with what comes next.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn subscribe(&self, subscriber: &str, topics: &[String], now: Timestamp) -> Result<()>;

    /// The topics that any subscriber wants, in alphabetical order.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn subscribed_topics(&self) -> Result<Vec<String>>;

    /// Keeps events, apart from those whose topic nobody wants. Returns how many are kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError); none is kept then.
    async fn enqueue_events(&self, events: Vec<NewEvent>, now: Timestamp) -> Result<usize>;

    /// The next events of a subscriber, `limit` at most, unless somebody else has taken some of them until a time that
    /// is not over. With any, nobody else gets events of this subscriber until `lease`.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn take_events(
        &self,
        subscriber: &str,
        ticket: EventTicket,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<QueuedEvent>>;

    /// Says that a subscriber has had all events up to this one. Until `lease` the others are still kept from everybody
    /// else; with `None` they are given back. `false`: somebody else has taken them in the meantime.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn acknowledge_events(
        &self,
        subscriber: &str,
        ticket: EventTicket,
        sequence: u64,
        lease: Option<Timestamp>,
    ) -> Result<bool>;

    /// Says that these subscribers are still there, and removes what everyone has had or what is not to be kept any
    /// longer. Returns how many events were removed that somebody had not had.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn tend_events(
        &self,
        subscribers: &[String],
        now: Timestamp,
        retention: EventRetention,
    ) -> Result<u64>;
}
