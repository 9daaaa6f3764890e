//! What a run comes to, and what of it is kept.

use jiff::SignedDuration;

use crate::{ProcessingOutcome, ProcessorCacheUpdate, Store};

use super::scene::{LEASE, Output, Scene, claim, entity, failure, hash, keyed, relation, text};

/// `(processed, errors)` of an entity.
async fn output(scene: &Scene<'_>, name: &str) -> (Option<String>, Option<String>) {
    let state = scene.state(name).await;
    (text(state.processed.as_ref()), text(state.errors.as_ref()))
}

fn rich(processed: &str) -> Output {
    Output {
        children: vec![claim("child", "1")],
        relations: vec![relation("a owns b")],
        refresh_keys: vec!["key".to_owned()],
        ..Output::of(processed)
    }
}

/// Nothing of an earlier run is left.
pub async fn a_good_run_replaces_its_output(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    assert_eq!(output(&scene, "a").await, (None, None));
    scene.process(&[("a", rich("first").outcome())]).await;
    assert_eq!(output(&scene, "a").await, (Some("first".to_owned()), None));
    scene.process(&[]).await;
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("first owns=b"));
    let second = Output { relations: vec![relation("a uses c")], ..Output::of("second") };
    scene.reprocess("a", second.outcome()).await;
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("second uses=c"));
    assert_eq!(store.refresh_by_keys(&["key".to_owned()], scene.now).await.unwrap(), 0);
    assert_eq!(store.queue_depth().await.unwrap().orphans, 1, "the child");
}

/// Errors are shown beside what was there before, until a run goes well.
pub async fn a_failure_keeps_the_output(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", rich("good").outcome())]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    scene.reprocess("a", failure("[bad]")).await;
    assert_eq!(output(&scene, "a").await, (Some("good".to_owned()), Some("[bad]".to_owned())));
    assert_eq!(store.queue_depth().await.unwrap().orphans, 0, "the child stays claimed");
    assert_eq!(scene.marked().await, ["a"]);
    assert_eq!(scene.body("a").await.as_deref(), Some("good errors=[bad] owns=b"));
    assert_eq!(store.refresh_by_keys(&["key".to_owned()], scene.now).await.unwrap(), 1);
    let due = scene.take().await.remove(0);
    assert_eq!(due.result_hash, Some(hash("[bad]")));
    scene.commit(vec![scene.commit_of(&due, rich("good").outcome())]).await;
    assert_eq!(output(&scene, "a").await, (Some("good".to_owned()), None));
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("good owns=b"));
}

/// An entity that never went well shows its errors to those who look for it.
pub async fn a_failure_before_any_output_is_kept(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", failure("[bad]"))]).await;
    assert_eq!(output(&scene, "a").await, (None, Some("[bad]".to_owned())));
    assert_eq!(store.queue_depth().await.unwrap().urgent, 0);
    let mut later = scene;
    later.reprocess("a", failure("[worse]")).await;
    assert_eq!(output(&later, "a").await, (None, Some("[worse]".to_owned())));
}

/// Not even a stitch mark.
pub async fn an_unchanged_outcome_writes_nothing(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", rich("good").outcome())]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let head = scene.head().await;
    let report = scene.reprocess("a", ProcessingOutcome::Unchanged).await;
    assert_eq!(report, crate::CommitReport::default());
    assert_eq!(scene.head().await, head);
    assert_eq!(store.next_stitch().await.unwrap(), None);
    assert_eq!(output(&scene, "a").await, (Some("good".to_owned()), None));
}

/// Whoever deletes during a run has the last word.
pub async fn the_outcome_of_a_deleted_entity_is_dropped(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    let due = scene.take().await;
    scene.full("p", &[claim("b", "1")]).await;
    let commits = due.iter().map(|due| scene.commit_of(due, rich("good").outcome())).collect();
    let report = scene.commit(commits).await;
    assert_eq!((report.dropped, report.children_written), (1, 1));
    assert_eq!(scene.existing(&["a", "b", "child"]).await, ["b", "child"]);
    assert_eq!(store.parents(&[entity("child")]).await.unwrap(), [(entity("child"), entity("b"))]);
}

