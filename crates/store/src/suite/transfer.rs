//! Moving to another store. Each test moves within one store, by deleting all entities in between: between two kinds of
//! database, the commands are tested.

use std::collections::BTreeMap;

use callboard_model::{EntityRef, LocationKey};

use crate::{
    CarriedEntity, ClaimSource, LastClaim, LocationId, ProviderName, RegisteredLocation, Store, TakenOver,
    Uid,
};

use super::scene::{Output, Scene, claim, document, entity, keyed, name};

/// Fewer than the tests have entities, so that there is more than one page.
const PAGE: usize = 2;

async fn exported(store: &dyn Store) -> Vec<CarriedEntity> {
    let mut export = store.export().await.unwrap();
    let mut all = Vec::new();
    loop {
        let page = export.entities(PAGE).await.unwrap();
        assert!(page.len() <= PAGE);
        if page.is_empty() {
            break all;
        }
        all.extend(page);
    }
}

/// By name: uid, and who claims with which key and document, in order.
fn listed(entities: &[CarriedEntity]) -> BTreeMap<String, (Uid, Vec<String>)> {
    let listed = entities.iter().map(|entity| {
        let claims = entity.claims.iter().map(|carried| {
            let source = match &carried.source {
                ClaimSource::Provider(provider) => provider.as_str().to_owned(),
                ClaimSource::Entity(parent) => format!("from {}", name(parent)),
            };
            let key = carried.claim.location_key.as_ref().map_or("-", |key| key.as_str());
            format!("{source} {key} {}", String::from_utf8_lossy(&carried.claim.document.json))
        });
        (name(&entity.entity_ref), (entity.uid, claims.collect()))
    });
    listed.collect()
}

async fn empty(scene: &Scene<'_>, entities: &[CarriedEntity]) {
    for entity in entities {
        scene.store.delete_entity(entity.uid, scene.now).await.unwrap();
    }
    assert_eq!(scene.store.queue_depth().await.unwrap().entities, 0);
}

async fn take_over(scene: &Scene<'_>, entities: &[CarriedEntity]) -> TakenOver {
    let mut report = TakenOver::default();
    for page in entities.chunks(PAGE) {
        let rehearsed = scene.store.rehearse_take_over(page).await.unwrap();
        let done = scene.store.take_over(page, scene.now).await.unwrap();
        assert_eq!(rehearsed, done, "a rehearsal says what will be");
        report.add(&done);
    }
    scene.check().await;
    report
}

/// With uids and orders; again it changes nothing.
pub async fn what_was_exported_is_taken_over_once(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), keyed("c", "k", "p")]).await;
    let children = Output::children(&[claim("b", "child"), keyed("c", "l", "from a")]);
    scene.process(&[("a", children.outcome())]).await;
    scene.full("q", &[claim("b", "q"), keyed("c", "k", "q")]).await;
    let before = exported(store).await;
    assert_eq!(
        listed(&before)["c"].1,
        [
            r#"p k {"text":"p"}"#.to_owned(),
            r#"q k {"text":"q"}"#.to_owned(),
            r#"from a l {"text":"from a"}"#.to_owned(),
        ]
    );
    empty(&scene, &before).await;
    let report = take_over(&scene, &before).await;
    assert_eq!(report, TakenOver { entities: 3, claims: 6, ..TakenOver::default() });
    assert_eq!(listed(&exported(store).await), listed(&before));
    assert_eq!(scene.winner("c").await, (Some("k".to_owned()), "q".to_owned()));
    assert_eq!(scene.winner("b").await, (None, "q".to_owned()));
    assert_eq!(scene.take_names().await, ["a", "b", "c"], "all are due at once");

    let report = take_over(&scene, &before).await;
    assert_eq!(report, TakenOver { present_entities: 3, present_claims: 6, ..TakenOver::default() });
    assert_eq!(listed(&exported(store).await), listed(&before));
}

/// Children may come before their parents, and what came already is left alone.
pub async fn what_was_cut_off_is_repeated(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", Output::children(&[claim("b", "1"), claim("c", "1")]).outcome())]).await;
    let before = exported(store).await;
    empty(&scene, &before).await;
    let children: Vec<CarriedEntity> =
        before.iter().filter(|carried| carried.entity_ref != entity("a")).cloned().collect();
    store.take_over(&children, scene.now).await.unwrap();
    let violations = store.violations().await.unwrap();
    assert_eq!(violations.len(), 2, "both are claimed by what is not there yet: {violations:?}");
    let report = take_over(&scene, &before).await;
    let expected =
        TakenOver { entities: 1, present_entities: 2, claims: 1, present_claims: 2, ..TakenOver::default() };
    assert_eq!(report, expected);
    assert_eq!(listed(&exported(store).await), listed(&before));
}

