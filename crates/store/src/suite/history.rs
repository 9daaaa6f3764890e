//! A store and the model of it, going through the same history.

use std::collections::{BTreeMap, BTreeSet};

use callboard_model::EntityRef;
use jiff::SignedDuration;

use crate::{
    Change, ChangeSequence, DueEntity, MutationReport, ProcessingCommit, ProcessingOutcome,
    ProcessorCacheUpdate, ProviderMutation, ProviderName, StitchInput, StitchOutcome, Store, Uid,
};

use super::model::{Committed, Model, MutationCounts, Run, Turn};
use super::scene::{LEASE, REFRESH, Scene, body_of, entity, failure, name, stitched, text};
use super::steps::{ENTITIES, Step};

pub(super) struct History<'a> {
    scene: Scene<'a>,
    model: Model,
    /// Runs that have begun.
    runs: Vec<(Run, DueEntity)>,
    /// Marks that were taken, with the life of the entity.
    stitches: Vec<(StitchInput, u64)>,
    /// The uid of each life.
    uids: BTreeMap<u64, Uid>,
    /// Final entities as they should be: life and body.
    finals: BTreeMap<EntityRef, (u64, String)>,
    /// What somebody has who follows the log.
    index: BTreeMap<EntityRef, (Uid, String)>,
    place: ChangeSequence,
}

