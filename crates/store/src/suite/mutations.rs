//! What providers do to their buckets.

use jiff::SignedDuration;

use crate::{MutationReport, NewClaim, ProviderName, Store};

use super::graph::Graph;
use super::scene::{Output, REFRESH, Scene, claim, keyed};

/// `(added, updated, unchanged, released, deleted)`.
fn counts(report: &MutationReport) -> (usize, usize, usize, usize, usize) {
    (report.added, report.updated, report.unchanged, report.released, report.deleted)
}

/// The bucket holds exactly what the mutation says.
pub async fn a_full_mutation_replaces_the_bucket(store: &dyn Store) {
    let scene = Scene::new(store);
    let report = scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1")]).await;
    assert_eq!(counts(&report), (3, 0, 0, 0, 0));
    let uid = scene.uid("b").await;
    let report = scene.full("p", &[claim("b", "2"), claim("c", "1"), claim("d", "1")]).await;
    assert_eq!(counts(&report), (1, 1, 1, 1, 1));
    assert_eq!(scene.existing(&["a", "b", "c", "d"]).await, ["b", "c", "d"]);
    assert_eq!(scene.uid("b").await, uid, "another document leaves the uid");
    let report = scene.full("p", &[]).await;
    assert_eq!(counts(&report), (0, 0, 0, 3, 3));
    assert_eq!(scene.existing(&["a", "b", "c", "d"]).await, [""; 0]);
    assert_eq!(counts(&scene.full("p", &[]).await), (0, 0, 0, 0, 0));
}

/// What a delta does not name stays.
pub async fn a_delta_changes_what_it_names(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1"), claim("d", "1")]).await;
    let added = [claim("b", "2"), claim("c", "1"), claim("e", "1")];
    let report = scene.delta("p", &added, &["d", "never-there"]).await;
    assert_eq!(counts(&report), (1, 1, 1, 1, 1));
    assert_eq!(scene.existing(&["a", "b", "c", "d", "e"]).await, ["a", "b", "c", "e"]);
    assert_eq!(scene.winner("b").await.1, "2");
    assert_eq!(counts(&scene.delta("p", &[], &[]).await), (0, 0, 0, 0, 0));
}

/// Removing what one does not claim does nothing.
pub async fn a_delta_passes_over_what_others_claim(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1")]).await;
    assert_eq!(counts(&scene.delta("q", &[], &["a"]).await), (0, 0, 0, 0, 0));
    assert_eq!(scene.existing(&["a"]).await, ["a"]);
}

/// A full mutation is about one's own bucket.
pub async fn buckets_are_apart(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    scene.full("q", &[claim("b", "1"), claim("c", "1")]).await;
    assert_eq!(counts(&scene.full("p", &[]).await), (0, 0, 0, 2, 1));
    assert_eq!(scene.existing(&["a", "b", "c"]).await, ["b", "c"]);
}

/// Neither due times nor the change log move when nothing changes.
pub async fn what_is_unchanged_costs_nothing(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let claims = [claim("a", "1"), keyed("b", "k", "1")];
    scene.full("p", &claims).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let head = scene.head().await;
    let (a, b) = (scene.state("a").await, scene.state("b").await);
    scene.wait(SignedDuration::from_secs(10));
    for report in [scene.full("p", &claims).await, scene.delta("p", &claims, &[]).await] {
        assert_eq!(counts(&report), (0, 0, 2, 0, 0));
        assert_eq!(report.sequence, head);
    }
    assert_eq!(scene.head().await, head);
    for (name, before) in [("a", a), ("b", b)] {
        let after = scene.state(name).await;
        assert_eq!(after.uid, before.uid);
        assert_eq!((after.next_due, after.discovered_at), (before.next_due, before.discovered_at));
    }
    assert_eq!(scene.marked().await, [""; 0]);
}

/// New and changed documents are processed before anything else, and their time is noted.
pub async fn what_changed_is_due_at_once(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    assert_eq!(scene.state("a").await.discovered_at, scene.now);
    assert_eq!(scene.store.next_due().await.unwrap(), Some(scene.now));
    scene.process(&[]).await;
    assert_eq!(scene.state("a").await.next_due, scene.now + REFRESH);
    let before = scene.state("b").await;
    scene.wait(SignedDuration::from_secs(10));
    scene.full("p", &[claim("a", "2"), claim("b", "1")]).await;
    let after = scene.state("a").await;
    assert_eq!((after.next_due, after.discovered_at), (scene.now, scene.now));
    assert_eq!(scene.state("b").await.next_due, before.next_due);
    let due = scene.take().await;
    assert_eq!(due.len(), 1);
    assert!(due[0].urgent);
}

