//! What the engine tells whoever listens inside this process.

mod bus;
mod delivery;
mod payload;

use std::sync::Arc;

use callboard_model::{EntityError, EntityRef, LocationKey};
use callboard_sdk::{EventBus as _, EventSubscriber};
use jiff::Timestamp;
use tokio::sync::broadcast;

pub(crate) use bus::SubscriberBus;
pub use bus::SubscriberCounts;

/// How many events a slow listener may be behind before it misses the oldest.
const CAPACITY: usize = 256;

/// The topic of failed runs.
pub const ERRORS_TOPIC: &str = "experimental.catalog.errors";
/// The topic of conflicts.
pub const CONFLICT_TOPIC: &str = "experimental.catalog.conflict";
/// The topic of removals that were refused.
pub const REMOVAL_REFUSED_TOPIC: &str = "callboard.catalog.removal-refused";

/// Something that happened.
#[derive(Debug, Clone)]
pub enum CatalogEvent {
    /// The run of an entity failed; sent in every round in which it does.
    ProcessingFailed {
        /// Which entity.
        entity_ref: EntityRef,
        /// Where it was read from, if it says so.
        location: Option<String>,
        /// What went wrong.
        errors: Arc<[EntityError]>,
    },
    /// A claim lost against one with another location key. Sent when the claim is made or changes.
    Conflict {
        /// The entity that both claim.
        entity_ref: EntityRef,
        /// The key of the losing claim.
        rejected_key: LocationKey,
        /// The key that the entity keeps.
        holder_key: Option<LocationKey>,
        /// The entity as the losing claim has it, as JSON, if it is at hand.
        unprocessed_entity: Option<Arc<[u8]>>,
        /// When it was noticed.
        at: Timestamp,
    },
    /// A change of a provider's bucket was refused because it would have removed too much.
    RemovalRefused {
        /// Whose bucket.
        provider: String,
        /// How many entities it would have removed.
        removed: u64,
        /// How many there were.
        total: u64,
        /// When.
        at: Timestamp,
    },
}

impl CatalogEvent {
    /// The name under which events of this kind are known to other systems.
    pub fn topic(&self) -> &'static str {
        match self {
            Self::ProcessingFailed { .. } => ERRORS_TOPIC,
            Self::Conflict { .. } => CONFLICT_TOPIC,
            Self::RemovalRefused { .. } => REMOVAL_REFUSED_TOPIC,
        }
    }
}

/// The two ways in which events go out: as values to listeners inside the program, and as JSON to subscribers.
pub(crate) struct Events {
    listeners: broadcast::Sender<CatalogEvent>,
    pub(crate) bus: Arc<SubscriberBus>,
}

impl Events {
    pub(crate) fn new(subscribers: &[Arc<dyn EventSubscriber>]) -> Self {
        Self { listeners: broadcast::Sender::new(CAPACITY), bus: Arc::new(SubscriberBus::new(subscribers)) }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<CatalogEvent> {
        self.listeners.subscribe()
    }

    /// Whether anybody wants to hear of this topic; if not, the event need not be made.
    pub(crate) fn is_wanted(&self, topic: &str) -> bool {
        self.listeners.receiver_count() > 0 || self.bus.has_subscribers(topic)
    }

    pub(crate) fn publish(&self, event: CatalogEvent) {
        if self.bus.has_subscribers(event.topic()) {
            self.bus.publish(event.to_event());
        }
        // Nobody listening is no failure.
        let _ = self.listeners.send(event);
    }
}
