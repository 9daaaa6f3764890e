//! What an index follows.

use std::collections::BTreeMap;

use crate::{Change, ChangeSequence, LoggedChange, NewClaim, Store};

use super::graph::Graph;
use super::scene::{Output, Scene, claim, keyed, name, text};

/// Entries as `+name body` and `-name`.
fn lines(changes: &[LoggedChange]) -> Vec<String> {
    let line = |logged: &LoggedChange| match &logged.change {
        Change::Upserted(found) => {
            format!("+{} {}", name(&found.entity_ref), text(Some(&found.body)).unwrap())
        }
        Change::Removed(gone) => format!("-{}", name(gone)),
    };
    changes.iter().map(line).collect()
}

async fn since(scene: &Scene<'_>, after: ChangeSequence) -> Vec<LoggedChange> {
    let changes = scene.store.changes_since(after, 1000).await.unwrap();
    let places: Vec<ChangeSequence> = changes.iter().map(|logged| logged.sequence).collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "oldest first: {places:?}");
    assert!(places.first().is_none_or(|first| *first > after));
    let head = scene.head().await;
    assert!(places.last().is_none_or(|last| *last <= head), "{places:?} reach beyond the head, {head:?}");
    changes
}

/// Nothing is before the first entry, and nothing after the last.
pub async fn an_empty_log_begins_at_its_head(store: &dyn Store) {
    let mut scene = Scene::new(store);
    assert_eq!(since(&scene, ChangeSequence::default()).await.len(), 0);
    assert_eq!(scene.final_entities(10).await.len(), 0);
    let before = scene.head().await;
    scene.grow(&Graph::parse("K>R1")).await;
    assert_eq!(lines(&since(&scene, before).await), ["+r1 r1"]);
    let head = scene.head().await;
    assert_eq!(since(&scene, head).await.len(), 0);
}

/// As it is now, at the place of its latest change.
pub async fn each_entity_is_logged_once(store: &dyn Store) {
    let mut scene = Scene::new(store);
    for (provider, entity) in [("p", "a"), ("q", "b"), ("r", "c")] {
        scene.full(provider, &[claim(entity, "1")]).await;
        scene.process(&[]).await;
        scene.stitch().await;
    }
    let start = ChangeSequence::default();
    assert_eq!(lines(&since(&scene, start).await), ["+a a", "+b b", "+c c"]);
    for processed in ["a2", "a3"] {
        scene.reprocess("a", Output::of(processed).outcome()).await;
        scene.stitch().await;
    }
    let all = since(&scene, start).await;
    assert_eq!(lines(&all), ["+b b", "+c c", "+a a3"]);
    assert_eq!(lines(&since(&scene, all[0].sequence).await), ["+c c", "+a a3"]);
}

/// What is gone is known to be gone, for all that may still have it.
pub async fn a_removal_is_logged(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.grow(&Graph::parse("K>R1>R2, K>R3")).await;
    let seen = since(&scene, ChangeSequence::default()).await;
    let report = scene.full("k", &[claim("r3", "r3")]).await;
    let changes = since(&scene, seen.last().unwrap().sequence).await;
    let mut gone = lines(&changes);
    gone.sort();
    assert_eq!(gone, ["-r1", "-r2"]);
    assert_eq!(changes.last().unwrap().sequence, report.sequence);
    let all: Vec<String> = lines(&since(&scene, ChangeSequence::default()).await);
    assert_eq!(all.iter().filter(|line| line.starts_with('+')).collect::<Vec<_>>(), ["+r3 r3"]);
}

/// Gone and back again is one entry: what it is now.
pub async fn what_comes_back_is_no_removal(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1")]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let before = scene.head().await;
    scene.full("p", &[keyed("a", "l", "1")]).await;
    assert_eq!(lines(&since(&scene, before).await), ["-a"]);
    scene.process(&[("a", Output::of("anew").outcome())]).await;
    scene.stitch().await;
    assert_eq!(lines(&since(&scene, before).await), ["+a anew"]);
    scene.full("p", &[]).await;
    assert_eq!(lines(&since(&scene, before).await), ["-a"]);
}

/// Entities that nobody saw come and go unnoticed.
pub async fn what_was_never_seen_is_not_logged(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    scene.process(&[("a", super::scene::failure("[bad]"))]).await;
    scene.full("p", &[]).await;
    assert_eq!(lines(&since(&scene, ChangeSequence::default()).await), [""; 0]);
}

