use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use jiff::Timestamp;
use std::sync::Arc;

use crate::{Conflict, Document, DocumentHash, NewClaim, Result, Uid};

/// An entity whose turn it is, with all that its processing needs.
#[derive(Debug, Clone)]
pub struct DueEntity {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// Its uid.
    pub uid: Uid,
    /// The winning claim's document.
    pub document: Document,
    /// The winning claim's location key.
    pub location_key: Option<LocationKey>,
    /// The hash of what its last run came to, `None` before the first, and when the outcome must be written
    /// again whatever it is.
    pub result_hash: Option<DocumentHash>,
    /// The processor cache of the last run, as the engine wrote it.
    pub cache: Option<Arc<[u8]>>,
    /// Since when it was due.
    pub due_since: Timestamp,
    /// Whether it is new, changed or asked for, rather than a routine refresh.
    pub urgent: bool,
}

impl DueEntity {
    /// Whether this is a routine refresh whose run need not be done again.
    pub fn is_settled(&self, is_settled: IsSettled<'_>) -> bool {
        let known = |result_hash| KnownRun { uid: self.uid, document_hash: self.document.hash, result_hash };
        !self.urgent && self.cache.is_none() && self.result_hash.is_some_and(|hash| is_settled(known(hash)))
    }
}

/// A run that was done before: the document of an entity, and what it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownRun {
    /// The entity's uid.
    pub uid: Uid,
    /// Its document.
    pub document_hash: DocumentHash,
    /// What the run came to, as it is stored.
    pub result_hash: DocumentHash,
}

/// Says of a run whether it need not be done again.
pub type IsSettled<'a> = &'a (dyn Fn(KnownRun) -> bool + Send + Sync);

/// What was taken off the queue.
#[derive(Debug, Default)]
pub struct TakenUp {
    /// What is to be processed.
    pub due: Vec<DueEntity>,
    /// How many routine refreshes were settled.
    pub settled: usize,
}

/// One relation as a processing run emitted it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredRelation {
    /// Where it starts; it is shown on this entity.
    pub source: EntityRef,
    /// `ownedBy` and the like.
    pub relation_type: Arc<str>,
    /// Where it points; need not exist.
    pub target: EntityRef,
}

/// What one run came to.
#[derive(Debug, Clone)]
pub enum ProcessingOutcome {
    /// The same as last time: nothing is written.
    Unchanged,
    /// It failed. Output of earlier runs stays.
    Failed {
        /// A JSON array of errors.
        errors: Arc<[u8]>,
        /// The hash of this outcome.
        result_hash: DocumentHash,
    },
    /// It went well; this replaces all output of earlier runs.
    Succeeded {
        /// The entity after processing, without relations and status.
        processed: Arc<[u8]>,
        /// Relations it originates. Duplicates collapse.
        relations: Vec<StoredRelation>,
        /// Its claims on others. Of several on one ref, the last one with the key of the first counts.
        children: Vec<NewClaim>,
        /// What makes it due when it changes outside.
        refresh_keys: Vec<String>,
        /// The hash of this outcome.
        result_hash: DocumentHash,
    },
}

/// What becomes of an entity's processor cache.
#[derive(Debug, Clone)]
pub enum ProcessorCacheUpdate {
    /// It stays as it is.
    Keep,
    /// It is replaced.
    Replace(Arc<[u8]>),
    /// It is dropped.
    Clear,
}

/// The outcome of one entity's run, to be written.
#[derive(Debug, Clone)]
pub struct ProcessingCommit {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// Its uid when it was claimed. If it has another by now, or is gone, nothing is written.
    pub uid: Uid,
    /// The document that was processed. If the entity has another by now, it stays due.
    pub document_hash: DocumentHash,
    /// What came of it.
    pub outcome: ProcessingOutcome,
    /// What becomes of the processor cache.
    pub cache: ProcessorCacheUpdate,
    /// When it is to be refreshed next.
    pub next_due: Timestamp,
}

/// What committing a batch came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitReport {
    /// Entities that had been deleted meanwhile; their outcome was dropped.
    pub dropped: usize,
    /// New or changed child claims that did not win.
    pub conflicts: Vec<Conflict>,
    /// Child claims that were written because they are new or differ.
    pub children_written: usize,
}

/// The second stage: what is due is processed, and its outcome written.
#[async_trait]
pub trait Processing: Send + Sync {
    /// Takes up to `limit` due entities off the queue: first those that are new, changed or asked for, by due
    /// time, then routine refreshes. A share of the batch (an eighth, at least one) is kept for routine
    /// refreshes that are due, so that a flood of changes cannot stop them.
    ///
    /// What is taken is not due again before `lease_until` (urgent entities) or `next_due` (routine ones, for
    /// which the lease is the schedule: an unchanged outcome needs no further write).
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn claim_due(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
        next_due: Timestamp,
    ) -> Result<Vec<DueEntity>>;

    /// The same, but routine refreshes whose run is settled are only put back into the queue, until `next_due`, and
    /// counted. They are a part of `limit`, too. A store that can tell them without reading their documents does.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn claim_unsettled(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
        next_due: Timestamp,
        is_settled: IsSettled<'_>,
    ) -> Result<TakenUp> {
        let all = self.claim_due(limit, now, lease_until, next_due).await?;
        let count = all.len();
        let due: Vec<DueEntity> = all.into_iter().filter(|due| !due.is_settled(is_settled)).collect();
        Ok(TakenUp { settled: count - due.len(), due })
    }

    /// When the next entity is due; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn next_due(&self) -> Result<Option<Timestamp>>;

    /// Writes the outcomes of a batch in one transaction: output, relations, child claims (with all that
    /// [`Ingestion`](crate::Ingestion) promises of claims), refresh keys, caches, queue times and stitch marks.
    ///
    /// Marked for stitching are: entities whose processed document, errors or orphan state changed, and the
    /// sources of relations that came or went.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError); nothing was written then.
    async fn commit_processed(&self, batch: Vec<ProcessingCommit>, now: Timestamp) -> Result<CommitReport>;

    /// Makes every entity due whose run had begun and was never committed, and every mark whose stitch had, unless
    /// another process is at it that is alive. Returns how many entities there were. To be called once, at the
    /// start.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn reclaim_leases(&self, now: Timestamp) -> Result<usize>;
}
