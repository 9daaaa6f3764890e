//! The rules of claims, of the queue and of deletion, written to be read: short, slow, in memory. Stores are
//! compared with this; where they differ, one of the two is wrong.

use std::collections::{BTreeMap, BTreeSet};

use callboard_model::{EntityRef, LocationKey};
use jiff::Timestamp;

use crate::{
    ClaimSource, Conflict, Document, DocumentHash, NewClaim, ProcessingOutcome, ProcessorCacheUpdate,
    ProviderMutation, ProviderName, StoredRelation,
};

use super::scene::text;

/// What a store should hold.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) entities: BTreeMap<EntityRef, ModelEntity>,
    pub(super) claims: BTreeMap<(EntityRef, ClaimSource), ModelClaim>,
    /// Counts writes of claims, and lives of entities.
    counter: u64,
}

#[derive(Debug)]
pub(super) struct ModelClaim {
    pub(super) key: Option<LocationKey>,
    document: Document,
    made: u64,
    written: u64,
}

#[derive(Debug)]
pub(super) struct ModelEntity {
    /// Stands for the uid: another one for each life that an entity has.
    pub(super) life: u64,
    pub(super) key: Option<LocationKey>,
    pub(super) document: Document,
    pub(super) discovered_at: Timestamp,
    pub(super) turn: Turn,
    pub(super) due: Timestamp,
    pub(super) result_hash: Option<DocumentHash>,
    pub(super) processed: Option<String>,
    pub(super) errors: Option<String>,
    pub(super) cache: Option<String>,
    pub(super) relations: BTreeSet<StoredRelation>,
    refresh_keys: BTreeSet<String>,
}

/// Why an entity will be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It was processed; it will be looked at again some time.
    Routine,
    /// It is new, changed or asked for.
    Asked,
    /// The same, and somebody is at it.
    Running,
}

/// What a mutation should report.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MutationCounts {
    pub(super) added: usize,
    pub(super) updated: usize,
    pub(super) unchanged: usize,
    pub(super) released: usize,
    pub(super) deleted: usize,
    pub(super) conflicts: Vec<Conflict>,
}

/// What committing one run should report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Committed {
    Dropped,
    Written { children: usize, conflicts: Vec<Conflict> },
}

/// A run: of which entity in which of its lives, and of which document.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) entity_ref: EntityRef,
    pub(super) life: u64,
    pub(super) document: DocumentHash,
    pub(super) next_due: Timestamp,
}

// Who wins.
impl Model {
    /// The claim that an entity is made from.
    fn winner(&self, entity: &EntityRef) -> Option<&ModelClaim> {
        let claims =
            || self.claims.iter().filter(|((claimed, _), _)| claimed == entity).map(|(_, claim)| claim);
        let held = self.entities.get(entity).and_then(|entity| entity.key.as_ref());
        // The key that it has, while any claim has it; then that of the oldest claim with a key; then none.
        let key = match held {
            Some(held) if claims().any(|claim| claim.key.as_ref() == Some(held)) => Some(held),
            _ => {
                let keyed = claims().filter(|claim| claim.key.is_some());
                keyed.min_by_key(|claim| claim.made).and_then(|claim| claim.key.as_ref())
            }
        };
        claims().filter(|claim| claim.key.as_ref() == key).max_by_key(|claim| claim.written)
    }

    /// Makes an entity what its claims say. One without claims stays as it is: an orphan.
    fn settle(&mut self, entity: &EntityRef, now: Timestamp) {
        let Some(winner) = self.winner(entity) else { return };
        let (key, document) = (winner.key.clone(), winner.document.clone());
        match self.entities.get_mut(entity) {
            None => {
                self.counter += 1;
                self.entities.insert(entity.clone(), ModelEntity::new(self.counter, key, document, now));
            }
            Some(standing) => {
                standing.key = key;
                if standing.document.hash != document.hash {
                    standing.document = document;
                    standing.discovered_at = now;
                    standing.ask(now);
                }
            }
        }
    }

    fn write(&mut self, source: &ClaimSource, claim: &NewClaim) {
        self.counter += 1;
        let place = (claim.entity_ref.clone(), source.clone());
        let rewritten = self.claims.get(&place).filter(|old| old.key == claim.location_key);
        let made = rewritten.map_or(self.counter, |old| old.made);
        let (key, document) = (claim.location_key.clone(), claim.document.clone());
        self.claims.insert(place, ModelClaim { key, document, made, written: self.counter });
    }

    /// Claims that were refused, and of those that were just written the ones that do not win.
    fn conflicts(&self, source: &ClaimSource, refused: &[&NewClaim], written: &[&NewClaim]) -> Vec<Conflict> {
        let holder_key =
            |claim: &NewClaim| self.entities.get(&claim.entity_ref).and_then(|entity| entity.key.clone());
        let losing = written.iter().filter(|claim| holder_key(claim) != claim.location_key);
        let conflict = |claim: &&NewClaim| Conflict {
            entity_ref: claim.entity_ref.clone(),
            source: source.clone(),
            rejected_key: claim.location_key.clone(),
            holder_key: holder_key(claim),
        };
        refused.iter().chain(losing).map(conflict).collect()
    }
}

