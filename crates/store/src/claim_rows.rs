//! What every database that keeps claims as numbered rows has to decide. The rows are read and written by the
//! database; which ones, is said here, once for all of them.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use jiff::Timestamp;

use crate::{ClaimStanding, DocumentHash, DueEntity, NewClaim, Uid, winning_claim};

/// A claim as a source wants it to be, with the numbers of what it names.
#[derive(Debug)]
pub struct WantedClaim<'a> {
    /// The entity.
    pub entity: i64,
    /// The location key.
    pub key: Option<i64>,
    /// The claim itself.
    pub claim: &'a NewClaim,
}

/// A claim as it is stored, without its document.
#[derive(Debug, Clone, Copy)]
pub struct StoredClaim {
    /// Its number: a claim that was made earlier has a smaller one.
    pub id: i64,
    /// Who claims: an entity, or the negative number of a provider.
    pub source: i64,
    /// The entity.
    pub entity: i64,
    /// The location key.
    pub key: Option<i64>,
    /// When its document was last written, in the counting of its number.
    pub written: i64,
    /// The hash of its document.
    pub hash: DocumentHash,
}

/// What settling came to.
#[derive(Debug, Default)]
pub struct Settled {
    /// The winning key of each entity.
    pub winners: HashMap<i64, Option<i64>>,
    /// The entities that were made with a lease, by the number of the claim they were made of.
    pub leased: HashMap<i64, Uid>,
}

/// What is known of entities that were made with a lease: `fresh` are the claims that are new, as they were stored, and
/// `new` the same as they were wanted, in the same order.
pub fn taken_up(
    fresh: &[StoredClaim],
    new: &[(i64, WantedClaim<'_>)],
    leased: &HashMap<i64, Uid, impl BuildHasher>,
    due_since: Timestamp,
) -> Vec<DueEntity> {
    let leased = fresh.iter().zip(new).filter_map(|(stored, (_, wanted))| {
        let uid = *leased.get(&stored.id)?;
        let NewClaim { entity_ref, location_key, document } = wanted.claim.clone();
        let (result_hash, cache) = (None, None);
        Some(DueEntity {
            entity_ref,
            uid,
            document,
            location_key,
            result_hash,
            cache,
            due_since,
            urgent: true,
        })
    });
    leased.collect()
}

/// What has to be done to make stored claims what sources want.
#[derive(Debug, Default)]
pub struct ClaimChanges<'a> {
    /// (source, claim).
    pub new: Vec<(i64, WantedClaim<'a>)>,
    /// Same source, entity and key, another document.
    pub rewritten: Vec<(StoredClaim, WantedClaim<'a>)>,
    /// Same source and entity, another key.
    pub rekeyed: Vec<(StoredClaim, WantedClaim<'a>)>,
    /// No longer wanted.
    pub released: Vec<StoredClaim>,
    /// How many are there already, word for word.
    pub unchanged: usize,
    /// Wanted claims that a rival of the same source, with another key, came before.
    pub refused: Vec<(i64, WantedClaim<'a>)>,
}

impl<'a> ClaimChanges<'a> {
    /// Adds what one source wants to the changes. `stored` holds those of its claims that are in question:
    /// what is stored and not wanted is released.
    pub fn compare(
        &mut self,
        source: i64,
        wanted: impl IntoIterator<Item = WantedClaim<'a>>,
        mut stored: HashMap<i64, StoredClaim>,
    ) {
        let mut chosen: HashMap<i64, usize> = HashMap::new();
        let mut claims: Vec<WantedClaim<'a>> = Vec::new();
        for claim in wanted {
            match chosen.get(&claim.entity) {
                None => {
                    chosen.insert(claim.entity, claims.len());
                    claims.push(claim);
                }
                Some(&place) if claims[place].key == claim.key => claims[place] = claim,
                Some(_) => self.refused.push((source, claim)),
            }
        }
        for claim in claims {
            match stored.remove(&claim.entity) {
                None => self.new.push((source, claim)),
                Some(old) if old.key != claim.key => self.rekeyed.push((old, claim)),
                Some(old) if old.hash != claim.claim.document.hash => self.rewritten.push((old, claim)),
                Some(_) => self.unchanged += 1,
            }
        }
        self.released.extend(stored.into_values());
    }
}

/// What an entity is processed from at present.
#[derive(Debug, Clone, Copy)]
pub struct StandingEntity {
    /// Its winning claim; `None` for an orphan.
    pub claim: Option<i64>,
    /// Its location key.
    pub key: Option<i64>,
    /// The hash of its document.
    pub hash: DocumentHash,
}

/// What has to become of an entity whose claims changed.
#[derive(Debug, Clone, Copy)]
pub enum Settlement {
    /// There is none, and none is claimed.
    Absent,
    /// It is new.
    New {
        /// What it is made from.
        winner: StoredClaim,
    },
    /// Nobody claims it any more.
    Orphaned {
        /// Whether somebody did until now.
        since_now: bool,
    },
    /// It is claimed, as before or again.
    Claimed {
        /// What it is processed from.
        winner: StoredClaim,
        /// Whether it was an orphan until now.
        was_orphan: bool,
        /// What differs from before.
        difference: Difference,
    },
}

/// What about a claimed entity differs from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Nothing.
    None,
    /// It has another winner, whose document is the same.
    Winner,
    /// It has another document, and is to be processed.
    Document,
}

/// Decides what becomes of an entity: `standing` is what it is now, `claims` are all claims on it.
pub fn settlement(standing: Option<&StandingEntity>, claims: &[StoredClaim]) -> Settlement {
    let incumbent = standing.and_then(|standing| standing.key);
    let standings: Vec<ClaimStanding<i64>> =
        claims.iter().map(|c| ClaimStanding { key: c.key, made: c.id, written: c.written }).collect();
    let winner = winning_claim(incumbent.as_ref(), &standings).map(|place| claims[place]);
    match (standing, winner) {
        (None, None) => Settlement::Absent,
        (None, Some(winner)) => Settlement::New { winner },
        (Some(standing), None) => Settlement::Orphaned { since_now: standing.claim.is_some() },
        (Some(standing), Some(winner)) => {
            let difference = if standing.hash != winner.hash {
                Difference::Document
            } else if standing.claim != Some(winner.id) || standing.key != winner.key {
                Difference::Winner
            } else {
                Difference::None
            };
            Settlement::Claimed { winner, was_orphan: standing.claim.is_none(), difference }
        }
    }
}

/// The entities that some provider's claim leads to, directly or through other entities. `claims` are (source,
/// entity).
pub fn reachable(claims: &[(i64, i64)]) -> HashSet<i64> {
    let mut children: HashMap<i64, Vec<i64>> = HashMap::new();
    let mut reached: HashSet<i64> = HashSet::new();
    let mut next: Vec<i64> = Vec::new();
    for &(source, entity) in claims {
        if source > 0 {
            children.entry(source).or_default().push(entity);
        } else if reached.insert(entity) {
            next.push(entity);
        }
    }
    while let Some(entity) = next.pop() {
        for child in children.get(&entity).into_iter().flatten() {
            if reached.insert(*child) {
                next.push(*child);
            }
        }
    }
    reached
}
