use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use jiff::Timestamp;

use crate::{ClaimSource, ClaimStanding, Document, NewClaim, RegisteredLocation, Result, Uid};

/// A claim on its way from one store to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedClaim {
    /// Who claims.
    pub source: ClaimSource,
    /// What it claims.
    pub claim: NewClaim,
}

/// What an entity is processed from that nobody claims any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastClaim {
    /// The key that the entity had last.
    pub location_key: Option<LocationKey>,
    /// The document of the last claim.
    pub document: Document,
}

/// An entity on its way from one store to another: all that cannot be worked out from other entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedEntity {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// Its uid.
    pub uid: Uid,
    /// All claims on it, in an order in which they can be made again: if they are, the same one wins, and of the
    /// others the same ones take over.
    pub claims: Vec<CarriedClaim>,
    /// What an orphan is processed from.
    pub orphaned: Option<LastClaim>,
}

/// What taking entities over came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Entities that are new.
    pub entities: usize,
    /// Entities that were there already.
    pub present_entities: usize,
    /// Claims that are new.
    pub claims: usize,
    /// Claims whose source claims the entity already, with whatever document.
    pub present_claims: usize,
    /// New entities whose uid another entity has, so that they got one of their own.
    pub changed_uids: usize,
}

impl TakenOver {
    /// Adds what another batch came to.
    pub fn add(&mut self, other: &Self) {
        self.entities += other.entities;
        self.present_entities += other.present_entities;
        self.claims += other.claims;
        self.present_claims += other.present_claims;
        self.changed_uids += other.changed_uids;
    }
}

/// One state of a store, read from beginning to end. It stays as it is, whatever others write meanwhile. A database in
/// memory has one connection, which it keeps until it is dropped.
#[async_trait]
pub trait Export: Send {
    /// What users registered, in order of registration.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn locations(&mut self) -> Result<Vec<RegisteredLocation>>;

    /// Up to `limit` entities that were not given out yet; none at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn entities(&mut self, limit: usize) -> Result<Vec<CarriedEntity>>;
}

/// Moving from one database to another, of whatever kind.
#[async_trait]
pub trait Transfer: Send + Sync {
    /// All that the store has at this moment and cannot work out by itself.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn export(&self) -> Result<Box<dyn Export>>;

    /// Makes the claims on these entities, in one transaction, unless their sources claim the entities already.
    /// Entities that are new have the uid they had elsewhere, if no other entity has it, and are due at once.
    ///
    /// A source may come in a later batch than its claim. Until it does, [`crate::Inspection::violations`] tells of that.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError); nothing was changed then.
    async fn take_over(&self, entities: &[CarriedEntity], now: Timestamp) -> Result<TakenOver>;

    /// What [`Transfer::take_over`] would come to, of entities that are all different. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn rehearse_take_over(&self, entities: &[CarriedEntity]) -> Result<TakenOver>;
}

/// Puts the claims on an entity in the order in which they can be made again, one after the other. `holder` is the
/// key of the entity.
///
/// What counts between keys is whose claim is the oldest, and among claims with one key whose document is the latest.
pub fn order_of_making<T>(
    holder: Option<i64>,
    mut claims: Vec<(ClaimStanding<i64>, T)>,
) -> impl Iterator<Item = T> {
    let mut oldest: HashMap<Option<i64>, i64> = HashMap::new();
    for (claim, _) in &claims {
        let made = oldest.entry(claim.key).or_insert(claim.made);
        *made = claim.made.min(*made);
    }
    claims.sort_by_key(|(claim, _)| {
        let is_other = claim.key != holder;
        (is_other, oldest.get(&claim.key).copied(), claim.key, claim.written)
    });
    claims.into_iter().map(|(_, claim)| claim)
}

/// What is in a store of entities that are to be taken over.
#[derive(Debug, Default)]
pub struct Standing {
    /// Who claims those of them that exist.
    pub sources: HashMap<EntityRef, HashSet<ClaimSource>>,
    /// Which of their uids are used, and by which entity.
    pub uids: HashMap<Uid, EntityRef>,
}

/// What has to be written to take entities over.
#[derive(Debug, Default)]
pub struct TakeOver<'a> {
    /// The claims to make, in order.
    pub claims: Vec<&'a CarriedClaim>,
    /// The orphans to make: a claim that is to be made and released.
    pub orphans: Vec<NewClaim>,
    /// The uids of entities that are new.
    pub uids: Vec<(&'a EntityRef, Uid)>,
    /// What it comes to.
    pub report: TakenOver,
}

impl<'a> TakeOver<'a> {
    /// Decides what to do with each entity.
    pub fn plan(entities: &'a [CarriedEntity], standing: &Standing) -> Self {
        let mut plan = Self::default();
        let mut seen: HashSet<(&EntityRef, &ClaimSource)> = HashSet::new();
        let mut made: HashSet<&EntityRef> = HashSet::new();
        let mut uids: HashSet<Uid> = HashSet::new();
        for entity in entities {
            let sources = standing.sources.get(&entity.entity_ref);
            for claim in &entity.claims {
                let is_there = sources.is_some_and(|sources| sources.contains(&claim.source));
                if is_there || !seen.insert((&entity.entity_ref, &claim.source)) {
                    plan.report.present_claims += 1;
                } else {
                    plan.report.claims += 1;
                    plan.claims.push(claim);
                }
            }
            let can_be_made = !entity.claims.is_empty() || entity.orphaned.is_some();
            if sources.is_some() || !can_be_made || !made.insert(&entity.entity_ref) {
                plan.report.present_entities += 1;
                continue;
            }
            plan.report.entities += 1;
            if standing.uids.contains_key(&entity.uid) || !uids.insert(entity.uid) {
                plan.report.changed_uids += 1;
            } else {
                plan.uids.push((&entity.entity_ref, entity.uid));
            }
            if let (true, Some(last)) = (entity.claims.is_empty(), &entity.orphaned) {
                plan.orphans.push(NewClaim {
                    entity_ref: entity.entity_ref.clone(),
                    location_key: last.location_key.clone(),
                    document: last.document.clone(),
                });
            }
        }
        plan
    }
}
