//! Who is processed when.

use jiff::SignedDuration;

use crate::{
    DueEntity, KnownRun, NewClaim, ProcessingOutcome, ProcessorCacheUpdate, ProviderMutation, ProviderName,
    Store, TakeUp,
};

use super::scene::{LEASE, Output, REFRESH, Scene, claim, document, entity, hash, keyed, name};

fn names(due: &[DueEntity]) -> Vec<String> {
    due.iter().map(|due| name(&due.entity_ref)).collect()
}

fn many(prefix: &str, count: usize) -> Vec<NewClaim> {
    (0..count).map(|number| claim(&format!("{prefix}{number}"), "1")).collect()
}

/// Nothing is due, and nothing will be.
pub async fn an_empty_queue_has_nothing(store: &dyn Store) {
    let scene = Scene::new(store);
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(scene.take_names().await, [""; 0]);
    assert_eq!(store.reclaim_leases(scene.now).await.unwrap(), 0);
}

/// No further reads are needed to process it.
pub async fn a_due_entity_comes_with_all_it_needs(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1")]).await;
    let appeared = scene.now;
    scene.wait(SignedDuration::from_secs(5));
    let due = scene.take().await.remove(0);
    assert_eq!((&due.entity_ref, due.uid), (&entity("a"), scene.uid("a").await));
    assert_eq!(due.document, document("1"));
    assert_eq!(due.location_key.as_ref().map(callboard_model::LocationKey::as_str), Some("k"));
    assert_eq!((due.result_hash, &due.cache), (None, &None));
    assert_eq!((due.due_since, due.urgent), (appeared, true));

    let mut commit = scene.commit_of(&due, Output::of("a").outcome());
    commit.cache = ProcessorCacheUpdate::Replace(b"cache".as_slice().into());
    let next_due = commit.next_due;
    scene.commit(vec![commit]).await;
    scene.wait(REFRESH + LEASE);
    let due = scene.take().await.remove(0);
    assert_eq!(due.result_hash, Some(Output::of("a").hash()));
    assert_eq!(due.cache.as_deref(), Some(b"cache".as_slice()));
    assert_eq!((due.due_since, due.urgent), (next_due, false));
}

/// The one that has waited longest comes first.
pub async fn urgent_ones_come_by_time(store: &dyn Store) {
    let mut scene = Scene::new(store);
    for (provider, entity) in [("p", "c"), ("q", "a"), ("r", "b")] {
        scene.full(provider, &[claim(entity, "1")]).await;
        scene.wait(SignedDuration::from_secs(1));
    }
    assert_eq!(names(&scene.take_up_to(2).await), ["c", "a"]);
    assert_eq!(names(&scene.take_up_to(2).await), ["b"]);
}

/// What is new, changed or asked for goes before routine refreshes that have waited longer.
pub async fn urgent_ones_come_before_routine(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("routine", "1"), claim("changed", "1"), claim("asked", "1")]).await;
    scene.process(&[]).await;
    scene.wait(REFRESH + LEASE);
    scene.full("q", &[claim("new", "1")]).await;
    scene.wait(SignedDuration::from_secs(1));
    scene.delta("p", &[claim("changed", "2")], &[]).await;
    scene.wait(SignedDuration::from_secs(1));
    store.refresh_entity(&entity("asked"), scene.now).await.unwrap();
    let due = scene.take().await;
    assert_eq!(names(&due), ["new", "changed", "asked", "routine"]);
    let urgent: Vec<bool> = due.iter().map(|due| due.urgent).collect();
    assert_eq!(urgent, [true, true, true, false]);
}

/// They wait for their next turn, and come out with the others when their run is not settled any more.
pub async fn settled_refreshes_are_only_counted(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1")]).await;
    scene.process(&[]).await;
    scene.wait(REFRESH + LEASE);
    let (lease, next) = (scene.now + LEASE, scene.now + REFRESH);
    let settled = [known_run(&scene, "a").await, known_run(&scene, "c").await];
    let is_settled = move |run: KnownRun| settled.contains(&run);
    let taken = store.claim_unsettled(10, scene.now, lease, next, &is_settled).await.unwrap();
    scene.check().await;
    assert_eq!((names(&taken.due), taken.settled), (vec!["b".to_owned()], 2));
    let taken = store.claim_unsettled(10, scene.now, lease, next, &is_settled).await.unwrap();
    assert_eq!((taken.due.len(), taken.settled), (0, 0), "all have had their turn");
    scene.wait(REFRESH);
    let taken = store.claim_unsettled(2, scene.now, lease, scene.now + REFRESH, &is_settled).await.unwrap();
    assert_eq!(taken.due.len() + taken.settled, 2, "settled ones are a part of the batch");
    scene.wait(REFRESH + LEASE);
    assert_eq!(scene.take_names().await, ["a", "b", "c"]);
}

