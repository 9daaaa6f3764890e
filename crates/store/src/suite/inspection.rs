//! What the store says of itself.

use jiff::SignedDuration;

use crate::{Change, ProcessorCacheUpdate, QueueDepth, Store};

use super::scene::{LEASE, Output, REFRESH, Scene, claim, document, entity, failure, keyed, text};

/// Nothing in it, nothing wrong with it.
pub async fn an_empty_store_is_in_order(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.check().await;
    assert_eq!(store.queue_depth().await.unwrap(), QueueDepth::default());
    assert!(store.unstitched().await.unwrap().is_empty());
    assert!(scene.find("a").await.is_none());
}

/// It makes room for something and gives it back, as often as it is asked to.
pub async fn a_trial_of_writing_leaves_nothing_behind(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1")]).await;
    for _ in 0..2 {
        store.try_writing().await.unwrap();
        scene.check().await;
    }
    assert_eq!(store.queue_depth().await.unwrap().entities, 1);
}

/// Stage by stage.
pub async fn a_state_shows_how_far_an_entity_is(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1")]).await;
    let discovered = scene.now;
    let state = scene.state("a").await;
    assert_eq!(state.entity_ref, entity("a"));
    assert_eq!(state.unprocessed, document("1"));
    assert_eq!(state.location_key.map(|key| key.to_string()).as_deref(), Some("k"));
    assert_eq!((state.next_due, state.discovered_at), (discovered, discovered));
    assert_eq!((state.processed, state.errors, state.cache), (None, None, None));

    scene.wait(SignedDuration::from_secs(1));
    let due = scene.take().await.remove(0);
    assert_eq!(scene.state("a").await.next_due, scene.now + LEASE);
    let mut commit = scene.commit_of(&due, Output::of("good").outcome());
    commit.cache = ProcessorCacheUpdate::Replace(b"cache".as_slice().into());
    scene.commit(vec![commit]).await;
    scene.reprocess("a", failure("[bad]")).await;
    let state = scene.state("a").await;
    assert_eq!((state.next_due, state.discovered_at), (scene.now + REFRESH, discovered));
    let shown = [state.processed.as_ref(), state.errors.as_ref(), state.cache.as_ref()].map(text);
    assert_eq!(shown.map(Option::unwrap), ["good", "[bad]", "cache"]);
}

/// In order of their refs, with the reason.
pub async fn what_was_never_stitched_is_listed(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("d", "1"), claim("a", "1"), claim("b", "1"), claim("api:default/c", "1")]).await;
    scene.process(&[("b", failure("[bad]"))]).await;
    let listed = |states: Vec<crate::EntityState>| -> Vec<String> {
        states.iter().map(|state| super::scene::name(&state.entity_ref)).collect()
    };
    assert_eq!(listed(store.unstitched().await.unwrap()), ["api:default/c", "a", "b", "d"]);
    scene.stitch().await;
    let states = store.unstitched().await.unwrap();
    assert_eq!(states[0].errors.as_deref(), Some(b"[bad]".as_slice()));
    assert_eq!(listed(states), ["b"]);
    scene.delta("p", &[claim("new", "1")], &[]).await;
    assert_eq!(listed(store.unstitched().await.unwrap()), ["b", "new"]);
}

/// Each number on its own.
pub async fn depths_count_what_waits(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1")]).await;
    let depth = QueueDepth { entities: 3, urgent: 3, ..QueueDepth::default() };
    assert_eq!(store.queue_depth().await.unwrap(), depth);
    let due = scene.take().await;
    assert_eq!(store.queue_depth().await.unwrap().urgent, 3, "taken is not processed");
    let (processed, rest) = due.split_at(2);
    let outcome = |name: &str| Output::children(&[claim(name, "1")]).outcome();
    let commits = processed.iter().zip(["d", "e"]).map(|(due, child)| scene.commit_of(due, outcome(child)));
    scene.commit(commits.collect()).await;
    let depth = QueueDepth { entities: 5, urgent: 3, stitch_marks: 2, ..QueueDepth::default() };
    assert_eq!(store.queue_depth().await.unwrap(), depth);
    scene.commit(vec![scene.commit_of(&rest[0], failure("[bad]"))]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let depth = QueueDepth { entities: 5, final_entities: 4, ..QueueDepth::default() };
    assert_eq!(store.queue_depth().await.unwrap(), depth);
    let parent = super::scene::name(&processed[0].entity_ref);
    scene.reprocess(&parent, Output::of("alone").outcome()).await;
    assert_eq!(store.queue_depth().await.unwrap().orphans, 1);
}

/// What is in order stays as it is.
pub async fn nothing_is_mended_that_is_in_order(store: &dyn Store) {
    let mut scene = Scene::new(store);
    assert!(store.repair(scene.now).await.unwrap().is_empty());
    scene.full("p", &[keyed("a", "k", "1"), claim("b", "1")]).await;
    scene.wait(SignedDuration::from_secs(1));
    let (depth, head) = (store.queue_depth().await.unwrap(), store.head().await.unwrap());
    assert!(store.repair(scene.now).await.unwrap().is_empty());
    assert_eq!((store.queue_depth().await.unwrap(), store.head().await.unwrap()), (depth, head));
}

/// Page by page, with the hash that was stored.
pub async fn final_documents_are_what_was_stitched(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1")]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|document: &crate::FinalDocument| document.entity_ref.clone());
        let page = store.final_documents(after.as_ref(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    let mut listed: Vec<_> = found
        .into_iter()
        .map(|document| {
            let body = text(Some(&document.body.unwrap())).unwrap();
            let hash = document.hash.unwrap()[..16].to_vec();
            (super::scene::name(&document.entity_ref), document.uid, hash, body)
        })
        .collect();
    listed.sort();
    let mut expected = Vec::new();
    for name in ["a", "b", "c"] {
        let hash = super::scene::hash(name).as_bytes().to_vec();
        expected.push((name.to_owned(), scene.uid(name).await, hash, name.to_owned()));
    }
    assert_eq!(listed, expected);
}

/// Gone from the log at once, processed and stitched anew, and back with the same uid.
pub async fn what_is_renewed_is_made_anew(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let (uid, head) = (scene.uid("a").await, scene.head().await);
    let renewed = store.renew(&[entity("a"), entity("nobody")], scene.now).await.unwrap();
    assert_eq!(renewed, 1);
    scene.check().await;
    assert_eq!(scene.bodies().await.into_keys().collect::<Vec<_>>(), ["b"]);
    let changes = store.changes_since(head, 10).await.unwrap();
    assert!(
        matches!(&changes[..], [only] if matches!(&only.change, Change::Removed(gone) if *gone == entity("a")))
    );
    assert_eq!(scene.take_names().await, ["a"]);
    scene.wait(LEASE);
    scene.process(&[]).await;
    assert_eq!(scene.marked().await, ["a"]);
    assert_eq!(scene.body("a").await.as_deref(), Some("a"));
    assert_eq!(scene.uid("a").await, uid);
}
