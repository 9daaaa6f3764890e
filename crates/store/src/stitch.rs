use async_trait::async_trait;
use callboard_model::EntityRef;
use jiff::Timestamp;
use std::sync::Arc;

use crate::{ChangeSequence, Result, Uid};

/// Tells one request to stitch an entity from a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StitchTicket(pub i64);

/// All that goes into one final entity.
#[derive(Debug, Clone)]
pub struct StitchInput {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// Its uid.
    pub uid: Uid,
    /// The request that is being answered.
    pub ticket: StitchTicket,
    /// The entity after its last successful run; `None` if there was none yet: then it is not to be seen.
    pub processed: Option<Arc<[u8]>>,
    /// The errors of its last run, as a JSON array; `None` if it went well.
    pub errors: Option<Arc<[u8]>>,
    /// Whether no source claims it.
    pub orphan: bool,
    /// (type, target) of every relation that starts at it, distinct, in byte order.
    pub relations: Vec<(Arc<str>, EntityRef)>,
    /// The hash of its present final entity.
    pub final_hash: Option<[u8; 20]>,
}

/// What stitching an entity came to.
#[derive(Debug, Clone)]
pub enum StitchOutcome {
    /// It is what it was, or is not to be seen yet: nothing is written.
    Unchanged,
    /// It is new or differs.
    Changed {
        /// The final entity, as clients get it.
        body: Arc<[u8]>,
        /// SHA-1 of its content.
        hash: [u8; 20],
    },
    /// It cannot be stitched; these errors (a JSON array) are kept with it, and shown where it was seen before.
    Failed {
        /// A JSON array of errors.
        errors: Arc<[u8]>,
    },
}

/// A stitched entity, to be written.
#[derive(Debug, Clone)]
pub struct StitchCommit {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// Its uid when it was read. If it has another by now, or is gone, nothing is written.
    pub uid: Uid,
    /// The request that is answered. If it was marked again meanwhile, the result is written and the mark
    /// stays.
    pub ticket: StitchTicket,
    /// What came of it.
    pub outcome: StitchOutcome,
}

/// What writing stitched entities came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StitchReport {
    /// The newest entry of the change log.
    pub sequence: ChangeSequence,
    /// The newest one before the first that was written here.
    pub before: ChangeSequence,
    /// How many final entities were written. All that is in the log after `before` and up to `sequence` is theirs.
    pub written: usize,
}

/// The third stage: final entities are put together.
///
/// A mark is a request to stitch an entity. Marks coalesce: marking a marked entity again changes its ticket
/// and leaves its time. An entity that was never stitched is due at once; one that was waits a little, and the
/// longer the more relations it has, so that a group of 50 000 is not put together 50 000 times.
#[async_trait]
pub trait Stitching: Send + Sync {
    /// Up to `limit` marked entities that are due, those never seen before first; they are not due again
    /// before `lease_until`.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn claim_stitches(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<StitchInput>>;

    /// Writes final entities, with their entries in the change log, and takes the marks off, in one
    /// transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError); nothing was written then.
    async fn commit_stitched(&self, batch: Vec<StitchCommit>, now: Timestamp) -> Result<StitchReport>;

    /// When the next mark is due; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn next_stitch(&self) -> Result<Option<Timestamp>>;
}
