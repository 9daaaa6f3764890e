//! What entities claim of others, through what their processing emits.

use callboard_model::LocationKey;
use jiff::SignedDuration;

use crate::{ClaimSource, Conflict, Store};

use super::scene::{LEASE, Output, Scene, claim, entity, keyed};

fn won(key: Option<&str>, document: &str) -> (Option<String>, String) {
    (key.map(str::to_owned), document.to_owned())
}

/// A child exists, and is due at once, when its parent's outcome is written.
pub async fn children_are_new_entities(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.wait(SignedDuration::from_secs(1));
    let children = [keyed("b", "k", "of a"), claim("c", "of a")];
    let report = scene.process(&[("a", Output::children(&children).outcome())]).await;
    assert_eq!((report.children_written, report.conflicts.len()), (2, 0));
    assert_eq!(scene.winner("b").await, won(Some("k"), "of a"));
    assert_eq!(scene.winner("c").await, won(None, "of a"));
    let state = scene.state("b").await;
    assert_eq!((state.next_due, state.discovered_at), (scene.now, scene.now));
    let due = scene.take().await;
    assert_eq!(due.iter().map(|due| due.urgent).collect::<Vec<_>>(), [true, true]);
    assert_eq!(store.providers().await.unwrap().len(), 1, "an entity is no provider");
}

/// A parent that changes one child does not have all of them processed.
pub async fn only_what_differs_is_due(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    let first = [claim("b", "1"), claim("c", "1"), claim("d", "1")];
    scene.process(&[("a", Output::children(&first).outcome())]).await;
    scene.process(&[]).await;
    let uid = scene.uid("c").await;
    let second = [claim("b", "1"), claim("c", "2"), claim("d", "1"), claim("e", "1")];
    let report = scene.reprocess("a", Output::children(&second).outcome()).await;
    assert_eq!(report.children_written, 2);
    assert_eq!(scene.take_names().await, ["c", "e"]);
    assert_eq!(scene.uid("c").await, uid);
    scene.wait(LEASE * 2);
    scene.process(&[]).await;
    let other = Output { processed: "changed".to_owned(), ..Output::children(&second) };
    assert_eq!(scene.reprocess("a", other.outcome()).await.children_written, 0);
    assert_eq!(scene.take_names().await, [""; 0]);
}

/// Two claims on one ref with one key are one claim; another key is a rival, as it is between mutations.
pub async fn of_children_with_one_ref_the_last_counts(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    let children =
        [keyed("b", "k", "1"), claim("c", "1"), keyed("b", "l", "2"), claim("c", "2"), keyed("b", "k", "3")];
    let report = scene.process(&[("a", Output::children(&children).outcome())]).await;
    assert_eq!(report.children_written, 2);
    assert_eq!(scene.winner("b").await, won(Some("k"), "3"));
    assert_eq!(scene.winner("c").await, won(None, "2"));
    let conflict = Conflict {
        entity_ref: entity("b"),
        source: ClaimSource::Entity(entity("a")),
        rejected_key: Some(LocationKey::new("l")),
        holder_key: Some(LocationKey::new("k")),
    };
    assert_eq!(report.conflicts, [conflict]);
    let report = scene.reprocess("a", Output::children(&children).outcome()).await;
    assert_eq!(report.children_written, 0, "the same again is no change");
}

/// It is not deleted: its parent may only have failed to find it.
pub async fn a_child_that_is_left_out_is_an_orphan(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("c", "of p")]).await;
    let children = [claim("b", "1"), claim("c", "of a")];
    scene.process(&[("a", Output::children(&children).outcome()), ("c", Output::of("c").outcome())]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let uid = scene.uid("b").await;
    scene.reprocess("a", Output::children(&[]).outcome()).await;
    assert_eq!(scene.existing(&["a", "b", "c"]).await, ["a", "b", "c"]);
    assert_eq!(scene.uid("b").await, uid);
    assert_eq!(scene.winner("c").await, won(None, "of p"), "the provider's claim is the winning one again");
    assert_eq!(store.queue_depth().await.unwrap().orphans, 1);
    assert!(scene.stitch().await["b"].orphan);
}

