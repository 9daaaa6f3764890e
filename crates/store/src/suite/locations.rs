//! What users registered: each location and the claim on its entity change together.

use crate::{
    LocationId, LocationRegistration, MutationReport, NewClaim, ProviderName, RegisteredLocation, Store,
};

use super::scene::{Output, Scene, claim, entity, keyed};

fn provider() -> ProviderName {
    ProviderName::new("registered")
}

/// A location whose entity is named like it.
fn location(name: &str, target: &str) -> RegisteredLocation {
    RegisteredLocation {
        id: LocationId::random(),
        location_type: "url".to_owned(),
        target: target.to_owned(),
        entity_ref: entity(&format!("location:default/{name}")),
    }
}

/// The claim on the location's entity, with the target as key.
fn claim_of(location: &RegisteredLocation) -> NewClaim {
    keyed(location.entity_ref.as_str(), &location.target, &location.target)
}

async fn add(scene: &Scene<'_>, location: &RegisteredLocation) -> LocationRegistration {
    let claim = claim_of(location);
    let done = scene.store.add_location(location.clone(), &provider(), claim, scene.now).await.unwrap();
    scene.check().await;
    done
}

async fn update(scene: &Scene<'_>, location: &RegisteredLocation) -> LocationRegistration {
    let claim = claim_of(location);
    let done = scene.store.update_location(location.clone(), &provider(), claim, scene.now).await.unwrap();
    scene.check().await;
    done
}

async fn remove(scene: &Scene<'_>, id: LocationId) -> Option<MutationReport> {
    let report = scene.store.remove_location(id, &provider(), scene.now).await.unwrap();
    scene.check().await;
    report
}

fn done(registration: LocationRegistration) -> MutationReport {
    match registration {
        LocationRegistration::Done(report) => report,
        other => panic!("not done: {other:?}"),
    }
}

/// Not by a list that was read before somebody registered another one: its claim would be gone.
pub async fn claims_are_put_right_by_the_locations_of_now(store: &dyn Store) {
    let scene = Scene::new(store);
    let (first, second) = (location("a", "http://x/1"), location("b", "http://x/2"));
    done(add(&scene, &first).await);
    let before = store.locations().await.unwrap();
    done(add(&scene, &second).await);
    let claims = |of: &[RegisteredLocation]| of.iter().map(claim_of).collect::<Vec<_>>();
    let stale = store.claim_locations(&before, &provider(), claims(&before), scene.now).await.unwrap();
    assert_eq!(stale, None);
    let all = [first.clone(), second];
    let report = store.claim_locations(&all, &provider(), claims(&all), scene.now).await.unwrap().unwrap();
    assert_eq!((report.unchanged, report.deleted), (2, 0));
    remove(&scene, all[1].id).await;
    // What lost its claim gets it back, and what should have none loses it.
    scene.full(provider().as_str(), &[claim("stray", "1")]).await;
    assert!(scene.find(first.entity_ref.as_str()).await.is_none());
    let put_right = store.claim_locations(&before, &provider(), claims(&before), scene.now).await.unwrap();
    assert_eq!(put_right.map(|report| (report.added, report.deleted)), Some((1, 1)));
    scene.check().await;
}

/// The row is there, and the entity is due.
pub async fn a_location_comes_with_its_entity(store: &dyn Store) {
    let scene = Scene::new(store);
    // Names and targets in no order, so that the order of registration shows.
    let all = [location("b", "http://x/2"), location("c", "http://x/1"), location("a", "http://x/3")];
    for location in &all {
        let report = done(add(&scene, location).await);
        assert_eq!((report.added, report.conflicts.len()), (1, 0));
        assert_eq!(report.sequence, scene.head().await);
    }
    assert_eq!(store.locations().await.unwrap(), all);
    for location in &all {
        assert_eq!(store.location(location.id).await.unwrap().as_ref(), Some(location));
        let found = store.location_by_target("url", &location.target).await.unwrap();
        assert_eq!(found.as_ref(), Some(location));
    }
    let entities = ["location:default/a", "location:default/b", "location:default/c"];
    assert_eq!(scene.take_names().await, entities);
    assert_eq!(scene.winner(entities[1]).await, (Some("http://x/2".to_owned()), "http://x/2".to_owned()));
    assert_eq!(store.providers().await.unwrap(), [provider()]);
}

/// A type and target is registered once; the one that is there is returned.
pub async fn the_same_location_is_taken(store: &dyn Store) {
    let scene = Scene::new(store);
    let first = location("a", "http://x/1");
    done(add(&scene, &first).await);
    scene.process(&[]).await;
    let second = location("b", "http://x/1");
    assert_eq!(add(&scene, &second).await, LocationRegistration::Taken(first.clone()));
    assert_eq!(store.locations().await.unwrap(), [first]);
    assert_eq!(scene.existing(&["location:default/a", "location:default/b"]).await, ["location:default/a"]);
    assert_eq!(scene.take_names().await, [""; 0]);
}