/// A new entity of that ref is none of its business.
pub async fn the_outcome_of_a_replaced_entity_is_dropped(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1")]).await;
    let due = scene.take().await;
    scene.full("p", &[keyed("a", "l", "1")]).await;
    let report = scene.commit(vec![scene.commit_of(&due[0], rich("good").outcome())]).await;
    assert_eq!(report.dropped, 1);
    assert_eq!(output(&scene, "a").await, (None, None));
    assert_eq!(scene.existing(&["a", "child"]).await, ["a"]);
    assert_eq!(scene.take_names().await, ["a"], "still due");
}

/// It is something to show, and the entity stays due for its new document.
pub async fn the_outcome_of_an_old_document_leaves_it_due(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    let due = scene.take().await;
    scene.full("p", &[claim("a", "2")]).await;
    let report = scene.commit(vec![scene.commit_of(&due[0], rich("of 1").outcome())]).await;
    assert_eq!((report.dropped, report.children_written), (0, 1));
    assert_eq!(scene.state("a").await.next_due, scene.now);
    assert_eq!(scene.winner("a").await.1, "2");
    scene.process(&[("a", Output::of("of 2").outcome())]).await;
    scene.wait(LEASE);
    assert_eq!(scene.take_names().await, [""; 0]);
    assert_eq!(output(&scene, "a").await.0.as_deref(), Some("of 2"));
}

/// With any outcome.
pub async fn caches_are_kept_replaced_and_cleared(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    let replace = |text: &str| ProcessorCacheUpdate::Replace(text.as_bytes().into());
    let steps = [
        (Output::of("a").outcome(), ProcessorCacheUpdate::Keep, None),
        (ProcessingOutcome::Unchanged, replace("one"), Some("one")),
        (failure("[bad]"), replace("two"), Some("two")),
        (failure("[bad]"), ProcessorCacheUpdate::Keep, Some("two")),
        (Output::of("b").outcome(), ProcessorCacheUpdate::Keep, Some("two")),
        (ProcessingOutcome::Unchanged, ProcessorCacheUpdate::Clear, None),
        (Output::of("c").outcome(), replace("three"), Some("three")),
        (failure("[bad]"), ProcessorCacheUpdate::Clear, None),
    ];
    for (outcome, cache, expected) in steps {
        scene.wait(SignedDuration::from_secs(1));
        store.refresh_entity(&entity("a"), scene.now).await.unwrap();
        let due = scene.take().await.remove(0);
        let mut commit = scene.commit_of(&due, outcome);
        commit.cache = cache;
        scene.commit(vec![commit]).await;
        assert_eq!(text(scene.state("a").await.cache.as_ref()).as_deref(), expected);
    }
}

/// Parents and children may be in one batch, in any order.
pub async fn a_batch_is_committed_as_one(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1")]).await;
    let due = scene.take().await;
    let commits = due.iter().map(|due| {
        let outcome = match super::scene::name(&due.entity_ref).as_str() {
            "a" => Output::children(&[claim("b", "of a"), claim("d", "of a")]).outcome(),
            "b" => Output::children(&[claim("c", "1"), claim("d", "of a")]).outcome(),
            _ => failure("[bad]"),
        };
        scene.commit_of(due, outcome)
    });
    let report = scene.commit(commits.collect()).await;
    assert_eq!((report.dropped, report.children_written, report.conflicts.len()), (0, 4, 0));
    assert_eq!(scene.existing(&["a", "b", "c", "d"]).await, ["a", "b", "c", "d"]);
    assert_eq!(scene.winner("b").await.1, "of a");
    assert_eq!(scene.take_names().await, ["b", "d"], "b changed under its own run");
}
