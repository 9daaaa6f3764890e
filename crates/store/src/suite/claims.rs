//! Which of several claims wins.

use crate::{ClaimSource, Conflict, ProviderName, Store};
use callboard_model::LocationKey;

use super::scene::{Scene, claim, entity, keyed};

fn conflict(name: &str, provider: &str, rejected: Option<&str>, holder: Option<&str>) -> Conflict {
    Conflict {
        entity_ref: entity(name),
        source: ClaimSource::Provider(ProviderName::new(provider)),
        rejected_key: rejected.map(LocationKey::new),
        holder_key: holder.map(LocationKey::new),
    }
}

fn won(key: Option<&str>, document: &str) -> (Option<String>, String) {
    (key.map(str::to_owned), document.to_owned())
}

/// The first claim makes the entity.
pub async fn a_new_entity_has_the_key_of_its_claim(store: &dyn Store) {
    let scene = Scene::new(store);
    let report = scene.full("p", &[keyed("a", "k", "1"), claim("b", "2")]).await;
    assert_eq!((report.added, report.conflicts.len()), (2, 0));
    assert_eq!(scene.winner("a").await, won(Some("k"), "1"));
    assert_eq!(scene.winner("b").await, won(None, "2"));
    assert_ne!(scene.uid("a").await, scene.uid("b").await);
}

/// Rule 3, for claims without a key: taken over and given back, the uid stays.
pub async fn without_keys_the_latest_document_wins(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "of p")]).await;
    let uid = scene.uid("a").await;
    let report = scene.full("q", &[claim("a", "of q")]).await;
    assert_eq!((report.added, report.conflicts.len()), (1, 0));
    assert_eq!(scene.winner("a").await, won(None, "of q"));
    let report = scene.full("p", &[claim("a", "of p again")]).await;
    assert_eq!((report.updated, report.conflicts.len()), (1, 0));
    assert_eq!(scene.winner("a").await, won(None, "of p again"));
    let report = scene.full("p", &[]).await;
    assert_eq!((report.released, report.deleted), (1, 0));
    assert_eq!(scene.winner("a").await, won(None, "of q"));
    assert_eq!(scene.uid("a").await, uid);
}

/// Rule 1: a keyed claim takes over from one without, and gives back when it goes.
pub async fn a_key_beats_none(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "of p")]).await;
    let uid = scene.uid("a").await;
    let report = scene.full("q", &[keyed("a", "b", "of q")]).await;
    assert_eq!(report.conflicts, []);
    assert_eq!(scene.winner("a").await, won(Some("b"), "of q"));
    scene.full("q", &[]).await;
    assert_eq!(scene.winner("a").await, won(None, "of p"));
    assert_eq!(scene.uid("a").await, uid);
}

/// Rule 1, the other way round: reported, kept, and effective later.
pub async fn none_loses_against_a_key(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    let uid = scene.uid("a").await;
    let report = scene.full("q", &[claim("a", "of q")]).await;
    assert_eq!(report.added, 1);
    assert_eq!(report.conflicts, [conflict("a", "q", None, Some("k"))]);
    assert_eq!(scene.winner("a").await, won(Some("k"), "of p"));
    scene.full("p", &[]).await;
    assert_eq!(scene.winner("a").await, won(None, "of q"));
    assert_eq!(scene.uid("a").await, uid);
}

/// Rule 3, for claims with a key: one source after the other may write.
pub async fn with_one_key_the_latest_document_wins(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    let uid = scene.uid("a").await;
    let report = scene.full("q", &[keyed("a", "k", "of q")]).await;
    assert_eq!(report.conflicts, []);
    assert_eq!(scene.winner("a").await, won(Some("k"), "of q"));
    scene.full("p", &[keyed("a", "k", "of p again")]).await;
    assert_eq!(scene.winner("a").await, won(Some("k"), "of p again"));
    scene.full("p", &[]).await;
    assert_eq!(scene.winner("a").await, won(Some("k"), "of q"));
    assert_eq!(scene.uid("a").await, uid);
}