/// A provider that changes its key releases the entity, and claims a new one by the same ref.
pub async fn another_key_makes_another_entity(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1"), keyed("b", "k", "1"), claim("c", "1")]).await;
    let before = [scene.uid("a").await, scene.uid("b").await, scene.uid("c").await];
    let report = scene.full("p", &[keyed("a", "l", "1"), keyed("b", "k", "1"), keyed("c", "k", "1")]).await;
    assert_eq!((report.added, report.updated, report.unchanged, report.released), (0, 2, 1, 0));
    assert_eq!(report.conflicts, []);
    assert_eq!(scene.winner("a").await.0.as_deref(), Some("l"));
    assert_ne!(scene.uid("a").await, before[0]);
    assert_eq!(scene.uid("b").await, before[1]);
    assert_ne!(scene.uid("c").await, before[2]);
    let report = scene.delta("p", &[claim("b", "1")], &[]).await;
    assert_eq!(report.updated, 1);
    assert_eq!(scene.winner("b").await.0, None);
    assert_ne!(scene.uid("b").await, before[1]);
}

/// What hangs below goes with the old entity.
pub async fn another_key_makes_another_tree(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.grow(&Graph::parse("K>R1>R2>R3")).await;
    let before = scene.uid("r1").await;
    scene.full("k", &[keyed("r1", "l", "r1")]).await;
    assert_eq!(scene.existing(&["r1", "r2", "r3"]).await, ["r1"]);
    assert_ne!(scene.uid("r1").await, before);
    assert_eq!(scene.state("r1").await.processed, None, "nothing is left of the old one");
}

/// An entity that others claim too stays the same entity.
pub async fn another_key_keeps_an_entity_that_others_claim(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    scene.full("q", &[keyed("a", "k", "of q")]).await;
    let uid = scene.uid("a").await;
    let report = scene.full("p", &[keyed("a", "l", "of p")]).await;
    assert_eq!((report.updated, report.deleted, report.conflicts.len()), (1, 0, 1));
    assert_eq!(scene.uid("a").await, uid);
    assert_eq!(scene.winner("a").await, (Some("k".to_owned()), "of q".to_owned()));
}

/// Two claims on one ref with one key are one claim.
pub async fn of_duplicates_the_last_counts(store: &dyn Store) {
    let scene = Scene::new(store);
    let report = scene.full("p", &[keyed("a", "k", "1"), claim("b", "1"), keyed("a", "k", "2")]).await;
    assert_eq!((report.added, report.conflicts.len()), (2, 0));
    assert_eq!(scene.winner("a").await, (Some("k".to_owned()), "2".to_owned()));
    let report = scene.delta("p", &[claim("b", "2"), claim("b", "3")], &[]).await;
    assert_eq!((report.updated, report.conflicts.len()), (1, 0));
    assert_eq!(scene.winner("b").await, (None, "3".to_owned()));
}

/// The key of the first of them stays; the entity stays claimed.
pub async fn duplicates_with_other_keys_are_conflicts(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let report = scene.full("p", &[keyed("a", "k", "1"), keyed("a", "l", "2"), keyed("a", "k", "3")]).await;
    assert_eq!(report.added, 1);
    assert_eq!(report.conflicts.len(), 1);
    let conflict = &report.conflicts[0];
    assert_eq!(conflict.rejected_key.as_ref().map(ToString::to_string).as_deref(), Some("l"));
    assert_eq!(conflict.holder_key.as_ref().map(ToString::to_string).as_deref(), Some("k"));
    assert_eq!(scene.winner("a").await, (Some("k".to_owned()), "3".to_owned()));
    scene.process(&[("a", Output::of("a").outcome())]).await;
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("a"), "it is no orphan");
}

/// A provider is known by its claims.
pub async fn providers_are_those_with_claims(store: &dyn Store) {
    let scene = Scene::new(store);
    assert_eq!(store.providers().await.unwrap(), []);
    scene.full("q", &[claim("a", "1")]).await;
    scene.full("p", &[claim("a", "1")]).await;
    scene.full("r", &[]).await;
    assert_eq!(store.providers().await.unwrap(), [ProviderName::new("p"), ProviderName::new("q")]);
    scene.full("q", &[]).await;
    assert_eq!(store.providers().await.unwrap(), [ProviderName::new("p")]);
}

/// Names that differ in letter case are two buckets.
pub async fn names_of_providers_are_exact(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("P", &[claim("a", "1")]).await;
    scene.full("p", &[]).await;
    assert_eq!(scene.existing(&["a"]).await, ["a"]);
    assert_eq!(store.providers().await.unwrap(), [ProviderName::new("P")]);
}

/// No limit of the database shows through.
pub async fn a_large_mutation_is_one_mutation(store: &dyn Store) {
    const MANY: usize = 40_000;
    let scene = Scene::new(store);
    let claims: Vec<NewClaim> = (0..MANY).map(|i| claim(&format!("e{i}"), "1")).collect();
    let report = scene.full("p", &claims).await;
    assert_eq!(counts(&report), (MANY, 0, 0, 0, 0));
    assert_eq!(scene.store.queue_depth().await.unwrap().entities, MANY as u64);
    let report = scene.full("p", &claims[1..]).await;
    assert_eq!(counts(&report), (0, 0, MANY - 1, 1, 1));
    let report = scene.full("p", &[]).await;
    assert_eq!(counts(&report), (0, 0, 0, MANY - 1, MANY - 1));
}