/// The one that the entity has already, not the one that is the oldest.
pub async fn the_key_that_an_entity_has_is_kept(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("x", "1")]).await;
    scene.process(&[("x", Output::children(&[keyed("a", "k", "child")]).outcome())]).await;
    scene.full("q", &[keyed("a", "l", "q")]).await;
    // The oldest key of the next two is `l`, but `k` was there before both.
    scene.full("r", &[keyed("a", "k", "r")]).await;
    scene.reprocess("x", Output::of("x").outcome()).await;
    assert_eq!(scene.winner("a").await.0.as_deref(), Some("k"));
    let before = exported(store).await;
    empty(&scene, &before).await;
    take_over(&scene, &before).await;
    assert_eq!(scene.winner("a").await, (Some("k".to_owned()), "r".to_owned()));
    scene.full("r", &[]).await;
    assert_eq!(scene.winner("a").await, (Some("l".to_owned()), "q".to_owned()));
}

/// With the document it is processed from.
pub async fn orphans_are_taken_over(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[("a", Output::children(&[keyed("b", "k", "child")]).outcome())]).await;
    scene.reprocess("a", Output::of("a").outcome()).await;
    let before = exported(store).await;
    let of = |entities: &[CarriedEntity], wanted: &str| -> CarriedEntity {
        let wanted: EntityRef = entity(wanted);
        entities.iter().find(|carried| carried.entity_ref == wanted).unwrap().clone()
    };
    let last = LastClaim { location_key: Some(LocationKey::new("k")), document: document("child") };
    assert_eq!(of(&before, "b").orphaned, Some(last));
    empty(&scene, &before).await;
    let report = take_over(&scene, &before).await;
    assert_eq!(report, TakenOver { entities: 2, claims: 1, ..TakenOver::default() });
    assert_eq!(store.queue_depth().await.unwrap().orphans, 1);
    assert_eq!(of(&exported(store).await, "b"), of(&before, "b"));
    scene.process(&[]).await;
    assert!(scene.stitch().await["b"].orphan);
}

/// The provider has its bucket back: what it says next replaces it.
pub async fn a_bucket_belongs_to_its_provider_again(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1"), claim("b", "1"), claim("c", "1")]).await;
    let before = exported(store).await;
    empty(&scene, &before).await;
    take_over(&scene, &before).await;
    assert_eq!(store.bucket(&ProviderName::new("p")).await.unwrap().len(), 3);
    let report = scene.full("p", &[keyed("a", "k", "1"), claim("b", "2")]).await;
    assert_eq!((report.unchanged, report.updated, report.released, report.deleted), (1, 1, 1, 1));
}

/// What is there stays as it is, and what others claim is added.
pub async fn what_is_there_is_left_alone(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "old"), claim("b", "old")]).await;
    scene.full("q", &[claim("a", "of q")]).await;
    let before = exported(store).await;
    empty(&scene, &before).await;
    scene.full("p", &[claim("a", "new")]).await;
    let uid = scene.uid("a").await;
    let mut stolen = before.clone();
    for entity in &mut stolen {
        entity.uid = uid;
    }
    let report = take_over(&scene, &stolen).await;
    let expected =
        TakenOver { entities: 1, present_entities: 1, claims: 2, present_claims: 1, changed_uids: 1 };
    assert_eq!(report, expected);
    assert_eq!(scene.uid("a").await, uid);
    assert_ne!(scene.uid("b").await, uid);
    let claims = &listed(&exported(store).await)["a"].1;
    assert_eq!(claims, &[r#"p - {"text":"new"}"#.to_owned(), r#"q - {"text":"of q"}"#.to_owned()]);
}

/// As it is when it begins, and with the registered locations.
pub async fn an_export_has_the_locations(store: &dyn Store) {
    let scene = Scene::new(store);
    assert!(exported(store).await.is_empty());
    let location = RegisteredLocation {
        id: LocationId::random(),
        location_type: "url".to_owned(),
        target: "https://host.example/a.yaml".to_owned(),
        entity_ref: entity("location:default/a"),
    };
    let of_it = claim("location:default/a", "1");
    store.add_location(location.clone(), &ProviderName::new("l"), of_it, scene.now).await.unwrap();
    let mut export = store.export().await.unwrap();
    assert_eq!(export.locations().await.unwrap(), [location]);
    assert_eq!(listed(&export.entities(PAGE).await.unwrap()).len(), 1);
    assert!(export.entities(PAGE).await.unwrap().is_empty());
}
