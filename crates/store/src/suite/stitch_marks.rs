//! Requests to stitch: who makes them, when they are due, and that none is lost.

use jiff::SignedDuration;

use crate::{NewClaim, ProcessingOutcome, StitchOutcome, StitchTicket, Store};

use super::graph::Graph;
use super::scene::{LEASE, Output, Scene, claim, failure, name, relation, stitched};

/// Has `a` processed again with other output, so that it is marked.
async fn change(scene: &mut Scene<'_>, processed: &str) {
    scene.reprocess("a", Output::of(processed).outcome()).await;
}

async fn seen(store: &dyn Store) -> Scene<'_> {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    scene
}

/// Somebody waits to see it.
pub async fn what_was_never_seen_is_due_at_once(store: &dyn Store) {
    let scene = Scene::new(store);
    assert_eq!(store.next_stitch().await.unwrap(), None);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    assert!(store.next_stitch().await.unwrap().unwrap() <= scene.now);
    let inputs = scene.take_stitches().await;
    assert_eq!(inputs.iter().map(|input| name(&input.entity_ref)).collect::<Vec<_>>(), ["a"]);
    scene.commit_stitched(inputs.iter().map(stitched).collect()).await;
    assert_eq!(store.next_stitch().await.unwrap(), None);
}

/// Other changes may follow, and are taken up together.
pub async fn what_was_seen_waits_a_little(store: &dyn Store) {
    let mut scene = seen(store).await;
    change(&mut scene, "a anew").await;
    let due = store.next_stitch().await.unwrap().unwrap();
    assert!(due > scene.now);
    assert!(due <= scene.now + SignedDuration::from_mins(1), "a little: {due} is after {}", scene.now);
    assert!(scene.take_stitches().await.is_empty());
    scene.now = due;
    assert_eq!(scene.take_stitches().await.len(), 1);
}

/// Marking again leaves the time, and asks for nothing more.
pub async fn marks_coalesce(store: &dyn Store) {
    let mut scene = seen(store).await;
    change(&mut scene, "first").await;
    let due = store.next_stitch().await.unwrap().unwrap();
    store.refresh_entity(&super::scene::entity("a"), scene.now).await.unwrap();
    scene.wait(SignedDuration::from_millis(1));
    scene.process(&[("a", Output::of("second").outcome())]).await;
    assert_eq!(store.next_stitch().await.unwrap(), Some(due));
    scene.now = due;
    let inputs = scene.take_stitches().await;
    assert_eq!(inputs.len(), 1);
    scene.commit_stitched(inputs.iter().map(stitched).collect()).await;
    assert_eq!(scene.body("a").await.as_deref(), Some("second"));
    assert_eq!(store.next_stitch().await.unwrap(), None);
}

/// What is read before a change does not answer the request that the change makes.
pub async fn a_mark_in_flight_survives(store: &dyn Store) {
    let mut scene = seen(store).await;
    change(&mut scene, "first").await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    let early = scene.take_stitches().await;
    scene.process(&[]).await;
    change(&mut scene, "second").await;
    scene.commit_stitched(early.iter().map(stitched).collect()).await;
    assert_eq!(scene.body("a").await.as_deref(), Some("first"), "the result is written");
    let due = store.next_stitch().await.unwrap().unwrap();
    assert!(due <= scene.now + LEASE);
    scene.now = scene.now.max(due);
    let late = scene.take_stitches().await;
    let tickets: Vec<StitchTicket> = late.iter().map(|input| input.ticket).collect();
    assert_eq!(tickets.len(), 1);
    assert_ne!(tickets[0], early[0].ticket);
    scene.commit_stitched(late.iter().map(stitched).collect()).await;
    assert_eq!(scene.body("a").await.as_deref(), Some("second"));
    assert_eq!(store.next_stitch().await.unwrap(), None);
}

/// Whoever takes a mark and is never heard of again loses it.
pub async fn what_is_taken_is_leased(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    assert_eq!(scene.take_stitches().await.len(), 1);
    assert_eq!(scene.take_stitches().await.len(), 0);
    assert_eq!(store.next_stitch().await.unwrap(), Some(scene.now + LEASE));
    scene.wait(LEASE);
    assert_eq!(scene.take_stitches().await.len(), 1);
}

/// Somebody's lease ends, it changes back, and is taken up again: the result of before is looked at once more.
pub async fn a_result_after_its_lease_is_not_the_last(store: &dyn Store) {
    let mut scene = seen(store).await;
    change(&mut scene, "other").await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    let late = scene.take_stitches().await;
    change(&mut scene, "a").await;
    scene.wait(LEASE);
    let again = scene.take_stitches().await;
    assert_eq!((late.len(), again.len()), (1, 1));
    scene.commit_stitched(late.iter().map(stitched).collect()).await;
    assert!(matches!(stitched(&again[0]).outcome, StitchOutcome::Unchanged), "of what it knows");
    scene.commit_stitched(again.iter().map(stitched).collect()).await;
    scene.now = scene.now.max(store.next_stitch().await.unwrap().unwrap());
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("a"));
    assert_eq!(store.next_stitch().await.unwrap(), None);
}