// What providers and people do.
impl Model {
    pub(super) fn mutate(
        &mut self,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        now: Timestamp,
    ) -> MutationCounts {
        let source = ClaimSource::Provider(provider.clone());
        let bucket = self.claimed_by(&source);
        let (added, mut released): (_, BTreeSet<EntityRef>) = match mutation {
            ProviderMutation::Full(claims) => {
                let named: BTreeSet<EntityRef> =
                    claims.iter().map(|claim| claim.entity_ref.clone()).collect();
                (claims, bucket.difference(&named).cloned().collect())
            }
            ProviderMutation::Delta { added, removed } => {
                (added, bucket.intersection(&removed.iter().cloned().collect()).cloned().collect())
            }
        };
        let (wanted, refused) = first_key_counts(added);
        let mut counts = MutationCounts { released: released.len(), ..MutationCounts::default() };
        let mut written = Vec::new();
        for claim in wanted {
            match self.claims.get(&(claim.entity_ref.clone(), source.clone())) {
                Some(old) if old.key == claim.location_key && old.document.hash == claim.document.hash => {
                    counts.unchanged += 1;
                    continue;
                }
                // Another key is another claim: what was there is released first.
                Some(old) if old.key != claim.location_key => {
                    counts.updated += 1;
                    released.insert(claim.entity_ref.clone());
                }
                Some(_) => counts.updated += 1,
                None => counts.added += 1,
            }
            written.push(claim);
        }
        counts.deleted = self.release_eagerly(&source, &released, now);
        for claim in &written {
            self.write(&source, claim);
            self.settle(&claim.entity_ref, now);
        }
        counts.conflicts = self.conflicts(&source, &refused, &written);
        counts
    }

    /// What hangs below goes too, unless a remaining claim of a provider leads to it.
    fn release_eagerly(
        &mut self,
        source: &ClaimSource,
        released: &BTreeSet<EntityRef>,
        now: Timestamp,
    ) -> usize {
        let below = self.reached_from(released.clone());
        self.claims.retain(|(claimed, by), _| by != source || !released.contains(claimed));
        let claimed_by_providers =
            self.claims.keys().filter(|(_, by)| matches!(by, ClaimSource::Provider(_)));
        let kept = self.reached_from(claimed_by_providers.map(|(claimed, _)| claimed.clone()).collect());
        let doomed: BTreeSet<EntityRef> = below.difference(&kept).cloned().collect();
        self.delete(&doomed, now);
        for survivor in released.intersection(&kept) {
            self.settle(survivor, now);
        }
        doomed.len()
    }

    /// Entities go with all claims on them and of them. Parents are asked to emit them again.
    pub(super) fn delete(&mut self, doomed: &BTreeSet<EntityRef>, now: Timestamp) {
        let (mut parents, mut children) = (Vec::new(), Vec::new());
        for ((claimed, by), claim) in std::mem::take(&mut self.claims) {
            match &by {
                _ if doomed.contains(&claimed) => parents.push(by),
                ClaimSource::Entity(parent) if doomed.contains(parent) => children.push(claimed),
                _ => _ = self.claims.insert((claimed, by), claim),
            }
        }
        self.entities.retain(|entity, _| !doomed.contains(entity));
        for parent in parents {
            if let ClaimSource::Entity(parent) = parent
                && let Some(parent) = self.entities.get_mut(&parent)
            {
                parent.result_hash = None;
                parent.ask(now);
            }
        }
        for child in children {
            self.settle(&child, now);
        }
    }

    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
        let mut deleted = 0;
        loop {
            let orphans = self.orphans();
            if orphans.is_empty() {
                return deleted;
            }
            deleted += orphans.len();
            self.delete(&orphans, now);
        }
    }

    pub(super) fn refresh_by_key(&mut self, key: &str, now: Timestamp) -> usize {
        let found = self.entities.values_mut().filter(|entity| entity.refresh_keys.contains(key));
        found.map(|entity| entity.ask(now)).count()
    }
}

// What processing does.
impl Model {
    /// Somebody takes an entity that is due.
    pub(super) fn take(
        &mut self,
        entity: &EntityRef,
        lease_until: Timestamp,
        next_due: Timestamp,
    ) -> Option<Run> {
        let taken = self.entities.get_mut(entity)?;
        match taken.turn {
            Turn::Routine => taken.due = next_due,
            Turn::Asked | Turn::Running => (taken.turn, taken.due) = (Turn::Running, lease_until),
        }
        Some(Run { entity_ref: entity.clone(), life: taken.life, document: taken.document.hash, next_due })
    }

    pub(super) fn reclaim(&mut self, now: Timestamp) -> usize {
        let running = self.entities.values_mut().filter(|entity| entity.turn == Turn::Running);
        running.map(|entity| entity.ask(now)).count()
    }