impl<'a> History<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self {
            scene: Scene::new(store),
            model: Model::default(),
            runs: Vec::new(),
            stitches: Vec::new(),
            uids: BTreeMap::new(),
            finals: BTreeMap::new(),
            index: BTreeMap::new(),
            place: ChangeSequence::default(),
        }
    }

    pub(super) async fn take_step(&mut self, step: &Step) {
        self.scene.wait(SignedDuration::from_secs(1));
        let (store, now) = (self.scene.store, self.scene.now);
        match step {
            Step::Full { provider, claims } => {
                self.mutate(provider, ProviderMutation::Full(claims.clone())).await;
            }
            Step::Delta { provider, added, removed } => {
                let removed = removed.iter().map(|name| entity(name)).collect();
                self.mutate(provider, ProviderMutation::Delta { added: added.clone(), removed }).await;
            }
            Step::Take { limit } => self.take(*limit).await,
            Step::Commit { run, outcome, cache } => self.commit(*run, outcome, cache).await,
            Step::Delete { entity: name } => {
                let life = self.model.entities.get(&entity(name)).map(|entity| entity.life);
                let Some(uid) = life.and_then(|life| self.uids.get(&life)) else { return };
                let deletion = store.delete_entity(*uid, now).await.unwrap();
                assert_eq!(deletion.map(|deletion| deletion.deleted), Some(1));
                self.model.delete(&BTreeSet::from([entity(name)]), now);
            }
            Step::Sweep => {
                let deletion = store.delete_orphans(now).await.unwrap();
                assert_eq!(deletion.deleted, self.model.sweep(now));
            }
            Step::RefreshByKey { key } => {
                let scheduled = store.refresh_by_keys(&[(*key).to_owned()], now).await.unwrap();
                assert_eq!(scheduled, self.model.refresh_by_key(key, now));
            }
            Step::Reclaim => {
                assert_eq!(store.reclaim_leases(now).await.unwrap(), self.model.reclaim(now));
            }
            Step::TakeStitches { limit } => self.take_stitches(*limit).await,
            Step::CommitStitch { stitch } => self.commit_stitch(*stitch).await,
            Step::Wait { seconds } => self.scene.wait(SignedDuration::from_secs(*seconds)),
        }
    }

    async fn mutate(&mut self, provider: &str, mutation: ProviderMutation) {
        let (provider, now) = (ProviderName::new(provider), self.scene.now);
        let expected = self.model.mutate(&provider, &mutation, now);
        let report = self.scene.store.apply_mutation(&provider, mutation, now).await.unwrap();
        assert_eq!(counted(&report), in_order(expected));
        assert_eq!(report.sequence, self.scene.head().await);
    }

    async fn take(&mut self, limit: usize) {
        let now = self.scene.now;
        let (lease, next_due) = (now + LEASE, now + REFRESH);
        let is_due = |turns: &[Turn]| {
            let due = self.model.entities.values().filter(|entity| entity.due <= now);
            due.filter(|entity| turns.contains(&entity.turn)).count()
        };
        let urgent_due = is_due(&[Turn::Asked, Turn::Running]);
        let all_due = urgent_due + is_due(&[Turn::Routine]);

        let taken = self.scene.store.claim_due(limit, now, lease, next_due).await.unwrap();
        assert_eq!(taken.len(), limit.min(all_due), "of {all_due} that are due");
        let urgent = taken.iter().filter(|due| due.urgent).count();
        assert!(urgent == urgent_due || taken.len() - urgent <= limit.div_ceil(8), "urgent ones first");
        for due in taken {
            let expected = &self.model.entities[&due.entity_ref];
            assert_eq!(due.uid, self.uids[&expected.life]);
            assert_eq!((&due.document, &due.location_key), (&expected.document, &expected.key));
            assert_eq!(
                (due.result_hash, text(due.cache.as_ref())),
                (expected.result_hash, expected.cache.clone())
            );
            assert_eq!((due.due_since, due.urgent), (expected.due, expected.turn != Turn::Routine));
            let run = self.model.take(&due.entity_ref, lease, next_due).unwrap();
            self.runs.push((run, due));
        }
    }

    async fn commit(&mut self, run: usize, outcome: &ProcessingOutcome, cache: &ProcessorCacheUpdate) {
        if self.runs.is_empty() {
            return;
        }
        let (run, due) = self.runs.remove(run % self.runs.len());
        // Only what had an outcome can have the same again.
        let first = failure("[first]");
        let outcome = match outcome {
            ProcessingOutcome::Unchanged if due.result_hash.is_none() => &first,
            outcome => outcome,
        };
        let now = self.scene.now;
        let commit = ProcessingCommit {
            entity_ref: due.entity_ref,
            uid: due.uid,
            document_hash: due.document.hash,
            outcome: outcome.clone(),
            cache: cache.clone(),
            next_due: run.next_due,
        };
        let report = self.scene.store.commit_processed(vec![commit], now).await.unwrap();
        match self.model.commit(&run, outcome, cache, now) {
            Committed::Dropped => assert_eq!(report.dropped, 1),
            Committed::Written { children, mut conflicts } => {
                assert_eq!((report.dropped, report.children_written), (0, children));
                let mut reported = report.conflicts;
                for list in [&mut reported, &mut conflicts] {
                    list.sort_by_key(|conflict| (conflict.entity_ref.clone(), conflict.rejected_key.clone()));
                }
                assert_eq!(reported, conflicts);
            }
        }
    }

    async fn take_stitches(&mut self, limit: usize) {
        let now = self.scene.now;
        let orphans = self.model.orphans();
        for input in self.scene.store.claim_stitches(limit, now, now + LEASE).await.unwrap() {
            let expected = &self.model.entities[&input.entity_ref];
            assert_eq!(input.uid, self.uids[&expected.life]);
            assert_eq!(text(input.processed.as_ref()), expected.processed);
            assert_eq!(text(input.errors.as_ref()), expected.errors);
            assert_eq!(input.orphan, orphans.contains(&input.entity_ref));
            let relations = input.relations.iter().map(|(kind, target)| (kind.to_string(), target.clone()));
            assert!(relations.eq(self.model.relations(&input.entity_ref)), "{:?}", input.relations);
            self.stitches.push((input, expected.life));
        }
    }

    async fn commit_stitch(&mut self, stitch: usize) {
        if self.stitches.is_empty() {
            return;
        }
        let (input, life) = self.stitches.remove(stitch % self.stitches.len());
        let commit = stitched(&input);
        let changed = matches!(commit.outcome, StitchOutcome::Changed { .. });
        self.scene.store.commit_stitched(vec![commit], self.scene.now).await.unwrap();
        let lives = self.model.entities.get(&input.entity_ref).is_some_and(|entity| entity.life == life);
        if let Some(body) = body_of(&input).filter(|_| changed && lives) {
            self.finals.insert(input.entity_ref, (life, body));
        }
    }

    pub(super) async fn compare(&mut self) {
        self.scene.check().await;
        self.compare_entities().await;
        self.compare_final_entities().await;
        let store = self.scene.store;
        assert_eq!(store.providers().await.unwrap(), self.model.providers());
        let depth = store.queue_depth().await.unwrap();
        let urgent = self.model.entities.values().filter(|entity| entity.turn != Turn::Routine).count();
        assert_eq!(depth.entities, self.model.entities.len() as u64, "entities");
        assert_eq!(depth.urgent, urgent as u64, "urgent");
        assert_eq!(depth.orphans, self.model.orphans().len() as u64, "orphans");
        assert_eq!(depth.final_entities, self.finals.len() as u64, "final entities");
        assert_eq!(
            store.next_due().await.unwrap(),
            self.model.entities.values().map(|entity| entity.due).min()
        );
    }

    async fn compare_entities(&mut self) {
        let all = ENTITIES.map(entity);
        let parents: BTreeSet<(EntityRef, EntityRef)> =
            self.scene.store.parents(&all).await.unwrap().into_iter().collect();
        for entity_ref in &all {
            let found = self.scene.store.entity_state(entity_ref).await.unwrap();
            let expected = self.model.entities.get(entity_ref);
            assert_eq!(found.is_some(), expected.is_some(), "whether there is {entity_ref}");
            let (Some(found), Some(expected)) = (found, expected) else { continue };
            let known = self.uids.entry(expected.life).or_insert(found.uid);
            assert_eq!(found.uid, *known, "the uid of {entity_ref} changed");
            assert_eq!(found.location_key, expected.key, "the key of {entity_ref}");
            assert_eq!(found.unprocessed, expected.document, "the document of {entity_ref}");
            assert_eq!(found.next_due, expected.due, "when {entity_ref} is due");
            assert_eq!(found.discovered_at, expected.discovered_at, "since when {entity_ref} is what it is");
            let output = [found.processed.as_ref(), found.errors.as_ref(), found.cache.as_ref()].map(text);
            assert_eq!(&output, &[&expected.processed, &expected.errors, &expected.cache].map(Clone::clone));
            let own: BTreeSet<EntityRef> = parents
                .iter()
                .filter(|(child, _)| child == entity_ref)
                .map(|(_, parent)| parent.clone())
                .collect();
            assert_eq!(own, self.model.parents(entity_ref), "the parents of {entity_ref}");
        }
        let different: BTreeSet<&Uid> = self.uids.values().collect();
        assert_eq!(different.len(), self.uids.len(), "each life has a uid of its own");
    }

    async fn compare_final_entities(&mut self) {
        let entities = &self.model.entities;
        self.finals
            .retain(|entity, (life, _)| entities.get(entity).is_some_and(|entity| entity.life == *life));
        let expected: BTreeMap<EntityRef, (Uid, String)> = self
            .finals
            .iter()
            .map(|(entity, (life, body))| (entity.clone(), (self.uids[life], body.clone())))
            .collect();
        let found = self.scene.final_entities(100).await;
        let found: BTreeMap<EntityRef, (Uid, String)> = found
            .into_iter()
            .map(|one| (one.entity_ref, (one.uid, text(Some(&one.body)).unwrap())))
            .collect();
        assert_eq!(found, expected, "the final entities");

        for logged in self.scene.store.changes_since(self.place, 100).await.unwrap() {
            assert!(logged.sequence > self.place);
            self.place = logged.sequence;
            match logged.change {
                Change::Upserted(one) => {
                    self.index.insert(one.entity_ref, (one.uid, text(Some(&one.body)).unwrap()));
                }
                Change::Removed(gone) => drop(self.index.remove(&gone)),
            }
        }
        assert_eq!(self.index, expected, "what the log says");
    }

    /// In the end everything is seen as it is: no mark was lost.
    pub(super) async fn stitch_the_rest(&mut self) {
        self.scene.stitch().await;
        let orphans = self.model.orphans();
        let expected: BTreeMap<String, String> = self
            .model
            .entities
            .iter()
            .filter_map(|(entity_ref, entity)| {
                let processed = entity.processed.as_ref()?;
                let orphan = if orphans.contains(entity_ref) { " orphan" } else { "" };
                let errors =
                    entity.errors.as_ref().map(|errors| format!(" errors={errors}")).unwrap_or_default();
                let relations = self.model.relations(entity_ref);
                let relations = relations.iter().map(|(kind, target)| format!(" {kind}={}", name(target)));
                Some((
                    name(entity_ref),
                    format!("{processed}{orphan}{errors}{}", relations.collect::<String>()),
                ))
            })
            .collect();
        assert_eq!(self.scene.bodies().await, expected, "what is seen in the end");
    }
}

fn counted(report: &MutationReport) -> MutationCounts {
    in_order(MutationCounts {
        added: report.added,
        updated: report.updated,
        unchanged: report.unchanged,
        released: report.released,
        deleted: report.deleted,
        conflicts: report.conflicts.clone(),
    })
}

/// Conflicts come in no particular order.
fn in_order(mut counts: MutationCounts) -> MutationCounts {
    counts.conflicts.sort_by_key(|conflict| (conflict.entity_ref.clone(), conflict.rejected_key.clone()));
    counts
}
