use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use jiff::Timestamp;
use std::sync::Arc;

use crate::{Document, Result, Uid};

/// Everything the store knows of one entity that is not in its final form.
#[derive(Debug, Clone)]
pub struct EntityState {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// Its uid.
    pub uid: Uid,
    /// The winning claim's document.
    pub unprocessed: Document,
    /// The winning claim's location key.
    pub location_key: Option<LocationKey>,
    /// The entity after its last successful run.
    pub processed: Option<Arc<[u8]>>,
    /// The errors of its last run, a JSON array; `None` if it went well or has not run yet.
    pub errors: Option<Arc<[u8]>>,
    /// When it is due.
    pub next_due: Timestamp,
    /// When its document was last written.
    pub discovered_at: Timestamp,
    /// The processor cache.
    pub cache: Option<Arc<[u8]>>,
}

/// A final entity as it lies in the database, readable or not.
#[derive(Debug, Clone)]
pub struct FinalDocument {
    /// Its ref.
    pub entity_ref: EntityRef,
    /// Its uid.
    pub uid: Uid,
    /// The hash that is stored with it; `None` if it has an impossible length.
    pub hash: Option<[u8; 20]>,
    /// The JSON, or why there is none.
    pub body: Result<Arc<[u8]>, String>,
}

/// How much work waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Entities there are.
    pub entities: u64,
    /// Final entities there are.
    pub final_entities: u64,
    /// Entities that are new, changed or asked for, and not processed since.
    pub urgent: u64,
    /// Marks to stitch.
    pub stitch_marks: u64,
    /// Orphans.
    pub orphans: u64,
}

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one, as a short stable name.
    pub invariant: &'static str,
    /// Where, and what was found.
    pub detail: String,
}

/// Something that was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The invariant that did not hold.
    pub invariant: &'static str,
    /// What was done.
    pub action: &'static str,
    /// How often.
    pub times: u64,
}

/// For people, tests and metrics: what is in the store.
#[async_trait]
pub trait Inspection: Send + Sync {
    /// The entities that were never stitched, in order of their refs.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn unstitched(&self) -> Result<Vec<EntityState>>;

    /// One entity.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn entity_state(&self, entity_ref: &EntityRef) -> Result<Option<EntityState>>;

    /// How much there is, and how much work waits.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn queue_depth(&self) -> Result<QueueDepth>;

    /// Checks every invariant of the stored state, and returns those that do not hold:
    ///
    /// - `claimed-entity-exists`: every claim is on an entity that exists, and every claim by an entity is by
    ///   one that exists;
    /// - `winner`: the unprocessed document and location key of each entity are those of its winning claim;
    /// - `orphan`: an entity is recorded as an orphan if and only if nothing claims it;
    /// - `queued`: every entity is in the queue once, and nothing else is;
    /// - `final-entity`: every final entity belongs to an entity with the same uid;
    /// - `relation-originator`: every relation was originated by an entity that exists;
    /// - `stitched`: an entity with output is stitched, or marked for it;
    /// - `change-log`: the log's last entry of each entity agrees with whether it has a final form.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn violations(&self) -> Result<Vec<Violation>>;

    /// What [`ChangeLog::final_entities`](crate::ChangeLog::final_entities) gives, in the same order, with what cannot be
    /// read and with hashes.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn final_documents(&self, after: Option<&EntityRef>, limit: usize) -> Result<Vec<FinalDocument>>;

    /// Drops the final form of these entities, as if they were gone, and has them processed and put together again,
    /// whatever comes of it. Returns how many there are.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError); nothing was changed then.
    async fn renew(&self, refs: &[EntityRef], now: Timestamp) -> Result<usize>;

    /// Mends what [`Inspection::violations`] finds, in one transaction, as far as it can be mended: what refers to
    /// nothing goes, entities are settled by their claims, queued and marked. What has to be processed first holds
    /// again after that.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError); nothing was changed then.
    async fn repair(&self, now: Timestamp) -> Result<Vec<Repair>>;
}
