//! What happens on source code hosts: web hooks are translated, the catalog acts on them, and others are told.

mod place;
mod reaction;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use callboard_sdk::{
    Event, EventSubscriber, ScmEvent, ScmEventSubscriber, ScmEventTranslator, ScmEvents, SubscriberError,
    async_trait,
};
use callboard_store::StoreError;
use futures::FutureExt as _;
use futures::future::join_all;

use crate::core::Core;

/// How long a subscriber may take for a batch.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hands events of source code hosts to the catalog and to all subscribers.
pub(crate) struct ScmEventBus {
    subscribers: Vec<Arc<dyn ScmEventSubscriber>>,
    /// Weak: the core owns the bus. There is none before the engine is together.
    core: OnceLock<Weak<Core>>,
}

impl ScmEventBus {
    pub(crate) fn new(subscribers: Vec<Arc<dyn ScmEventSubscriber>>) -> Self {
        Self { subscribers, core: OnceLock::new() }
    }

    /// Says which catalog acts on events.
    pub(crate) fn attach(&self, core: &Arc<Core>) {
        self.core.get_or_init(|| Arc::downgrade(core));
    }

    /// Returns what kept the catalog from acting.
    async fn handle(&self, events: &[ScmEvent]) -> Result<(), StoreError> {
        for event in events {
            metrics::counter!("catalog_events_scm_messages_total", "event" => event.name()).increment(1);
        }
        let Some(core) = self.core.get().and_then(Weak::upgrade) else { return Ok(()) };
        let reacted = reaction::react(&core, events).await;
        join_all(self.subscribers.iter().map(|subscriber| tell(&**subscriber, events))).await;
        reacted
    }
}

#[async_trait]
impl ScmEvents for ScmEventBus {
    async fn publish(&self, events: &[ScmEvent]) {
        if let Err(error) = self.handle(events).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the catalog could not act on events of a source code host"
            );
        }
    }
}

async fn tell(subscriber: &dyn ScmEventSubscriber, events: &[ScmEvent]) {
    let call = AssertUnwindSafe(subscriber.on_events(events)).catch_unwind();
    let error = match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(Ok(()))) => return,
        Ok(Ok(Err(error))) => error.to_string(),
        Ok(Err(_)) => "it panicked".to_owned(),
        Err(_) => format!("it took longer than {} s", PATIENCE.as_secs()),
    };
    tracing::warn!(subscriber = subscriber.id(), error, "an SCM event subscriber failed");
}

/// Takes the web hooks that a translator understands.
pub(crate) struct Translation {
    id: String,
    translator: Arc<dyn ScmEventTranslator>,
    bus: Arc<ScmEventBus>,
}

impl Translation {
    pub(crate) fn new(translator: Arc<dyn ScmEventTranslator>, bus: Arc<ScmEventBus>) -> Self {
        Self { id: format!("catalog-scm-events:{}", translator.id()), translator, bus }
    }
}

#[async_trait]
impl EventSubscriber for Translation {
    fn id(&self) -> &str {
        &self.id
    }

    fn topics(&self) -> &[String] {
        self.translator.topics()
    }

    async fn on_event(&self, event: &Event) -> Result<(), SubscriberError> {
        let events = self.translator.translate(event);
        if events.is_empty() {
            return Ok(());
        }
        tracing::debug!(translator = self.translator.id(), events = events.len(), "a source code host tells");
        Ok(self.bus.handle(&events).await?)
    }
}
