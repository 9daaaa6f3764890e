//! Having entities processed because somebody asks.

use jiff::SignedDuration;

use crate::{RefreshOutcome, Store};

use super::scene::{LEASE, Output, Scene, claim, entity};

async fn refresh(scene: &Scene<'_>, name: &str) -> RefreshOutcome {
    let outcome = scene.store.refresh_entity(&entity(name), scene.now).await.unwrap();
    scene.check().await;
    outcome
}

async fn refresh_keys(scene: &Scene<'_>, keys: &[&str]) -> usize {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let scheduled = scene.store.refresh_by_keys(&keys, scene.now).await.unwrap();
    scene.check().await;
    scheduled
}

/// It is due now, as urgent, and may turn out to be unchanged.
pub async fn an_entity_that_is_asked_for_is_due(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    scene.process(&[("a", Output::of("a").outcome())]).await;
    scene.wait(SignedDuration::from_secs(5));
    assert_eq!(refresh(&scene, "a").await, RefreshOutcome::Scheduled(1));
    assert_eq!(scene.state("a").await.next_due, scene.now);
    let due = scene.take().await;
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].urgent, due[0].result_hash), (true, Some(Output::of("a").hash())));
}

/// Whatever is above them stays as it is.
pub async fn several_entities_are_due_at_once(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let (above, below) = ("location:default/above", "b");
    scene.full("p", &[claim("a", "1"), claim(above, "1"), claim("c", "1")]).await;
    scene.process(&[(above, Output::children(&[claim(below, "1")]).outcome())]).await;
    scene.process(&[]).await;
    scene.wait(SignedDuration::from_secs(5));
    let refs = ["a", below, "none", "a"].map(entity);
    assert_eq!(store.refresh_entities(&refs, scene.now).await.unwrap(), 2);
    assert_eq!(store.refresh_entities(&[], scene.now).await.unwrap(), 0);
    let due = scene.take().await;
    assert!(due.iter().all(|due| due.urgent));
    let names: std::collections::BTreeSet<String> =
        due.iter().map(|due| super::scene::name(&due.entity_ref)).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "b"]);
}

/// Entities come from locations: what is above it and not a Location has nothing to read.
pub async fn locations_above_are_due_too(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let chain = ["location:default/top", "location:default/below", "group", "api:default/leaf"];
    scene.full("p", &[claim(chain[0], "1"), claim("location:default/other", "1")]).await;
    for pair in chain.windows(2) {
        scene.process(&[(pair[0], Output::children(&[claim(pair[1], "1")]).outcome())]).await;
    }
    scene.process(&[]).await;
    assert_eq!(refresh(&scene, "api:default/leaf").await, RefreshOutcome::Scheduled(3));
    assert_eq!(
        scene.take_names().await,
        ["api:default/leaf", "location:default/below", "location:default/top"]
    );
    scene.wait(LEASE);
    scene.process(&[(chain[0], Output::children(&[claim(chain[1], "1")]).outcome())]).await;
    assert_eq!(refresh(&scene, "location:default/below").await, RefreshOutcome::Scheduled(2));
}

/// Claims may go round.
pub async fn circles_above_end(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let (a, b) = ("location:default/a", "location:default/b");
    scene.full("p", &[claim(a, "1")]).await;
    scene.process(&[(a, Output::children(&[claim(b, "1"), claim(a, "1")]).outcome())]).await;
    scene.process(&[(b, Output::children(&[claim(a, "1")]).outcome())]).await;
    scene.wait(SignedDuration::from_secs(1));
    assert_eq!(refresh(&scene, b).await, RefreshOutcome::Scheduled(2));
}

/// Not there is no error.
pub async fn nobody_is_due_for_an_unknown_ref(store: &dyn Store) {
    let scene = Scene::new(store);
    assert_eq!(refresh(&scene, "nowhere").await, RefreshOutcome::Unknown);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", Output::relations(&["a uses mentioned"]).outcome())]).await;
    assert_eq!(refresh(&scene, "mentioned").await, RefreshOutcome::Unknown);
    assert_eq!(refresh_keys(&scene, &["none"]).await, 0);
    assert_eq!(refresh_keys(&scene, &[]).await, 0);
}

/// Each entity once, however many of its keys are named.
pub async fn keys_find_their_entities(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1")]).await;
    scene
        .process(&[
            ("a", Output::refresh_keys(&["one", "two", "one"]).outcome()),
            ("b", Output::refresh_keys(&["two"]).outcome()),
            ("c", Output::refresh_keys(&["Two", "three"]).outcome()),
        ])
        .await;
    scene.wait(SignedDuration::from_secs(1));
    assert_eq!(refresh_keys(&scene, &["one", "two", "two"]).await, 2);
    let due = scene.take().await;
    assert!(due.iter().all(|due| due.urgent && due.due_since == scene.now), "{due:?}");
    assert_eq!(due.len(), 2);
    assert_eq!(refresh_keys(&scene, &["three"]).await, 1);
    assert_eq!(scene.take_names().await, ["c"]);
}

/// A run that goes well replaces them, a failure does not.
pub async fn keys_follow_the_latest_run(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", Output::refresh_keys(&["one", "two"]).outcome())]).await;
    scene.reprocess("a", Output::refresh_keys(&["two", "three"]).outcome()).await;
    scene.reprocess("a", super::scene::failure("[bad]")).await;
    assert_eq!(refresh_keys(&scene, &["one"]).await, 0);
    assert_eq!(refresh_keys(&scene, &["two"]).await, 1);
    assert_eq!(refresh_keys(&scene, &["three"]).await, 1);
}

/// A key of nobody finds nobody.
pub async fn keys_go_with_their_entity(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", Output::refresh_keys(&["one"]).outcome())]).await;
    scene.full("p", &[]).await;
    scene.full("p", &[claim("a", "1")]).await;
    assert_eq!(refresh_keys(&scene, &["one"]).await, 0);
}
