//! The public face of a running engine: what the HTTP API, the web page and the command line call.

mod ancestry;
mod descriptors;
mod dry_run;
mod examination;
mod import;
mod locations;
mod push;
mod validation;

use std::sync::Arc;
use std::time::Duration;

use callboard_index::IndexReader;
use callboard_model::EntityRef;
use callboard_model::layers::CompiledModel;
use callboard_sdk::{Event, EventBus, ScmEvents};
use callboard_store::{
    ChangeSequence, EntityState, ProviderName, QueueDepth, RefreshOutcome, RefusedRemoval,
    RegisteredLocation, StoreError, Uid,
};
use tokio::sync::broadcast;

pub use ancestry::AncestryItem;
pub use dry_run::DryRun;
pub use examination::{Examination, examine_store, repair_store};
pub use import::{ImportOutcome, ImportedLocation, import_location, imported_claim};
pub use locations::LocationError;
pub use push::{PushError, PushProgress, PushReport};

use crate::clock::later;
use crate::core::Core;
use crate::database_state::DatabaseState;
use crate::events::{CatalogEvent, SubscriberBus, SubscriberCounts};
use crate::incremental::IncrementalControl;
use crate::measurements;
use crate::scheduling::Scheduler;
use crate::scm_events::ScmEventBus;
use crate::settings::EngineSettings;

/// How long a confirmation of refused removals holds.
const CONFIRMATION: Duration = Duration::from_hours(24);

/// A cheap handle on a running catalog; clones share it.
///
/// Every method that changes something returns when the index shows the change, so that whoever reads next
/// sees it.
#[derive(Clone)]
pub struct Catalog {
    core: Arc<Core>,
}

impl Catalog {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// All that is read: every final entity, in memory.
    pub fn index(&self) -> &IndexReader {
        &self.core.index
    }

    /// Ends when the index shows all changes up to `sequence`; `false` when `timeout` is over before that.
    pub async fn wait_for(&self, sequence: ChangeSequence, timeout: Duration) -> bool {
        self.core.wait_for(sequence, timeout).await
    }

    /// Whether the start is complete: the index is filled, providers have had their time to connect.
    pub fn is_ready(&self) -> bool {
        self.core.is_ready()
    }

    /// What the database does, as far as is known.
    pub fn database_state(&self) -> DatabaseState {
        self.core.database.state()
    }

    /// To be told when a call failed because the database [cannot be written to](StoreError::Unwritable): it is so
    /// until the database was found to take writes.
    pub fn note_unwritable(&self) {
        self.core.database.note_unwritable();
    }

    /// How the engine was set up.
    pub fn settings(&self) -> &EngineSettings {
        &self.core.settings
    }

    /// Counts what is in the catalog, for whoever collects metrics; at most every ten seconds.
    ///
    /// # Errors
    ///
    /// The database failed.
    pub async fn measure(&self) -> Result<(), StoreError> {
        measurements::measure(&self.core, self.clone()).await
    }

    /// What runs tasks.
    pub fn scheduler(&self) -> &Scheduler {
        &self.core.scheduler
    }

    /// The kinds and relations that are installed. None where a processor has taken their place.
    pub fn model(&self) -> Option<&CompiledModel> {
        self.core.model.as_ref()
    }

    /// What can be done about large sources.
    pub fn incremental(&self) -> IncrementalControl {
        IncrementalControl::new(Arc::clone(&self.core))
    }

    /// Removals that were refused and that nobody has made up for, in order of their providers' names.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn refused_removals(&self) -> Result<Vec<RefusedRemoval>, StoreError> {
        self.core.store.refusals().await
    }

    /// Lets the next change of a provider pass that was refused one, within a day. `false`: it was refused none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn confirm_removals(&self, provider: &ProviderName) -> Result<bool, StoreError> {
        let until = later(self.core.clock.now(), CONFIRMATION);
        self.core.store.confirm_refusal(provider, until).await
    }

    /// What happens from now on. A listener that falls behind misses the oldest events.
    pub fn events(&self) -> broadcast::Receiver<CatalogEvent> {
        self.core.events.listen()
    }

    /// Hands an event in for all subscribers, on whatever node. When this returns, it is written, and not lost any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn publish(&self, event: Event) -> Result<(), StoreError> {
        self.core.events.bus.publish_safely(&self.core, event).await
    }

    /// The same for those who cannot wait. It is written soon after; what comes faster is left out.
    pub fn event_bus(&self) -> Arc<dyn EventBus> {
        Arc::<SubscriberBus>::clone(&self.core.events.bus)
    }

    /// Where events of source code hosts are handed in.
    pub fn scm_events(&self) -> Arc<dyn ScmEvents> {
        Arc::<ScmEventBus>::clone(&self.core.scm_events)
    }

    /// What became of the events, for each subscriber.
    pub fn event_counts(&self) -> Vec<SubscriberCounts> {
        self.core.events.bus.counts()
    }

    /// Has an entity processed soon, and the locations above it. Does not wait for that.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn refresh(&self, entity_ref: &EntityRef) -> Result<RefreshOutcome, StoreError> {
        let outcome = self.core.store.refresh_entity(entity_ref, self.core.clock.now()).await?;
        self.core.signals.processing.notify_one();
        Ok(outcome)
    }

    /// Deletes the entity with this uid; `false` if there is none. It comes back, with another uid, if a source
    /// still has it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn delete_entity(&self, uid: &str) -> Result<bool, StoreError> {
        let Some(uid) = Uid::parse(uid) else { return Ok(false) };
        match self.core.store.delete_entity(uid, self.core.clock.now()).await? {
            None => Ok(false),
            Some(deletion) => {
                self.core.made_visible(deletion.sequence).await;
                Ok(true)
            }
        }
    }

    /// An entity and all above it: itself first, then depth first over parents, the parent that claimed it
    /// latest first, and each once. `None` if there is no such final entity.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn ancestry(&self, entity_ref: &EntityRef) -> Result<Option<Vec<AncestryItem>>, StoreError> {
        ancestry::ancestry(&self.core, entity_ref).await
    }

    /// The entities that were never stitched, because they wait for it or because they failed since they came.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn unprocessed(&self) -> Result<Vec<EntityState>, StoreError> {
        self.core.store.unstitched().await
    }

    /// Deletes an entity that was never stitched, like any other.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn delete_unprocessed(&self, uid: &str) -> Result<bool, StoreError> {
        self.delete_entity(uid).await
    }

    /// How much there is, and how much work waits.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn queue_depth(&self) -> Result<QueueDepth, StoreError> {
        self.core.store.queue_depth().await
    }

    /// All registered locations, in order of registration.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn locations(&self) -> Result<Vec<RegisteredLocation>, StoreError> {
        locations::all(&self.core).await
    }
}