/// What was asked for is processed whatever is known of it, and so is what has another document or result, or something
/// that its processors remember.
pub async fn what_is_not_quite_settled_is_processed(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let all = ["asked", "cached", "changed", "failed", "fine"];
    scene.full("p", &all.map(|name| claim(name, "1"))).await;
    let due = scene.take().await;
    let commits = due.iter().map(|due| {
        let mut commit = scene.commit_of(due, Output::of(&name(&due.entity_ref)).outcome());
        if name(&due.entity_ref) == "cached" {
            commit.cache = ProcessorCacheUpdate::Replace(b"cache".as_slice().into());
        }
        commit
    });
    scene.commit(commits.collect()).await;
    let mut settled = Vec::new();
    for name in all {
        settled.push(known_run(&scene, name).await);
    }
    scene.wait(REFRESH + LEASE);
    store.refresh_entity(&entity("asked"), scene.now).await.unwrap();
    scene.delta("p", &[claim("changed", "2")], &[]).await;
    settled[3].result_hash = hash("another");
    let (lease, next) = (scene.now + LEASE, scene.now + REFRESH);
    let is_settled = move |run: KnownRun| settled.contains(&run);
    let taken = store.claim_unsettled(10, scene.now, lease, next, &is_settled).await.unwrap();
    scene.check().await;
    let mut due = names(&taken.due);
    due.sort();
    assert_eq!(
        (due, taken.settled),
        (["asked", "cached", "changed", "failed"].map(str::to_owned).to_vec(), 1)
    );
}

/// The run that `process` has written, or one like it.
async fn known_run(scene: &Scene<'_>, name: &str) -> KnownRun {
    KnownRun {
        uid: scene.uid(name).await,
        document_hash: document("1").hash,
        result_hash: Output::of(name).hash(),
    }
}

/// A flood of changes does not stop routine refreshes: an eighth of a batch is theirs, and at least one.
pub async fn a_share_is_kept_for_routine(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &many("routine", 30)).await;
    scene.process(&[]).await;
    scene.wait(REFRESH + LEASE);
    scene.full("q", &many("urgent", 30)).await;
    for (limit, share) in [(16, 2), (8, 1), (4, 1)] {
        let due = scene.take_up_to(limit).await;
        let routine = due.iter().filter(|due| !due.urgent).count();
        assert_eq!((due.len(), routine), (limit, share), "a batch of {limit}");
    }
}

/// A batch is full so long as anything is due.
pub async fn a_share_that_nobody_needs_is_used(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &many("routine", 20)).await;
    let due = scene.take_up_to(16).await;
    assert_eq!((due.len(), due.iter().all(|due| due.urgent)), (16, true), "nothing routine is due");
    let rest = scene.take().await;
    let commits = due.iter().chain(&rest).map(|due| scene.commit_of(due, Output::of("x").outcome()));
    scene.commit(commits.collect()).await;
    scene.wait(REFRESH + LEASE);
    scene.full("q", &many("urgent", 2)).await;
    let due = scene.take_up_to(16).await;
    assert_eq!((due.len(), due.iter().filter(|due| due.urgent).count()), (16, 2));
}

/// What is taken is not given out again before its time: urgent ones soon, routine ones as scheduled.
pub async fn what_is_taken_is_leased(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    assert_eq!(scene.take_names().await, ["a"]);
    assert_eq!(scene.take_names().await, [""; 0]);
    assert_eq!(store.next_due().await.unwrap(), Some(scene.now + LEASE));
    scene.wait(LEASE);
    let due = scene.take().await;
    assert_eq!((names(&due), due[0].urgent), (vec!["a".to_owned()], true), "its run was never committed");
    scene.commit(vec![scene.commit_of(&due[0], Output::of("a").outcome())]).await;
    assert_eq!(store.next_due().await.unwrap(), Some(scene.now + REFRESH));
    scene.wait(REFRESH - SignedDuration::from_secs(1));
    assert_eq!(scene.take_names().await, [""; 0]);
    scene.wait(SignedDuration::from_secs(1));
    assert_eq!(scene.take_names().await, ["a"]);
    assert_eq!(store.next_due().await.unwrap(), Some(scene.now + REFRESH), "the lease of a routine refresh");
}