/// Letter case and the type count.
pub async fn locations_are_told_apart_exactly(store: &dyn Store) {
    let scene = Scene::new(store);
    let one = location("a", "http://x/a");
    let other_case = location("b", "http://x/A");
    let other_type = RegisteredLocation { location_type: "file".to_owned(), ..location("c", "http://x/a") };
    for location in [&one, &other_case, &other_type] {
        done(add(&scene, location).await);
    }
    assert_eq!(store.location_by_target("url", "http://x/a").await.unwrap(), Some(one));
    assert_eq!(store.location_by_target("file", "http://x/a").await.unwrap(), Some(other_type));
    assert_eq!(store.location_by_target("file", "http://x/A").await.unwrap(), None);
    assert_eq!(store.location_by_target("URL", "http://x/A").await.unwrap(), None);
}

/// The ref stays; the key is another, so that the tree is made anew.
pub async fn a_location_changes_with_its_entity(store: &dyn Store) {
    let scene = Scene::new(store);
    let (first, other) = (location("a", "http://x/1"), location("b", "http://x/2"));
    done(add(&scene, &first).await);
    done(add(&scene, &other).await);
    let children = Output::children(&[claim("child", "1")]);
    scene.process(&[("location:default/a", children.outcome())]).await;
    let before = scene.uid("location:default/a").await;
    let moved =
        RegisteredLocation { location_type: "file".to_owned(), target: "/x/3".to_owned(), ..first.clone() };
    let report = done(update(&scene, &moved).await);
    assert_eq!((report.updated, report.deleted > 0), (1, true));
    assert_eq!(store.locations().await.unwrap(), [moved.clone(), other]);
    assert_eq!(store.location_by_target("url", "http://x/1").await.unwrap(), None);
    assert_eq!(scene.winner("location:default/a").await.0.as_deref(), Some("/x/3"));
    assert_ne!(scene.uid("location:default/a").await, before);
    let all = ["child", "location:default/a", "location:default/b"];
    assert_eq!(scene.existing(&all).await, all[1..]);
    done(add(&scene, &first_again(&first)).await);
}

/// What a location moved away from is free.
fn first_again(first: &RegisteredLocation) -> RegisteredLocation {
    RegisteredLocation { id: LocationId::random(), entity_ref: entity("location:default/c"), ..first.clone() }
}

/// Nothing changes then.
pub async fn a_change_to_a_taken_target_is_refused(store: &dyn Store) {
    let scene = Scene::new(store);
    let (first, other) = (location("a", "http://x/1"), location("b", "http://x/2"));
    done(add(&scene, &first).await);
    done(add(&scene, &other).await);
    let moved = RegisteredLocation { target: other.target.clone(), ..first.clone() };
    assert_eq!(update(&scene, &moved).await, LocationRegistration::Taken(other.clone()));
    assert_eq!(store.locations().await.unwrap(), [first, other]);
    assert_eq!(scene.winner("location:default/a").await.1, "http://x/1");
}

/// Everything that only it brought in.
pub async fn a_location_goes_with_its_tree(store: &dyn Store) {
    let scene = Scene::new(store);
    let (first, other) = (location("a", "http://x/1"), location("b", "http://x/2"));
    done(add(&scene, &first).await);
    done(add(&scene, &other).await);
    let children = |names: &[&str]| {
        let claims: Vec<NewClaim> = names.iter().map(|name| claim(name, "1")).collect();
        Output::children(&claims).outcome()
    };
    let of_locations =
        [("location:default/a", children(&["c1", "both"])), ("location:default/b", children(&["both"]))];
    scene.process(&of_locations).await;
    scene.process(&[("c1", children(&["c2"]))]).await;
    let report = remove(&scene, first.id).await.unwrap();
    assert_eq!((report.released, report.deleted), (1, 3));
    assert_eq!(report.sequence, scene.head().await);
    assert_eq!(store.locations().await.unwrap(), [other]);
    assert_eq!(store.location(first.id).await.unwrap(), None);
    let left = ["both", "location:default/b"];
    assert_eq!(scene.existing(&["both", "c1", "c2", "location:default/a", "location:default/b"]).await, left);
}

/// The entity is not the location's own if somebody else claims it too.
pub async fn what_others_lead_to_stays_when_a_location_goes(store: &dyn Store) {
    let scene = Scene::new(store);
    let registered = location("a", "http://x/1");
    done(add(&scene, &registered).await);
    scene.full("p", &[claim_of(&registered)]).await;
    let report = remove(&scene, registered.id).await.unwrap();
    assert_eq!((report.released, report.deleted), (1, 0));
    assert_eq!(scene.existing(&["location:default/a"]).await, ["location:default/a"]);
    assert_eq!(store.locations().await.unwrap(), []);
}

/// Not there is no error.
pub async fn unknown_locations_change_nothing(store: &dyn Store) {
    let scene = Scene::new(store);
    let nowhere = location("a", "http://x/1");
    assert_eq!(update(&scene, &nowhere).await, LocationRegistration::Unknown);
    assert_eq!(remove(&scene, nowhere.id).await, None);
    assert_eq!(store.location(nowhere.id).await.unwrap(), None);
    assert_eq!(store.location_by_target("url", "http://x/1").await.unwrap(), None);
    assert_eq!(store.locations().await.unwrap(), []);
    assert_eq!(scene.existing(&["location:default/a"]).await, [""; 0]);
}
