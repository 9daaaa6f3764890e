//! What goes when a provider releases claims: everything below, unless another claim of a provider leads to it.

use crate::{Change, Store};

use super::graph::Graph;
use super::scene::{Output, Scene, claim, entity, keyed, relation};

/// In `graph`, `provider` releases `released`. Then exactly `left` is there, and none of it is an orphan.
async fn expect(store: &dyn Store, graph: &str, provider: &str, released: &[&str], left: &[&str]) {
    let mut scene = Scene::new(store);
    // One store serves several graphs, one after the other.
    for provider in store.providers().await.unwrap() {
        scene.full(provider.as_str(), &[]).await;
    }
    let graph_text = graph;
    let graph = Graph::parse(graph);
    scene.grow(&graph).await;
    let entities = graph.entities();
    assert_eq!(scene.existing(&entities).await, entities, "{graph_text}: the graph is there");

    let report = scene.delta(provider, &[], released).await;
    assert_eq!(scene.existing(&entities).await, left, "{graph_text}: {provider} releases {released:?}");
    assert_eq!(report.deleted, entities.len() - left.len(), "{graph_text}");
    assert_eq!(report.released, released.len(), "{graph_text}");
    assert_eq!(store.queue_depth().await.unwrap().orphans, 0, "{graph_text}");
    let seen: Vec<String> = scene.bodies().await.into_keys().collect();
    assert_eq!(seen, left, "{graph_text}: what is seen");
}

/// Everything that only the released entity led to.
pub async fn whole_trees_go(store: &dyn Store) {
    expect(store, "K>R1", "k", &["r1"], &[]).await;
    expect(store, "K>R1>R2>R3>R4>R5>R6>R7", "k", &["r1"], &[]).await;
    expect(store, "K>R1>R2, R1>R3, R2>R4, R3>R4, R3>R5", "k", &["r1"], &[]).await;
    expect(store, "K>R1>R2, K>R3", "k", &["r1"], &["r3"]).await;
    expect(store, "K>R1>R2>R3, K>R4>R5>R3", "k", &["r1", "r4"], &[]).await;
    expect(store, "K>R1>R2, K>R2>R3", "k", &["r1", "r2"], &[]).await;
}

/// Descendants that something else leads to stay, for the sake of the same provider or of another.
pub async fn what_others_lead_to_stays(store: &dyn Store) {
    expect(store, "K>R1>R2>R3, K>R4>R5>R3", "k", &["r1"], &["r3", "r4", "r5"]).await;
    expect(store, "K>R1>R2>R3, L>R4>R3", "k", &["r1"], &["r3", "r4"]).await;
    expect(store, "K>R1>R2, L>R1", "k", &["r1"], &["r1", "r2"]).await;
    expect(store, "K>R1>R2>R3, K>R2", "k", &["r1"], &["r2", "r3"]).await;
    expect(store, "K>R1>R2>R3, K>R2", "k", &["r2"], &["r1", "r2", "r3"]).await;
    expect(store, "K>R1>R2>R3>R4, L>R5>R6>R3, M>R7", "k", &["r1"], &["r3", "r4", "r5", "r6", "r7"]).await;
}

/// Entities that claim each other do not keep each other alive.
pub async fn cycles_go(store: &dyn Store) {
    expect(store, "K>R1>R2>R1", "k", &["r1"], &[]).await;
    expect(store, "K>R1>R2>R3>R4>R2", "k", &["r1"], &[]).await;
    expect(store, "K>R1>R1", "k", &["r1"], &[]).await;
    expect(store, "K>R1>R2>R3>R2, R3>R1, R2>R4>R4", "k", &["r1"], &[]).await;
}

/// A cycle stays as a whole if some provider leads into it, at whatever place.
pub async fn cycles_that_others_lead_to_stay(store: &dyn Store) {
    expect(store, "K>R1>R2>R3>R2, L>R3", "k", &["r1"], &["r2", "r3"]).await;
    expect(store, "K>R1>R2, L>R2>R1", "k", &["r1"], &["r1", "r2"]).await;
    expect(store, "K>R1>R2>R3>R1, L>R4>R3", "k", &["r1"], &["r1", "r2", "r3", "r4"]).await;
}