/// It comes as the queue would give it, once; so does what was not taken up.
pub async fn what_a_mutation_takes_up_is_leased(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("old", "1")]).await;
    scene.process(&[]).await;
    let claims = vec![claim("old", "2"), keyed("a", "k", "1"), claim("b", "1"), claim("c", "1")];
    let take_up = TakeUp { limit: 2, lease_until: scene.now + LEASE };
    let mutation = ProviderMutation::Full(claims);
    let applied = store.apply_and_take_up(&ProviderName::new("p"), mutation, scene.now, take_up).await;
    let (report, mut taken) = applied.unwrap();
    scene.check().await;
    assert_eq!((report.added, report.updated), (3, 1));
    assert_eq!(taken.len(), 2, "{taken:?}");
    let rest = scene.take().await;
    let ended: Vec<String> = names(&taken);
    taken.extend(rest);
    taken.sort_unstable_by_key(|due| name(&due.entity_ref));
    assert_eq!(names(&taken), ["a", "b", "c", "old"]);
    for due in &taken {
        let changed = name(&due.entity_ref) == "old";
        assert_eq!(due.uid, scene.uid(&name(&due.entity_ref)).await);
        assert_eq!(due.document, document(if changed { "2" } else { "1" }));
        assert_eq!((due.due_since, due.urgent), (scene.now, true));
        assert_eq!((due.result_hash.is_some(), &due.cache), (changed, &None));
    }
    assert_eq!(taken[0].location_key.as_ref().map(callboard_model::LocationKey::as_str), Some("k"));
    assert_eq!((&taken[1].location_key, &taken[2].location_key), (&None, &None));

    // Some are processed; the others come again.
    let a = entity("a");
    let is_ended = |due: &&DueEntity| ended.contains(&name(&due.entity_ref)) || due.entity_ref == a;
    let commits: Vec<_> =
        taken.iter().filter(is_ended).map(|due| scene.commit_of(due, Output::of("x").outcome())).collect();
    let expected: Vec<String> =
        taken.iter().filter(|due| !is_ended(due)).map(|due| name(&due.entity_ref)).collect();
    let count = commits.len();
    assert_eq!(scene.commit(commits).await.dropped, 0);
    scene.wait(LEASE);
    assert_eq!(scene.take_names().await, expected);
    assert_eq!(count + expected.len(), 4);
}

/// However they were made: what was processed later comes up later, also when others were taken up or asked for meanwhile.
pub async fn each_comes_up_at_its_own_time(store: &dyn Store) {
    const APART: SignedDuration = SignedDuration::from_mins(10);
    let mut scene = Scene::new(store);
    for name in ["a", "b", "c"] {
        scene.full(name, &[claim(name, "1")]).await;
        scene.process(&[]).await;
        scene.wait(APART);
    }
    scene.wait(REFRESH - APART * 3);
    for _ in 0..2 {
        for name in ["a", "b", "c"] {
            assert_eq!(store.next_due().await.unwrap(), Some(scene.now));
            assert_eq!(scene.take_names().await, [name]);
            assert_eq!(scene.state(name).await.next_due, scene.now + REFRESH);
            scene.wait(APART);
        }
        scene.wait(REFRESH - APART * 3);
    }
    store.refresh_entity(&entity("b"), scene.now).await.unwrap();
    assert_eq!(scene.take_names().await, ["a", "b"]);
    scene.wait(APART * 2);
    assert_eq!(scene.take_names().await, ["b", "c"], "the run of b was never committed");
}

