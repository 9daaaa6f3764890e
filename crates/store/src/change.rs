use async_trait::async_trait;
use callboard_model::EntityRef;
use std::sync::Arc;

use crate::{Result, Uid};

/// A place in the change log. Grows with every change, never repeats; 0 is before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeSequence(pub u64);

/// An entity as clients see it.
#[derive(Debug, Clone)]
pub struct FinalEntity {
    /// Its ref.
    pub entity_ref: EntityRef,
    /// Its uid.
    pub uid: Uid,
    /// The JSON that clients get, byte for byte.
    pub body: Arc<[u8]>,
}

/// What became of an entity.
#[derive(Debug, Clone)]
pub enum Change {
    /// It is new or differs.
    Upserted(FinalEntity),
    /// It is no longer there.
    Removed(EntityRef),
}

/// One entry of the change log.
#[derive(Debug, Clone)]
pub struct LoggedChange {
    /// Its place.
    pub sequence: ChangeSequence,
    /// What happened.
    pub change: Change,
}

/// A page of final entities, in the store's own numbers for entities. It stays valid: what is new meanwhile is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinalEntityPage {
    /// The number before the first that may be in it.
    pub after: i64,
    /// The last number in it.
    pub last: i64,
}

/// The fourth stage: what the index follows.
///
/// The log keeps the latest change of each entity; an entity that changed twice since a reader's place is
/// reported once, as it is now.
#[async_trait]
pub trait ChangeLog: Send + Sync {
    /// The newest entry.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn head(&self) -> Result<ChangeSequence>;

    /// Up to `limit` changes after `after`, oldest first. No entry that is committed later has a place before
    /// one that was returned.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn changes_since(&self, after: ChangeSequence, limit: usize) -> Result<Vec<LoggedChange>>;

    /// The next page of up to `limit` final entities, or none after the last; for filling an index. This is cheap, so that
    /// several pages can be read at a time. Take [`ChangeLog::head`] first, and follow the log from there afterwards.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn next_page(
        &self,
        before: Option<FinalEntityPage>,
        limit: usize,
    ) -> Result<Option<FinalEntityPage>>;

    /// The final entities of a page: those that are there now.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn final_entities(&self, page: FinalEntityPage) -> Result<Vec<FinalEntity>>;

    /// The place from which on the log is complete: removals before it may have been forgotten. A reader that has
    /// not come so far has to begin anew with [`ChangeLog::next_page`]. To be asked after
    /// [`ChangeLog::changes_since`].
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn complete_since(&self) -> Result<ChangeSequence> {
        Ok(ChangeSequence::default())
    }
}