/// Leaving out is releasing.
pub async fn a_full_mutation_deletes_what_it_leaves_out(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.grow(&Graph::parse("K>R1>R2>R3, K>R4>R5>R3")).await;
    let report = scene.full("k", &[claim("r4", "r4")]).await;
    assert_eq!((report.unchanged, report.released, report.deleted), (1, 1, 2));
    assert_eq!(scene.existing(&["r1", "r2", "r3", "r4", "r5"]).await, ["r3", "r4", "r5"]);
}

/// What only an orphan leads to goes with the rest, and the orphan is asked to emit it again.
pub async fn orphans_keep_nothing_alive(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.grow(&Graph::parse("L>R5>R6>R2, K>R1>R2")).await;
    scene.reprocess("r5", Output::of("r5 without children").outcome()).await;
    assert_eq!(store.queue_depth().await.unwrap().orphans, 1);
    scene.delta("k", &[], &["r1"]).await;
    assert_eq!(scene.existing(&["r1", "r2", "r5", "r6"]).await, ["r5", "r6"]);
    let due = scene.take().await;
    let asked: Vec<_> = due.iter().map(|due| (due.entity_ref.clone(), due.urgent)).collect();
    assert_eq!(asked, [(entity("r6"), true)]);
}

/// A claim that does not win leads somewhere too.
pub async fn a_tree_that_is_released_with_its_losing_claims_goes(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    scene.full("q", &[keyed("a", "l", "of q")]).await;
    scene.process(&[("a", Output::children(&[claim("b", "1")]).outcome())]).await;
    let report = scene.full("p", &[]).await;
    assert_eq!((report.released, report.deleted), (1, 0));
    assert_eq!(scene.existing(&["a", "b"]).await, ["a", "b"]);
    let report = scene.full("q", &[]).await;
    assert_eq!((report.released, report.deleted), (1, 2));
    assert_eq!(scene.existing(&["a", "b"]).await, [""; 0]);
    assert_eq!(scene.marked().await, [""; 0]);
}

/// The relations that the deleted originated are no longer shown anywhere.
pub async fn relations_of_the_deleted_go(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    let related =
        Output { relations: vec![relation("b partOf a"), relation("a hasPart b")], ..Output::of("a") };
    scene.process(&[("a", related.outcome())]).await;
    scene.stitch().await;
    assert_eq!(scene.body("b").await.as_deref(), Some("b partOf=a"));
    let before = scene.head().await;
    scene.delta("p", &[], &["a"]).await;
    assert_eq!(scene.marked().await, ["b"]);
    assert_eq!(scene.body("b").await.as_deref(), Some("b"));
    let changes = store.changes_since(before, 10).await.unwrap();
    assert!(matches!(&changes[0].change, Change::Removed(gone) if *gone == entity("a")), "{changes:?}");
}

/// Claims that go together go at once: what a parent said that goes too is never looked at.
pub async fn all_that_is_released_goes_at_once(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("same", "1")]).await;
    scene.full("q", &[claim("parent", "1"), keyed("same", "k", "1"), keyed("keyed", "k", "1")]).await;
    let children = [claim("same", "other"), keyed("keyed", "l", "1")];
    scene.process(&[("parent", Output::children(&children).outcome())]).await;
    scene.full("r", &[keyed("keyed", "m", "1")]).await;
    scene.full("s", &[keyed("keyed", "l", "1")]).await;
    let before = scene.state("same").await;
    scene.wait(super::scene::LEASE);
    scene.full("q", &[]).await;
    let after = scene.state("same").await;
    assert_eq!(after.unprocessed, before.unprocessed);
    assert_eq!(
        (after.next_due, after.discovered_at),
        (before.next_due, before.discovered_at),
        "nothing changed"
    );
    assert_eq!(scene.winner("keyed").await.0.as_deref(), Some("m"), "the oldest of the keys that are left");
}
