//! What the engine tells whoever listens inside this process.

use std::sync::Arc;

use callboard_model::{EntityError, EntityRef, LocationKey};
use jiff::Timestamp;
use tokio::sync::broadcast;

/// How many events a slow listener may be behind before it misses the oldest.
const CAPACITY: usize = 256;

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
        /// When it was noticed.
        at: Timestamp,
    },
}

impl CatalogEvent {
    /// The name under which events of this kind are known to other systems.
    pub fn topic(&self) -> &'static str {
        match self {
            Self::ProcessingFailed { .. } => "experimental.catalog.errors",
            Self::Conflict { .. } => "experimental.catalog.conflict",
        }
    }
}

/// Hands every event to every listener. Without listeners, events are nothing.
#[derive(Debug, Clone)]
pub(crate) struct EventBus(broadcast::Sender<CatalogEvent>);

impl Default for EventBus {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl EventBus {
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<CatalogEvent> {
        self.0.subscribe()
    }

    pub(crate) fn has_listeners(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn publish(&self, event: CatalogEvent) {
        // Nobody listening is no failure.
        let _ = self.0.send(event);
    }
}
