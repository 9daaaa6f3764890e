//! Deleting one entity, by its uid, whoever claims it.

use crate::{Change, Deletion, Store, Uid};

use super::graph::Graph;
use super::scene::{Output, Scene, claim, entity, keyed, relation};

/// Deletes an entity that is there.
async fn delete(scene: &Scene<'_>, name: &str) -> Deletion {
    let uid = scene.uid(name).await;
    let deletion = scene.store.delete_entity(uid, scene.now).await.unwrap().unwrap();
    scene.check().await;
    deletion
}

/// Not there is no error.
pub async fn an_unknown_uid_deletes_nothing(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.grow(&Graph::parse("K>R1")).await;
    let head = scene.head().await;
    assert_eq!(store.delete_entity(Uid::random(), scene.now).await.unwrap(), None);
    let uid = scene.uid("r1").await;
    delete(&scene, "r1").await;
    assert_eq!(store.delete_entity(uid, scene.now).await.unwrap(), None, "deleted already");
    assert_eq!(store.changes_since(head, 10).await.unwrap().len(), 1);
}

/// Claims of all providers go with the entity.
pub async fn deleting_takes_every_claim_on_it(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    scene.full("q", &[keyed("a", "l", "of q")]).await;
    scene.full("r", &[claim("a", "of r"), claim("b", "of r")]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let before = scene.head().await;
    let deletion = delete(&scene, "a").await;
    assert_eq!(deletion.deleted, 1);
    assert_eq!(deletion.sequence, scene.head().await);
    assert_eq!(scene.existing(&["a", "b"]).await, ["b"]);
    assert_eq!(scene.full("p", &[]).await.released, 0);
    let changes = store.changes_since(before, 10).await.unwrap();
    assert!(
        matches!(&changes[..], [only] if matches!(&only.change, Change::Removed(gone) if *gone == entity("a")))
    );
    assert_eq!(changes[0].sequence, deletion.sequence);
}

/// Parents are due at once, and their outcome is to be written whatever it is.
pub async fn parents_emit_it_again(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let graph = Graph::parse("K>R1>R3, K>R2>R3, K>R4");
    scene.grow(&graph).await;
    let before = scene.uid("r3").await;
    delete(&scene, "r3").await;
    assert_eq!(scene.existing(&graph.entities()).await, ["r1", "r2", "r4"]);
    let due = scene.take().await;
    let mut asked: Vec<_> =
        due.iter().map(|due| (due.entity_ref.as_str(), due.urgent, due.result_hash)).collect();
    asked.sort_unstable_by_key(|asked| asked.0);
    assert_eq!(asked, [("component:default/r1", true, None), ("component:default/r2", true, None)]);

    let again = Output { children: graph.claims_of("r1"), ..Output::of("r1") };
    let commits = due.iter().map(|due| scene.commit_of(due, again.outcome())).collect();
    assert_eq!(scene.commit(commits).await.children_written, 2);
    assert_ne!(scene.uid("r3").await, before);
    assert_eq!(scene.take_names().await, ["r3"]);
}

/// Children stay, without a parent.
pub async fn children_become_orphans(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.grow(&Graph::parse("K>R1>R2>R3, R1>R4, L>R4")).await;
    assert_eq!(delete(&scene, "r1").await.deleted, 1);
    assert_eq!(scene.existing(&["r1", "r2", "r3", "r4"]).await, ["r2", "r3", "r4"]);
    assert_eq!(store.queue_depth().await.unwrap().orphans, 1);
    let inputs = scene.stitch().await;
    assert_eq!(inputs.keys().collect::<Vec<_>>(), ["r2"], "only what lost its last claim");
    assert!(inputs["r2"].orphan);
    assert_eq!(scene.body("r2").await.as_deref(), Some("r2 orphan"));
}

/// The provider's claim went too, so that its next word is new again.
pub async fn a_deleted_root_comes_back_when_mentioned(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let claims = [keyed("a", "k", "1"), claim("b", "1")];
    scene.full("p", &claims).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let before = scene.uid("a").await;
    delete(&scene, "a").await;
    let report = scene.full("p", &claims).await;
    assert_eq!((report.added, report.unchanged), (1, 1));
    assert_ne!(scene.uid("a").await, before);
    assert_eq!(scene.body("a").await, None, "what was deleted is not seen again before it is processed");
    assert_eq!(scene.take_names().await, ["a"]);
}

/// A new entity of that ref starts from nothing.
pub async fn what_was_deleted_leaves_nothing_behind(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    let output = Output {
        refresh_keys: vec!["key".to_owned()],
        relations: vec![relation("b uses c"), relation("a uses b")],
        ..Output::of("a")
    };
    let due = scene.take().await;
    let mut commits: Vec<_> = due.iter().map(|due| scene.commit_of(due, output.outcome())).collect();
    commits.retain(|commit| commit.entity_ref == entity("a"));
    commits[0].cache = crate::ProcessorCacheUpdate::Replace(b"cache".as_slice().into());
    scene.commit(commits).await;
    scene.reprocess("b", Output::of("b").outcome()).await;
    scene.stitch().await;

    delete(&scene, "a").await;
    assert_eq!(scene.marked().await, ["b"], "the source of a relation that went");
    assert_eq!(store.refresh_by_keys(&["key".to_owned()], scene.now).await.unwrap(), 0);
    scene.delta("p", &[claim("a", "1")], &[]).await;
    let state = scene.state("a").await;
    assert_eq!((state.processed, state.errors, state.cache), (None, None, None));
    let due = scene.take().await;
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].result_hash, due[0].cache.clone()), (None, None));
}

/// An entity's own claims go with it, also those that lost.
pub async fn losing_claims_of_the_deleted_go(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), keyed("b", "k", "of p")]).await;
    scene.process(&[("a", Output::children(&[keyed("b", "l", "of a")]).outcome())]).await;
    scene.stitch().await;
    delete(&scene, "a").await;
    assert_eq!(scene.marked().await, [""; 0], "b lost nothing");
    assert_eq!(scene.full("p", &[]).await.deleted, 1);
    assert_eq!(scene.existing(&["a", "b"]).await, [""; 0]);
}
