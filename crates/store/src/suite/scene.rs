//! What the tests stand on: a store, a clock that moves only when told, and short names for things.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callboard_model::{EntityRef, LocationKey};
use jiff::{SignedDuration, Timestamp};

use crate::{
    ChangeSequence, CommitReport, Document, DocumentHash, DueEntity, EntityState, FinalEntity,
    MutationReport, NewClaim, ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate, ProviderMutation,
    ProviderName, StitchCommit, StitchInput, StitchOutcome, StitchReport, Store, StoredRelation, Uid,
};

/// How long a lease of the tests lasts.
pub(super) const LEASE: SignedDuration = SignedDuration::from_mins(1);
/// When the tests have entities refreshed again.
pub(super) const REFRESH: SignedDuration = SignedDuration::from_hours(1);
/// More than any test has.
const ALL: usize = 100_000;

/// `a` stands for `component:default/a`; a whole ref for itself.
pub(super) fn entity(name: &str) -> EntityRef {
    if name.contains(':') {
        EntityRef::parse_canonical(name).unwrap()
    } else {
        EntityRef::new("component", "default", name)
    }
}

/// The name that [`entity`] takes.
pub(super) fn name(entity_ref: &EntityRef) -> String {
    entity_ref.as_str().strip_prefix("component:default/").unwrap_or(entity_ref.as_str()).to_owned()
}

/// A document that consists of a text.
pub(super) fn document(text: &str) -> Document {
    Document { json: format!("{{\"text\":\"{text}\"}}").into_bytes().into(), hash: hash(text) }
}

/// A hash that differs where texts differ.
pub(super) fn hash(text: &str) -> DocumentHash {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&fnv(text.as_bytes(), 0).to_be_bytes());
    bytes[8..].copy_from_slice(&fnv(text.as_bytes(), 1).to_be_bytes());
    DocumentHash::new(bytes)
}

fn final_hash(body: &str) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[..16].copy_from_slice(hash(body).as_bytes());
    bytes
}

fn fnv(bytes: &[u8], seed: u64) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A claim without a key.
pub(super) fn claim(name: &str, text: &str) -> NewClaim {
    NewClaim { entity_ref: entity(name), location_key: None, document: document(text) }
}

/// A claim with a key.
pub(super) fn keyed(name: &str, key: &str, text: &str) -> NewClaim {
    NewClaim { location_key: Some(LocationKey::new(key)), ..claim(name, text) }
}

/// A relation, as `source type target`.
pub(super) fn relation(text: &str) -> StoredRelation {
    let parts: Vec<&str> = text.split(' ').collect();
    let [source, relation_type, target] = parts.try_into().unwrap();
    StoredRelation { source: entity(source), relation_type: relation_type.into(), target: entity(target) }
}

/// What a good run gives; the parts that a test does not care about are empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Output {
    pub(super) processed: String,
    pub(super) children: Vec<NewClaim>,
    pub(super) relations: Vec<StoredRelation>,
    pub(super) refresh_keys: Vec<String>,
}

impl Output {
    pub(super) fn of(processed: &str) -> Self {
        Self { processed: processed.to_owned(), ..Self::default() }
    }

    pub(super) fn children(children: &[NewClaim]) -> Self {
        Self { children: children.to_vec(), ..Self::default() }
    }

    pub(super) fn relations(relations: &[&str]) -> Self {
        Self { relations: relations.iter().map(|text| relation(text)).collect(), ..Self::default() }
    }

    pub(super) fn refresh_keys(keys: &[&str]) -> Self {
        Self { refresh_keys: keys.iter().map(ToString::to_string).collect(), ..Self::default() }
    }

    /// Stands for all of it.
    pub(super) fn hash(&self) -> DocumentHash {
        hash(&format!("{self:?}"))
    }

    pub(super) fn outcome(&self) -> ProcessingOutcome {
        ProcessingOutcome::Succeeded {
            processed: self.processed.as_bytes().into(),
            relations: self.relations.clone(),
            children: self.children.clone(),
            refresh_keys: self.refresh_keys.clone(),
            result_hash: self.hash(),
        }
    }
}

pub(super) fn failure(errors: &str) -> ProcessingOutcome {
    ProcessingOutcome::Failed { errors: errors.as_bytes().into(), result_hash: hash(errors) }
}

