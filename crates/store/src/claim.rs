use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use jiff::Timestamp;

use crate::{ChangeSequence, Document, DueEntity, ProviderName, Result, Uid};

/// Who says something of an entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimSource {
    /// A provider, through its bucket.
    Provider(ProviderName),
    /// Another entity, whose processing emitted it.
    Entity(EntityRef),
}

/// What a source says of one entity.
///
/// All claims on an entity are kept, also the losing ones. Which one wins, and so what the entity is processed
/// from, follows three rules, in this order:
///
/// 1. A claim with a location key beats one without.
/// 2. The location key that the entity has stays with it while any claim has that key; after that, the key
///    whose claim is the oldest takes over.
/// 3. Among claims with the same key (or none), the latest written document counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClaim {
    /// Of which entity.
    pub entity_ref: EntityRef,
    /// Tells claims of rival sources apart; `None` gives way to anything.
    pub location_key: Option<LocationKey>,
    /// What the entity is, before processing.
    pub document: Document,
}

/// A change of one provider's bucket.
#[derive(Debug, Clone)]
pub enum ProviderMutation {
    /// The bucket shall hold exactly these claims.
    Full(Vec<NewClaim>),
    /// Some claims come, some go.
    Delta {
        /// Written, or written again.
        added: Vec<NewClaim>,
        /// Released. Refs that the provider has no claim on are passed over.
        removed: Vec<EntityRef>,
    },
}

/// A claim that lost against a claim with another location key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The entity that both claim.
    pub entity_ref: EntityRef,
    /// Who made the losing claim.
    pub source: ClaimSource,
    /// The key of the losing claim.
    pub rejected_key: Option<LocationKey>,
    /// The key that the entity keeps.
    pub holder_key: Option<LocationKey>,
}

/// What a mutation came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MutationReport {
    /// Claims that are new.
    pub added: usize,
    /// Claims whose document or key changed.
    pub updated: usize,
    /// Claims that were there already, word for word.
    pub unchanged: usize,
    /// Claims that were released.
    pub released: usize,
    /// Entities that were deleted, because nothing else claims them: descendants included.
    pub deleted: usize,
    /// New or changed claims that did not win.
    pub conflicts: Vec<Conflict>,
    /// The newest entry of the change log after the mutation. An index that has come so far shows its effect.
    pub sequence: ChangeSequence,
}

/// How much of what a mutation makes is to be taken up at once, by whoever applies it.
#[derive(Debug, Clone, Copy)]
pub struct TakeUp {
    /// The most entities.
    pub limit: usize,
    /// When they are due again, unless their processing was written by then.
    pub lease_until: Timestamp,
}

impl TakeUp {
    /// To take up nothing.
    pub const NOTHING: Self = Self { limit: 0, lease_until: Timestamp::UNIX_EPOCH };
}

/// How a deletion ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// How many entities went.
    pub deleted: usize,
    /// The newest entry of the change log after the deletion.
    pub sequence: ChangeSequence,
}

/// What asking for a refresh came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// So many entities are due now: the entity itself and the locations above it.
    Scheduled(usize),
    /// No such entity.
    Unknown,
}

/// The first stage: claims come and go, entities with them.
///
/// Each method is one transaction. After it, all of this holds again, whatever was asked:
///
/// - every claimed entity exists, once, and its unprocessed document is that of its winning claim;
/// - an entity whose winning document changed, or which is new, is due at once, ahead of routine refreshes;
/// - an entity that lost its last claim is an orphan, and marked for stitching;
/// - what is deleted is deleted with its outputs, its final entity and its claims on others, a change-log
///   entry says so, and the entities whose relations it had originated are marked for stitching.
#[async_trait]
pub trait Ingestion: Send + Sync {
    /// Applies one mutation of one provider.
    ///
    /// Releasing a provider's claims deletes eagerly: what hangs below a released entity goes too, unless it
    /// is still reachable from another claim of any provider. A claim that comes again with another location
    /// key counts as a release and a new claim: the entity gets a new uid, unless others claim it too.
    /// Of several claims on one ref in `added`, the last one with the key of the first counts; those with
    /// other keys are reported as conflicts.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError); nothing was changed then.
    async fn apply_mutation(
        &self,
        provider: &ProviderName,
        mutation: ProviderMutation,
        now: Timestamp,
    ) -> Result<MutationReport> {
        Ok(self.apply_and_take_up(provider, mutation, now, TakeUp::NOTHING).await?.0)
    }

    /// The same, and takes up entities that it makes, as [`Processing::claim_due`](crate::Processing::claim_due) would right
    /// after it: nobody has to look for them in the queue and to read what is known already. Those beyond the limit are due,
    /// as ever.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError); nothing was changed then.
    async fn apply_and_take_up(
        &self,
        provider: &ProviderName,
        mutation: ProviderMutation,
        now: Timestamp,
        take_up: TakeUp,
    ) -> Result<(MutationReport, Vec<DueEntity>)>;

    /// The providers that have claims, in alphabetical order.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn providers(&self) -> Result<Vec<ProviderName>>;

    /// Makes an entity due now, ahead of routine refreshes, and with it every `location:` entity above it.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn refresh_entity(&self, entity_ref: &EntityRef, now: Timestamp) -> Result<RefreshOutcome>;

    /// Makes these entities due now, ahead of routine refreshes; returns how many of them there are.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn refresh_entities(&self, refs: &[EntityRef], now: Timestamp) -> Result<usize>;

    /// Makes every entity due now that has one of these refresh keys; returns how many there are.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn refresh_by_keys(&self, keys: &[String], now: Timestamp) -> Result<usize>;

    /// Deletes the entity with this uid, with every claim on it. `None`: there is none.
    ///
    /// Its parents are due now and will claim it again if they still emit it; what only it had claimed becomes
    /// an orphan.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn delete_entity(&self, uid: Uid, now: Timestamp) -> Result<Option<Deletion>>;

    /// Deletes every orphan, and what becomes one by that.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn delete_orphans(&self, now: Timestamp) -> Result<Deletion>;

    /// For each of these entities, the entities whose claims on it win (have the location key it has).
    /// Pairs of (child, parent), in order of child and then of claim, latest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn parents(&self, children: &[EntityRef]) -> Result<Vec<(EntityRef, EntityRef)>>;
}