/// It was taken from somebody who was believed gone, and changed while nobody had it.
pub async fn a_result_after_a_reclaimed_lease_is_not_the_last(store: &dyn Store) {
    let mut scene = seen(store).await;
    change(&mut scene, "other").await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    let late = scene.take_stitches().await;
    assert_eq!(late.len(), 1);
    store.reclaim_leases(scene.now).await.unwrap();
    change(&mut scene, "a anew").await;
    scene.commit_stitched(late.iter().map(stitched).collect()).await;
    scene.now = scene.now.max(store.next_stitch().await.unwrap().unwrap());
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("a anew"));
    assert_eq!(store.next_stitch().await.unwrap(), None);
}

/// Somebody else has done it meanwhile.
pub async fn a_result_after_a_later_one_is_dropped(store: &dyn Store) {
    let mut scene = seen(store).await;
    change(&mut scene, "first").await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    let late = scene.take_stitches().await;
    change(&mut scene, "second").await;
    scene.wait(LEASE);
    let again = scene.take_stitches().await;
    scene.commit_stitched(again.iter().map(stitched).collect()).await;
    scene.commit_stitched(late.iter().map(stitched).collect()).await;
    assert_eq!(scene.body("a").await.as_deref(), Some("second"));
    assert_eq!(store.next_stitch().await.unwrap(), None);
}

/// New entities before ones that were there already.
pub async fn what_was_never_seen_comes_first(store: &dyn Store) {
    let mut scene = seen(store).await;
    change(&mut scene, "a anew").await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    scene.wait(SignedDuration::from_secs(1));
    scene.full("q", &[claim("new", "1")]).await;
    scene.process(&[]).await;
    let taken =
        |limit| async move { store.claim_stitches(limit, scene.now, scene.now + LEASE).await.unwrap() };
    for expected in ["new", "a"] {
        let inputs = taken(1).await;
        assert_eq!(inputs.iter().map(|input| name(&input.entity_ref)).collect::<Vec<_>>(), [expected]);
    }
    assert!(taken(1).await.is_empty());
}

/// A batch has no more than was asked for, and no mark is skipped.
pub async fn limits_are_kept(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let claims: Vec<NewClaim> = (0..10).map(|number| claim(&format!("e{number}"), "1")).collect();
    scene.full("p", &claims).await;
    scene.process(&[]).await;
    let mut sizes = Vec::new();
    loop {
        let inputs = store.claim_stitches(4, scene.now, scene.now + LEASE).await.unwrap();
        if inputs.is_empty() {
            break;
        }
        sizes.push(inputs.len());
        scene.commit_stitched(inputs.iter().map(stitched).collect()).await;
    }
    assert_eq!(sizes, [4, 4, 2]);
    assert_eq!(scene.bodies().await.len(), 10);
    assert_eq!(scene.marked().await, [""; 0]);
}

/// Errors are part of what is seen.
pub async fn errors_mark_and_unmark(store: &dyn Store) {
    let mut scene = seen(store).await;
    scene.reprocess("a", failure("[bad]")).await;
    assert_eq!(scene.marked().await, ["a"]);
    scene.reprocess("a", failure("[worse]")).await;
    assert_eq!(scene.marked().await, ["a"]);
    scene.reprocess("a", ProcessingOutcome::Unchanged).await;
    assert_eq!(scene.marked().await, [""; 0]);
    change(&mut scene, "a").await;
    assert_eq!(scene.marked().await, ["a"]);
    assert_eq!(scene.body("a").await.as_deref(), Some("a"));
}

/// Relations mark where they start, when they come and when they go; those that stay mark nothing.
pub async fn relations_mark_their_sources(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.grow(&Graph::parse("P>A1, P>B1, P>C1, P>D1")).await;
    let output = |relations: &[&str]| Output {
        relations: relations.iter().map(|text| relation(text)).collect(),
        ..Output::of("a1")
    };
    scene.reprocess("a1", output(&["b1 partOf a1", "c1 partOf a1", "a1 hasPart d1"]).outcome()).await;
    assert_eq!(scene.marked().await, ["a1", "b1", "c1"], "targets see nothing of it");
    scene.reprocess("a1", output(&["b1 partOf a1", "c1 uses a1", "d1 uses a1"]).outcome()).await;
    assert_eq!(scene.marked().await, ["a1", "c1", "d1"]);
    scene.reprocess("a1", output(&[]).outcome()).await;
    assert_eq!(scene.marked().await.iter().filter(|name| *name != "a1").count(), 3);
    assert_eq!(scene.bodies().await.into_values().collect::<Vec<_>>(), ["a1", "b1", "c1", "d1"]);
}
