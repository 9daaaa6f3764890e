use std::sync::{Arc, OnceLock, Weak};

use callboard_sdk::{
    Event, EventSubscriber, IncrementalChange, IncrementalRegistration, IncrementalSource, SubscriberError,
    async_trait,
};
use callboard_store::ProviderName;

use crate::core::Core;
use crate::providers::connection::claims;

/// Hands events to a large source, and writes what it makes of them.
pub(crate) struct Listener {
    id: String,
    topics: Vec<String>,
    source: Arc<dyn IncrementalSource>,
    /// Weak: the core owns the bus, and that owns its subscribers. There is none before the engine is together.
    core: OnceLock<Weak<Core>>,
}

impl Listener {
    /// Of a source that wants to hear of events.
    pub(crate) fn of(registration: &IncrementalRegistration) -> Option<Arc<Self>> {
        let source = Arc::clone(&registration.source);
        let topics = source.event_topics();
        let id = format!("catalog-backend-module-incremental-ingestion:{}", source.name());
        (!topics.is_empty()).then(|| Arc::new(Self { id, topics, source, core: OnceLock::new() }))
    }

    /// Says where it writes to.
    pub(crate) fn attach(&self, core: &Arc<Core>) {
        self.core.get_or_init(|| Arc::downgrade(core));
    }
}

#[async_trait]
impl EventSubscriber for Listener {
    fn id(&self) -> &str {
        &self.id
    }

    fn topics(&self) -> &[String] {
        &self.topics
    }

    async fn on_event(&self, event: &Event) -> Result<(), SubscriberError> {
        let Some(core) = self.core.get().and_then(Weak::upgrade) else { return Ok(()) };
        let Some(change) = self.source.on_event(event).await? else { return Ok(()) };
        let IncrementalChange { added, removed } = change;
        let provider = ProviderName::new(self.source.name());
        let added = claims(&provider, added).await?;
        let report = core.store.apply_between_pages(&provider, added, removed, core.clock.now()).await?;
        core.changed(&report).await;
        Ok(())
    }
}