/// For a routine refresh the lease is the schedule.
pub async fn an_unchanged_outcome_leaves_the_schedule(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    scene.wait(REFRESH);
    let due = scene.take().await.remove(0);
    let scheduled = scene.state("a").await.next_due;
    assert_eq!(scheduled, scene.now + REFRESH);
    scene.wait(SignedDuration::from_secs(3));
    let unchanged = scene.commit_of(&due, ProcessingOutcome::Unchanged);
    assert_ne!(unchanged.next_due, scheduled);
    scene.commit(vec![unchanged]).await;
    assert_eq!(scene.state("a").await.next_due, scheduled);
}

/// An entity that was asked for, and is what it was, is routine again.
pub async fn an_unchanged_outcome_ends_urgency(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    store.refresh_entity(&entity("a"), scene.now).await.unwrap();
    assert_eq!(store.queue_depth().await.unwrap().urgent, 1);
    scene.wait(SignedDuration::from_secs(3));
    scene.process(&[("a", ProcessingOutcome::Unchanged)]).await;
    assert_eq!(store.queue_depth().await.unwrap().urgent, 0);
    assert_eq!(scene.state("a").await.next_due, scene.now + REFRESH);
    let state = scene.state("a").await;
    assert_eq!(state.processed.as_deref(), Some(b"a".as_slice()), "its output stays");
}

/// After a crash nothing waits for a lease to run out.
pub async fn leases_are_reclaimed_after_a_crash(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1")]).await;
    let due = scene.take().await;
    let done = due.iter().find(|due| due.entity_ref == entity("b")).unwrap();
    scene.commit(vec![scene.commit_of(done, Output::of("b").outcome())]).await;
    scene.wait(SignedDuration::from_secs(1));
    assert_eq!(store.reclaim_leases(scene.now).await.unwrap(), 2);
    scene.check().await;
    assert_eq!(scene.take_names().await, ["a", "c"]);
}

/// The run that is under way does not know of the change.
pub async fn what_changes_during_its_run_is_due_again(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    let before = scene.take().await.remove(0);
    scene.wait(SignedDuration::from_secs(1));
    scene.full("p", &[claim("a", "2")]).await;
    let again = scene.take().await;
    assert_eq!((again.len(), again[0].document.hash), (1, hash("2")), "no lease holds it back");

    scene.full("p", &[claim("a", "3")]).await;
    scene.commit(vec![scene.commit_of(&before, Output::of("of 1").outcome())]).await;
    scene.commit(vec![scene.commit_of(&again[0], Output::of("of 2").outcome())]).await;
    let last = scene.take().await;
    assert_eq!((last.len(), last[0].urgent, last[0].document.hash), (1, true, hash("3")));
}

/// Neither does it know what made somebody ask.
pub async fn what_is_asked_for_during_its_run_is_due_again(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    for routine in [false, true] {
        if routine {
            scene.wait(REFRESH);
        } else {
            store.refresh_entity(&entity("a"), scene.now).await.unwrap();
        }
        let running = scene.take().await.remove(0);
        assert_eq!(running.urgent, !routine);
        scene.wait(SignedDuration::from_secs(1));
        store.refresh_entity(&entity("a"), scene.now).await.unwrap();
        let unchanged = scene.commit_of(&running, ProcessingOutcome::Unchanged);
        scene.commit(vec![unchanged]).await;
        assert_eq!(scene.state("a").await.next_due, scene.now);
        scene.process(&[("a", Output::of(if routine { "x" } else { "y" }).outcome())]).await;
    }
}

/// The newer run may never end.
pub async fn a_run_of_an_old_document_does_not_end_a_newer_run(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    let old = scene.take().await;
    scene.full("p", &[claim("a", "2")]).await;
    assert_eq!(scene.take_names().await, ["a"]);
    scene.commit(vec![scene.commit_of(&old[0], Output::of("of 1").outcome())]).await;
    scene.wait(LEASE);
    assert_eq!(scene.take_names().await, ["a"], "its new document was never processed");
}

/// What it brings is not of the document that the entity has, so the entity is due once more.
pub async fn a_run_of_an_old_document_that_ends_last_leaves_it_due(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    let old = scene.take().await;
    scene.full("p", &[claim("a", "2")]).await;
    scene.process(&[("a", Output::of("of 2").outcome())]).await;
    scene.commit(vec![scene.commit_of(&old[0], Output::of("of 1").outcome())]).await;
    scene.process(&[("a", Output::of("of 2").outcome())]).await;
    assert_eq!(scene.state("a").await.processed.as_deref(), Some(b"of 2".as_slice()));
}