/// Bytes as the text they were made from.
pub(super) fn text(bytes: Option<&Arc<[u8]>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// The body that the tests put together for an entity: everything that may go into it, readable.
pub(super) fn body_of(input: &StitchInput) -> Option<String> {
    let processed = text(input.processed.as_ref())?;
    let relations = input.relations.iter().map(|(kind, target)| format!(" {kind}={}", name(target)));
    Some(format!(
        "{processed}{}{}{}",
        if input.orphan { " orphan" } else { "" },
        text(input.errors.as_ref()).map(|errors| format!(" errors={errors}")).unwrap_or_default(),
        relations.collect::<String>()
    ))
}

/// The usual answer to a stitch input.
pub(super) fn stitched(input: &StitchInput) -> StitchCommit {
    let outcome = match body_of(input) {
        Some(body) if input.final_hash != Some(final_hash(&body)) => {
            StitchOutcome::Changed { hash: final_hash(&body), body: body.into_bytes().into() }
        }
        _ => StitchOutcome::Unchanged,
    };
    StitchCommit { entity_ref: input.entity_ref.clone(), uid: input.uid, ticket: input.ticket, outcome }
}

/// A store, and the time it is.
pub(super) struct Scene<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) now: Timestamp,
}

impl<'a> Scene<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self { store, now: Timestamp::from_second(1_800_000_000).unwrap() }
    }

    pub(super) fn wait(&mut self, duration: SignedDuration) {
        self.now += duration;
    }

    /// Has to hold after every step.
    pub(super) async fn check(&self) {
        assert_eq!(self.store.violations().await.unwrap(), [], "invariants that do not hold");
    }

    pub(super) async fn full(&self, provider: &str, claims: &[NewClaim]) -> MutationReport {
        self.mutate(provider, ProviderMutation::Full(claims.to_vec())).await
    }

    pub(super) async fn delta(&self, provider: &str, added: &[NewClaim], removed: &[&str]) -> MutationReport {
        let removed = removed.iter().map(|name| entity(name)).collect();
        self.mutate(provider, ProviderMutation::Delta { added: added.to_vec(), removed }).await
    }

    async fn mutate(&self, provider: &str, mutation: ProviderMutation) -> MutationReport {
        let provider = ProviderName::new(provider);
        let report = self.store.apply_mutation(&provider, mutation, self.now).await.unwrap();
        self.check().await;
        report
    }

    pub(super) async fn find(&self, name: &str) -> Option<EntityState> {
        self.store.entity_state(&entity(name)).await.unwrap()
    }

    pub(super) async fn state(&self, name: &str) -> EntityState {
        self.find(name).await.unwrap_or_else(|| panic!("there is no {name}"))
    }

    pub(super) async fn uid(&self, name: &str) -> Uid {
        self.state(name).await.uid
    }

    /// `(key, document)` of the winning claim.
    pub(super) async fn winner(&self, name: &str) -> (Option<String>, String) {
        let state = self.state(name).await;
        let json = String::from_utf8(state.unprocessed.json.to_vec()).unwrap();
        let text = json.strip_prefix("{\"text\":\"").and_then(|rest| rest.strip_suffix("\"}")).unwrap();
        assert_eq!(state.unprocessed.hash, hash(text), "the hash of {name} belongs to its document");
        (state.location_key.map(|key| key.as_str().to_owned()), text.to_owned())
    }

    /// The names, in order, of those of `names` that exist. Nothing else may.
    pub(super) async fn existing(&self, names: &[&str]) -> Vec<String> {
        let mut existing = BTreeSet::new();
        for name in names {
            if self.find(name).await.is_some() {
                existing.insert((*name).to_owned());
            }
        }
        let entities = self.store.queue_depth().await.unwrap().entities;
        assert_eq!(entities, existing.len() as u64, "there is more than {existing:?}");
        existing.into_iter().collect()
    }

    /// Takes everything that is due.
    pub(super) async fn take(&self) -> Vec<DueEntity> {
        self.take_up_to(ALL).await
    }

    pub(super) async fn take_up_to(&self, limit: usize) -> Vec<DueEntity> {
        let (lease, next) = (self.now + LEASE, self.now + REFRESH);
        let due = self.store.claim_due(limit, self.now, lease, next).await.unwrap();
        self.check().await;
        due
    }

    /// Takes everything that is due, as names in order.
    pub(super) async fn take_names(&self) -> Vec<String> {
        let names: BTreeSet<String> = self.take().await.iter().map(|due| name(&due.entity_ref)).collect();
        names.into_iter().collect()
    }

    pub(super) fn commit_of(&self, due: &DueEntity, outcome: ProcessingOutcome) -> ProcessingCommit {
        ProcessingCommit {
            entity_ref: due.entity_ref.clone(),
            uid: due.uid,
            document_hash: due.document.hash,
            outcome,
            cache: ProcessorCacheUpdate::Keep,
            next_due: self.now + REFRESH,
        }
    }

    pub(super) async fn commit(&self, batch: Vec<ProcessingCommit>) -> CommitReport {
        let report = self.store.commit_processed(batch, self.now).await.unwrap();
        self.check().await;
        report
    }

    /// Processes everything that is due: those named with the given outcomes, the others with their own name.
    pub(super) async fn process(&self, outcomes: &[(&str, ProcessingOutcome)]) -> CommitReport {
        let mut outcomes: BTreeMap<EntityRef, &ProcessingOutcome> =
            outcomes.iter().map(|(name, outcome)| (entity(name), outcome)).collect();
        let due = self.take().await;
        let commits = due.iter().map(|due| match outcomes.remove(&due.entity_ref) {
            Some(outcome) => self.commit_of(due, outcome.clone()),
            None => self.commit_of(due, Output::of(&name(&due.entity_ref)).outcome()),
        });
        let report = self.commit(commits.collect()).await;
        assert!(outcomes.is_empty(), "not due: {:?}", outcomes.keys());
        report
    }

    /// Processes one entity that need not be due, and whatever else is.
    pub(super) async fn reprocess(&mut self, name: &str, outcome: ProcessingOutcome) -> CommitReport {
        self.wait(SignedDuration::from_secs(1));
        self.store.refresh_entity(&entity(name), self.now).await.unwrap();
        self.process(&[(name, outcome)]).await
    }

    /// Takes every mark that is due.
    pub(super) async fn take_stitches(&self) -> Vec<StitchInput> {
        let inputs = self.store.claim_stitches(ALL, self.now, self.now + LEASE).await.unwrap();
        self.check().await;
        inputs
    }

    pub(super) async fn commit_and_report(&self, batch: Vec<StitchCommit>) -> StitchReport {
        let report = self.store.commit_stitched(batch, self.now).await.unwrap();
        self.check().await;
        report
    }

    pub(super) async fn commit_stitched(&self, batch: Vec<StitchCommit>) -> ChangeSequence {
        self.commit_and_report(batch).await.sequence
    }

    /// Stitches until nothing is marked, waiting for what is not due yet. Gives the inputs by name.
    pub(super) async fn stitch(&mut self) -> BTreeMap<String, StitchInput> {
        let mut all = BTreeMap::new();
        while let Some(due) = self.store.next_stitch().await.unwrap() {
            self.now = self.now.max(due);
            let inputs = self.take_stitches().await;
            assert!(!inputs.is_empty(), "a mark is due at {due}, and is not given out");
            self.commit_stitched(inputs.iter().map(stitched).collect()).await;
            all.extend(inputs.into_iter().map(|input| (name(&input.entity_ref), input)));
        }
        all
    }

    /// The names of what is marked; the marks are answered.
    pub(super) async fn marked(&mut self) -> Vec<String> {
        self.stitch().await.into_keys().collect()
    }

    pub(super) async fn head(&self) -> ChangeSequence {
        self.store.head().await.unwrap()
    }

    /// All final entities, in pages of at most `limit`.
    pub(super) async fn final_entities(&self, limit: usize) -> Vec<FinalEntity> {
        let (mut page, mut all) = (None, Vec::new());
        loop {
            page = self.store.next_page(page, limit).await.unwrap();
            let Some(page) = page else { return all };
            let found = self.store.final_entities(page).await.unwrap();
            assert!((1..=limit).contains(&found.len()), "{} of at most {limit}", found.len());
            all.extend(found);
        }
    }

    /// The bodies of all final entities by name.
    pub(super) async fn bodies(&self) -> BTreeMap<String, String> {
        let all = self.final_entities(ALL).await;
        all.iter().map(|found| (name(&found.entity_ref), text(Some(&found.body)).unwrap())).collect()
    }

    pub(super) async fn body(&self, name: &str) -> Option<String> {
        self.bodies().await.remove(name)
    }
}
