//! Entities that nothing claims: they live on, and are known as orphans, until they are swept.

use crate::{Deletion, Store};

use super::graph::Graph;
use super::scene::{LEASE, Output, Scene, claim, entity, keyed};

async fn sweep(scene: &Scene<'_>) -> Deletion {
    let deletion = scene.store.delete_orphans(scene.now).await.unwrap();
    scene.check().await;
    deletion
}

/// `R1` of `graph` emits nothing any more; what that comes to is stitched.
async fn abandon(scene: &mut Scene<'_>, graph: &str) {
    scene.grow(&Graph::parse(graph)).await;
    scene.reprocess("r1", Output::of("r1 alone").outcome()).await;
}

/// It stays, is marked, and shows that it is one.
pub async fn what_nobody_claims_is_an_orphan(store: &dyn Store) {
    let mut scene = Scene::new(store);
    abandon(&mut scene, "K>R1>R2>R3").await;
    assert_eq!(store.queue_depth().await.unwrap().orphans, 1);
    assert_eq!(scene.winner("r2").await, (None, "r2".to_owned()), "it is still what it was");
    let inputs = scene.stitch().await;
    assert_eq!(inputs.keys().collect::<Vec<_>>(), ["r1", "r2"]);
    assert!(inputs["r2"].orphan);
    assert_eq!(scene.body("r2").await.as_deref(), Some("r2 orphan"));
}

/// The mark goes, and nothing else happens.
pub async fn what_is_claimed_again_is_no_orphan(store: &dyn Store) {
    let mut scene = Scene::new(store);
    abandon(&mut scene, "K>R1>R2>R3").await;
    scene.stitch().await;
    let before = scene.state("r2").await;
    scene.full("l", &[claim("r2", "r2")]).await;
    let after = scene.state("r2").await;
    assert_eq!((after.uid, after.next_due), (before.uid, before.next_due));
    assert_eq!(scene.marked().await, ["r2"]);
    assert_eq!(scene.body("r2").await.as_deref(), Some("r2"));
    assert_eq!(store.queue_depth().await.unwrap().orphans, 0);
}

/// There is no claim left whose key could stay.
pub async fn an_orphan_takes_any_key(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", Output::children(&[keyed("b", "k", "1")]).outcome())]).await;
    scene.process(&[]).await;
    scene.reprocess("a", Output::of("a").outcome()).await;
    let uid = scene.uid("b").await;
    assert_eq!(scene.winner("b").await.0.as_deref(), Some("k"));
    let report = scene.full("q", &[keyed("b", "l", "1")]).await;
    assert_eq!(report.conflicts, []);
    assert_eq!(scene.winner("b").await.0.as_deref(), Some("l"));
    assert_eq!(scene.uid("b").await, uid);
}

/// Being claimed with another document is a change like any other.
pub async fn an_orphan_takes_a_changed_document(store: &dyn Store) {
    let mut scene = Scene::new(store);
    abandon(&mut scene, "K>R1>R2").await;
    scene.full("l", &[claim("r2", "changed")]).await;
    assert_eq!(scene.winner("r2").await.1, "changed");
    assert_eq!(scene.take_names().await, ["r2"]);
}

/// Orphans keep their place in the queue, their document and their children.
pub async fn an_orphan_is_processed_as_before(store: &dyn Store) {
    let mut scene = Scene::new(store);
    abandon(&mut scene, "K>R1>R2>R3").await;
    store.refresh_entity(&entity("r2"), scene.now).await.unwrap();
    let due = scene.take().await;
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].document.hash, due[0].location_key.clone()), (super::scene::hash("r2"), None));
    let output = Output { children: vec![claim("r3", "r3 anew")], ..Output::of("r2 anew") };
    let report = scene.commit(vec![scene.commit_of(&due[0], output.outcome())]).await;
    assert_eq!((report.dropped, report.children_written), (0, 1));
    scene.stitch().await;
    assert_eq!(scene.body("r2").await.as_deref(), Some("r2 anew orphan"));
    assert_eq!(scene.winner("r3").await.1, "r3 anew");
}

/// What only orphans claimed goes with them.
pub async fn sweeping_cascades(store: &dyn Store) {
    let mut scene = Scene::new(store);
    abandon(&mut scene, "K>R1>R2>R3>R4, R1>R5").await;
    scene.stitch().await;
    let deletion = sweep(&scene).await;
    assert_eq!(deletion.deleted, 4);
    assert_eq!(deletion.sequence, scene.head().await);
    assert_eq!(scene.existing(&["r1", "r2", "r3", "r4", "r5"]).await, ["r1"]);
    let seen: Vec<String> = scene.bodies().await.into_keys().collect();
    assert_eq!(seen, ["r1"]);
    assert_eq!(scene.marked().await, [""; 0]);
}

/// What somebody else claims stays, and a circle has nobody without a claim in it.
pub async fn sweeping_spares_what_others_claim(store: &dyn Store) {
    let mut scene = Scene::new(store);
    abandon(&mut scene, "K>R1>R2>R3, L>R3, R1>R6>R7>R6").await;
    let deletion = sweep(&scene).await;
    assert_eq!(deletion.deleted, 1);
    assert_eq!(scene.existing(&["r1", "r2", "r3", "r6", "r7"]).await, ["r1", "r3", "r6", "r7"]);
    assert_eq!(store.queue_depth().await.unwrap().orphans, 0);
    scene.stitch().await;
    assert_eq!(scene.body("r3").await.as_deref(), Some("r3"));
}

/// No orphans, no writes.
pub async fn sweeping_nothing_changes_nothing(store: &dyn Store) {
    let mut scene = Scene::new(store);
    assert_eq!(sweep(&scene).await.deleted, 0);
    scene.grow(&Graph::parse("K>R1>R2")).await;
    scene.wait(LEASE);
    let head = scene.head().await;
    assert_eq!(sweep(&scene).await, Deletion { deleted: 0, sequence: head });
    assert_eq!(scene.head().await, head);
}