/// Page by page it is the same log.
pub async fn the_log_is_read_in_pages(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let claims: Vec<NewClaim> = (0..25).map(|number| claim(&format!("e{number}"), "1")).collect();
    scene.full("p", &claims).await;
    scene.process(&[]).await;
    scene.stitch().await;
    scene.full("p", &claims[5..]).await;
    let whole = lines(&since(&scene, ChangeSequence::default()).await);
    assert_eq!(whole.len(), 25);
    for limit in [1, 7, 25] {
        let (mut after, mut pages) = (ChangeSequence::default(), Vec::new());
        loop {
            let page = store.changes_since(after, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = last.sequence;
            pages.extend(lines(&page));
        }
        assert_eq!(pages, whole, "in pages of {limit}");
    }
}

/// Page by page, each entity once.
pub async fn final_entities_are_read_in_pages(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let names: Vec<String> = (0..25).map(|number| format!("e{number}")).collect();
    let claims: Vec<NewClaim> = names.iter().map(|name| claim(name, "1")).collect();
    scene.full("p", &claims).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let expected: BTreeMap<String, String> = names.iter().map(|name| (name.clone(), name.clone())).collect();
    for limit in [1, 7, 25, 100] {
        let read = scene.final_entities(limit).await;
        let read: Vec<_> =
            read.iter().map(|found| (name(&found.entity_ref), text(Some(&found.body)).unwrap())).collect();
        assert_eq!(read.len(), 25, "each once, in pages of {limit}");
        assert_eq!(read.into_iter().collect::<BTreeMap<_, _>>(), expected);
    }
}

/// Filling an index and then following the log gives what is there.
pub async fn following_the_log_gives_the_final_entities(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.grow(&Graph::parse("K>R1>R2>R3, K>R4>R5>R3")).await;
    let mut place = scene.head().await;
    let mut index = scene.bodies().await;
    for round in 0..4 {
        match round {
            0 => drop(scene.full("k", &[claim("r4", "r4"), claim("r6", "r6")]).await),
            1 => drop(scene.reprocess("r4", Output::of("r4 alone").outcome()).await),
            2 => drop(store.delete_orphans(scene.now).await.unwrap()),
            _ => drop(scene.full("l", &[claim("r5", "r5 anew")]).await),
        }
        scene.process(&[]).await;
        scene.stitch().await;
        for logged in since(&scene, place).await {
            place = logged.sequence;
            match logged.change {
                Change::Upserted(found) => {
                    index.insert(name(&found.entity_ref), text(Some(&found.body)).unwrap());
                }
                Change::Removed(gone) => drop(index.remove(&name(&gone))),
            }
        }
        assert_eq!(index, scene.bodies().await, "round {round}");
    }
}

/// Whoever waits for the place that a call returned waits for its effect, and not in vain.
pub async fn reports_know_the_head(store: &dyn Store) {
    let mut scene = Scene::new(store);
    assert_eq!(scene.full("p", &[claim("a", "1"), claim("b", "1")]).await.sequence, scene.head().await);
    scene.process(&[]).await;
    let inputs = scene.take_stitches().await;
    let sequence = scene.commit_stitched(inputs.iter().map(super::scene::stitched).collect()).await;
    assert_eq!(sequence, scene.head().await);
    assert_eq!(scene.full("p", &[claim("a", "1")]).await.sequence, scene.head().await);
    let uid = scene.uid("a").await;
    let deletion = store.delete_entity(uid, scene.now).await.unwrap().unwrap();
    assert_eq!(deletion.sequence, scene.head().await);
    assert!(deletion.sequence > sequence);
    scene.stitch().await;
}

/// A reader that has read all entries has come as far as any report says.
pub async fn a_place_is_that_of_an_entry(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let mut newest = ChangeSequence::default();
    for removed in [None, Some("a"), Some("b")] {
        let claims = ["a", "b", "c"].map(|name| claim(name, "1"));
        let report = match removed {
            None => scene.full("p", &claims).await,
            Some(name) => scene.delta("p", &[], &[name]).await,
        };
        newest = since(&scene, newest).await.last().map_or(newest, |last| last.sequence);
        assert_eq!(report.sequence, newest, "after removing {removed:?}");
        let related = Output { relations: vec![super::scene::relation("b uses c")], ..Output::of("x") };
        scene.process(&[]).await;
        scene.reprocess("c", related.outcome()).await;
        assert_eq!(scene.head().await, newest, "processing is not seen");
        scene.stitch().await;
        newest = since(&scene, newest).await.last().map_or(newest, |last| last.sequence);
        assert_eq!(scene.head().await, newest, "after stitching");
    }
}