/// The parent that came second is reported, and its claim waits.
pub async fn children_of_rivals_conflict(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    let child = |key| Output::children(&[keyed("c", key, key)]).outcome();
    let due = scene.take().await;
    let commit = |name: &str, key| {
        let due = due.iter().find(|due| due.entity_ref == entity(name)).unwrap();
        vec![scene.commit_of(due, child(key))]
    };
    assert_eq!(scene.commit(commit("a", "k")).await.conflicts, []);
    let report = scene.commit(commit("b", "l")).await;
    let conflict = Conflict {
        entity_ref: entity("c"),
        source: ClaimSource::Entity(entity("b")),
        rejected_key: Some(LocationKey::new("l")),
        holder_key: Some(LocationKey::new("k")),
    };
    assert_eq!((report.conflicts, report.children_written), (vec![conflict], 1));
    assert_eq!(scene.winner("c").await, won(Some("k"), "k"));
    let report = scene.reprocess("b", child("l")).await;
    assert_eq!(report.conflicts, [], "what is unchanged is not reported again");
}

/// Without waiting for the parent's next run.
pub async fn a_losing_child_takes_over_from_its_rival(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("c", "1")]).await;
    scene.full("q", &[claim("b", "1")]).await;
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", Output::children(&[keyed("c", "k", "of a")]).outcome())]).await;
    scene.reprocess("b", Output::children(&[keyed("c", "l", "of b")]).outcome()).await;
    scene.process(&[]).await;
    assert_eq!(scene.winner("c").await, won(Some("k"), "of a"));
    let uid = scene.uid("c").await;
    assert_eq!(scene.full("p", &[]).await.deleted, 1, "c is still led to");
    assert_eq!(scene.winner("c").await, won(Some("l"), "of b"));
    assert_eq!(scene.uid("c").await, uid);
    assert_eq!(scene.take_names().await, ["c"]);
}

/// Only providers release eagerly.
pub async fn a_child_with_another_key_stays_the_same_entity(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", Output::children(&[keyed("b", "k", "1")]).outcome())]).await;
    scene.process(&[("b", Output::of("b").outcome())]).await;
    let before = scene.state("b").await;
    let report = scene.reprocess("a", Output::children(&[keyed("b", "l", "1")]).outcome()).await;
    assert_eq!((report.children_written, report.conflicts.len()), (1, 0));
    let after = scene.state("b").await;
    assert_eq!((after.uid, after.processed), (before.uid, before.processed));
    assert_eq!(scene.winner("b").await, won(Some("l"), "1"));
}

/// One is as good as the other.
pub async fn a_provider_and_a_parent_may_claim_together(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), keyed("b", "k", "of p")]).await;
    let child = Output::children(&[keyed("b", "k", "of a")]);
    scene.process(&[("a", child.outcome()), ("b", Output::of("b").outcome())]).await;
    assert_eq!(scene.winner("b").await, won(Some("k"), "of a"), "the latest document");
    scene.full("p", &[claim("a", "1")]).await;
    assert_eq!(scene.existing(&["a", "b"]).await, ["a", "b"]);
    scene.process(&[]).await;
    scene.reprocess("a", Output::children(&[]).outcome()).await;
    assert_eq!(store.queue_depth().await.unwrap().orphans, 1);
}

/// Parents with a losing key are none, providers are none; the latest comes first.
pub async fn parents_are_those_whose_claims_win(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1"), keyed("x", "k", "of p")]).await;
    scene.process(&[]).await;
    assert_eq!(store.parents(&[entity("x"), entity("nowhere")]).await.unwrap(), []);
    for (parent, key) in [("b", "k"), ("c", "l"), ("a", "k")] {
        let children = [keyed("x", key, parent), keyed("y", key, parent)];
        scene.reprocess(parent, Output::children(&children).outcome()).await;
    }
    let pair = |child, parent| (entity(child), entity(parent));
    let expected = [pair("x", "a"), pair("x", "b"), pair("y", "a"), pair("y", "b")];
    assert_eq!(store.parents(&[entity("x"), entity("y")]).await.unwrap(), expected);
    assert_eq!(store.parents(&[]).await.unwrap(), []);
}