/// Rule 2: the key that is there stays; the rival is reported, kept, and takes over when the holder goes.
pub async fn another_key_loses_and_takes_over_later(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    let uid = scene.uid("a").await;
    scene.process(&[]).await;
    let report = scene.full("q", &[keyed("a", "l", "of q")]).await;
    assert_eq!(report.added, 1);
    assert_eq!(report.conflicts, [conflict("a", "q", Some("l"), Some("k"))]);
    assert_eq!(scene.winner("a").await, won(Some("k"), "of p"));
    assert_eq!(scene.take_names().await, [""; 0], "a claim that does not win makes nothing due");

    scene.wait(super::scene::LEASE);
    let report = scene.full("p", &[]).await;
    assert_eq!((report.released, report.deleted), (1, 0));
    assert_eq!(scene.winner("a").await, won(Some("l"), "of q"));
    assert_eq!(scene.uid("a").await, uid);
    assert_eq!(scene.take_names().await, ["a"], "its document changed");
}

/// Rule 2: among keys that wait, the one that was there first, whoever wrote last.
pub async fn the_oldest_key_takes_over(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    scene.full("q", &[keyed("a", "l", "of q")]).await;
    scene.full("r", &[keyed("a", "m", "of r")]).await;
    scene.full("s", &[claim("a", "of s")]).await;
    scene.full("q", &[keyed("a", "l", "of q again")]).await;
    scene.full("r", &[keyed("a", "m", "of r again")]).await;
    scene.full("p", &[]).await;
    assert_eq!(scene.winner("a").await, won(Some("l"), "of q again"));
    scene.full("q", &[]).await;
    assert_eq!(scene.winner("a").await, won(Some("m"), "of r again"));
    scene.full("r", &[]).await;
    assert_eq!(scene.winner("a").await, won(None, "of s"));
}

/// Rule 2: a source that changes its key goes to the end of the line.
pub async fn a_claim_with_a_new_key_is_a_new_claim(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    scene.full("q", &[keyed("a", "l", "of q")]).await;
    scene.full("r", &[keyed("a", "m", "of r")]).await;
    let report = scene.full("q", &[keyed("a", "n", "of q")]).await;
    assert_eq!(report.updated, 1);
    assert_eq!(report.conflicts, [conflict("a", "q", Some("n"), Some("k"))]);
    scene.full("p", &[]).await;
    assert_eq!(scene.winner("a").await, won(Some("m"), "of r"));
}

/// Rule 2: the key belongs to the entity, not to the source that brought it.
pub async fn a_key_stays_while_any_claim_has_it(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    scene.full("q", &[keyed("a", "l", "of q")]).await;
    scene.full("r", &[keyed("a", "k", "of r")]).await;
    assert_eq!(scene.winner("a").await, won(Some("k"), "of r"));
    scene.full("p", &[]).await;
    assert_eq!(scene.winner("a").await, won(Some("k"), "of r"), "the claim with key l is older, but waits");
    scene.full("r", &[]).await;
    assert_eq!(scene.winner("a").await, won(Some("l"), "of q"));
}

/// A losing claim is written like any other, and reported again.
pub async fn a_losing_claim_that_changes_still_loses(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "of p")]).await;
    scene.full("q", &[keyed("a", "l", "of q")]).await;
    scene.process(&[]).await;
    let report = scene.full("q", &[keyed("a", "l", "of q again")]).await;
    assert_eq!(report.updated, 1);
    assert_eq!(report.conflicts, [conflict("a", "q", Some("l"), Some("k"))]);
    assert_eq!(scene.winner("a").await, won(Some("k"), "of p"));
    assert_eq!(scene.take_names().await, [""; 0]);
    let report = scene.full("q", &[keyed("a", "l", "of q again")]).await;
    assert_eq!((report.unchanged, report.conflicts.len()), (1, 0), "what is unchanged is not reported again");
    scene.full("p", &[]).await;
    assert_eq!(scene.winner("a").await, won(Some("l"), "of q again"));
}

/// Rule 3 is about writing: saying the same again is not writing.
pub async fn a_claim_that_comes_again_is_not_the_latest(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "of p")]).await;
    scene.full("q", &[claim("a", "of q")]).await;
    let report = scene.full("p", &[claim("a", "of p")]).await;
    assert_eq!(report.unchanged, 1);
    assert_eq!(scene.winner("a").await, won(None, "of q"));
}

/// Another source that says the same is no reason to process anything.
pub async fn another_claim_with_the_same_document_makes_nothing_due(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    let before = scene.state("a").await;
    scene.full("q", &[claim("a", "1")]).await;
    scene.full("p", &[]).await;
    let after = scene.state("a").await;
    assert_eq!((after.uid, after.next_due), (before.uid, before.next_due));
    assert_eq!(scene.take_names().await, [""; 0]);
}