    pub(super) fn commit(
        &mut self,
        run: &Run,
        outcome: &ProcessingOutcome,
        cache: &ProcessorCacheUpdate,
        now: Timestamp,
    ) -> Committed {
        let processed = self.entities.get_mut(&run.entity_ref).filter(|entity| entity.life == run.life);
        let Some(entity) = processed else { return Committed::Dropped };
        match cache {
            ProcessorCacheUpdate::Keep => {}
            ProcessorCacheUpdate::Replace(cache) => entity.cache = text(Some(cache)),
            ProcessorCacheUpdate::Clear => entity.cache = None,
        }
        entity.finish(run, now);
        let mut committed = Committed::Written { children: 0, conflicts: Vec::new() };
        match outcome {
            ProcessingOutcome::Unchanged => {}
            ProcessingOutcome::Failed { errors, result_hash } => {
                entity.errors = text(Some(errors));
                entity.result_hash = Some(*result_hash);
            }
            ProcessingOutcome::Succeeded { processed, relations, children, refresh_keys, result_hash } => {
                entity.processed = text(Some(processed));
                entity.errors = None;
                entity.relations = relations.iter().cloned().collect();
                entity.refresh_keys = refresh_keys.iter().cloned().collect();
                entity.result_hash = Some(*result_hash);
                committed = self.replace_children(&run.entity_ref, children, now);
            }
        }
        committed
    }

    fn replace_children(&mut self, parent: &EntityRef, children: &[NewClaim], now: Timestamp) -> Committed {
        let source = ClaimSource::Entity(parent.clone());
        let (wanted, refused) = first_key_counts(children);
        let emitted: BTreeSet<EntityRef> = wanted.iter().map(|child| child.entity_ref.clone()).collect();
        let left_out: BTreeSet<EntityRef> = self.claimed_by(&source).difference(&emitted).cloned().collect();
        let differs = |child: &&NewClaim| {
            let old = self.claims.get(&(child.entity_ref.clone(), source.clone()));
            old.is_none_or(|old| old.key != child.location_key || old.document.hash != child.document.hash)
        };
        let written: Vec<&NewClaim> = wanted.into_iter().filter(differs).collect();
        for child in &left_out {
            self.claims.remove(&(child.clone(), source.clone()));
            self.settle(child, now);
        }
        for child in &written {
            self.write(&source, child);
            self.settle(&child.entity_ref, now);
        }
        Committed::Written { children: written.len(), conflicts: self.conflicts(&source, &refused, &written) }
    }
}

impl Model {
    fn claimed_by(&self, source: &ClaimSource) -> BTreeSet<EntityRef> {
        self.claims.keys().filter(|(_, by)| by == source).map(|(claimed, _)| claimed.clone()).collect()
    }

    /// These entities, and all that they emit, directly or not.
    fn reached_from(&self, mut reached: BTreeSet<EntityRef>) -> BTreeSet<EntityRef> {
        loop {
            let before = reached.len();
            for (claimed, by) in self.claims.keys() {
                if matches!(by, ClaimSource::Entity(by) if reached.contains(by)) {
                    reached.insert(claimed.clone());
                }
            }
            if reached.len() == before {
                return reached;
            }
        }
    }
}

impl ModelEntity {
    fn new(life: u64, key: Option<LocationKey>, document: Document, now: Timestamp) -> Self {
        Self {
            life,
            key,
            document,
            discovered_at: now,
            turn: Turn::Asked,
            due: now,
            result_hash: None,
            processed: None,
            errors: None,
            cache: None,
            relations: BTreeSet::new(),
            refresh_keys: BTreeSet::new(),
        }
    }

    fn ask(&mut self, now: Timestamp) {
        (self.turn, self.due) = (Turn::Asked, now);
    }

    /// A run ends. It answers what was asked before it began, and only if it saw the document that counts.
    fn finish(&mut self, run: &Run, now: Timestamp) {
        let saw_the_document = self.document.hash == run.document;
        match self.turn {
            Turn::Running if saw_the_document => (self.turn, self.due) = (Turn::Routine, run.next_due),
            Turn::Routine if !saw_the_document => self.ask(now),
            Turn::Asked | Turn::Running | Turn::Routine => {}
        }
    }
}

/// Of several claims on one ref, the last one with the key of the first counts; those with other keys are refused.
fn first_key_counts(claims: &[NewClaim]) -> (Vec<&NewClaim>, Vec<&NewClaim>) {
    let mut wanted: BTreeMap<&EntityRef, &NewClaim> = BTreeMap::new();
    let mut refused = Vec::new();
    for claim in claims {
        match wanted.get(&claim.entity_ref) {
            Some(first) if first.location_key != claim.location_key => refused.push(claim),
            _ => _ = wanted.insert(&claim.entity_ref, claim),
        }
    }
    (wanted.into_values().collect(), refused)
}
