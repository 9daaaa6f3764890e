//! Final entities: what goes into them, and what becomes of the result.

use crate::{StitchCommit, StitchOutcome, StitchReport, Store};

use super::scene::{Output, Scene, claim, entity, failure, keyed, name, relation, stitched, text};

/// A mark on `a`, taken.
async fn taken(scene: &Scene<'_>) -> crate::StitchInput {
    let inputs = scene.take_stitches().await;
    inputs.into_iter().find(|input| input.entity_ref == entity("a")).unwrap()
}

fn answer(input: &crate::StitchInput, outcome: StitchOutcome) -> Vec<StitchCommit> {
    vec![StitchCommit { outcome, ..stitched(input) }]
}

/// Nothing else needs to be read.
pub async fn the_input_has_all_of_an_entity(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    let output = Output { relations: vec![relation("a uses b")], ..Output::of("good") };
    scene.process(&[("a", output.outcome())]).await;
    let input = taken(&scene).await;
    assert_eq!(input.uid, scene.uid("a").await);
    assert_eq!(text(input.processed.as_ref()).as_deref(), Some("good"));
    assert_eq!((&input.errors, input.orphan, input.final_hash), (&None, false, None));
    assert_eq!(input.relations, [("uses".into(), entity("b"))]);

    let changed = StitchOutcome::Changed { body: b"body".as_slice().into(), hash: [7; 20] };
    scene.commit_stitched(answer(&input, changed)).await;
    let found = scene.final_entities(10).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].entity_ref, found[0].uid, &found[0].body[..]),
        (&entity("a"), input.uid, &b"body"[..])
    );

    scene.reprocess("a", failure("[bad]")).await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    let input = taken(&scene).await;
    assert_eq!(text(input.processed.as_ref()).as_deref(), Some("good"));
    assert_eq!(text(input.errors.as_ref()).as_deref(), Some("[bad]"));
    assert_eq!(input.final_hash, Some([7; 20]));
}

/// By type, then by target, each pair once, whoever originated it; by bytes, so that every database agrees.
pub async fn relations_are_distinct_and_in_byte_order(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    let of_a = [
        "a uses z",
        "a Uses a",
        "a uses b2",
        "a uses b10",
        "a uses b",
        "a uses b",
        "a owns z",
        "a uses \u{e9}",
    ];
    let of_b = ["a uses b", "a uses b_", "a uses-more b", "a uses group:default/z"];
    scene
        .process(&[("a", Output::relations(&of_a).outcome()), ("b", Output::relations(&of_b).outcome())])
        .await;
    let input = scene.stitch().await.remove("a").unwrap();
    let found: Vec<String> =
        input.relations.iter().map(|(kind, target)| format!("{kind} {}", name(target))).collect();
    let expected = [
        "Uses a",
        "owns z",
        "uses b",
        "uses b10",
        "uses b2",
        "uses b_",
        "uses z",
        "uses \u{e9}",
        "uses group:default/z",
        "uses-more b",
    ];
    assert_eq!(found, expected);
}

/// Also those that were there before the entity itself.
pub async fn relations_of_others_are_shown(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("b", "1")]).await;
    scene.process(&[("b", Output::relations(&["a partOf b"]).outcome())]).await;
    scene.stitch().await;
    assert_eq!(scene.body("a").await, None);
    scene.delta("p", &[claim("a", "1")], &[]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("a partOf=b"));
    scene.delta("p", &[], &["b"]).await;
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("a"));
}

/// Not before the first run that goes well.
pub async fn what_has_no_output_is_not_seen(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1"), claim("b", "1")]).await;
    let output = Output::relations(&["a partOf b"]);
    scene.process(&[("a", failure("[bad]")), ("b", output.outcome())]).await;
    scene.stitch().await;
    let seen: Vec<String> = scene.bodies().await.into_keys().collect();
    assert_eq!(seen, ["b"]);
    scene.reprocess("a", Output::of("a").outcome()).await;
    assert!(store.next_stitch().await.unwrap().unwrap() <= scene.now, "it was never seen");
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("a partOf=b"));
}

/// The log does not move, and the mark is gone.
pub async fn an_unchanged_result_writes_nothing(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    scene.reprocess("a", Output::of("changed").outcome()).await;
    let head = scene.head().await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    let input = taken(&scene).await;
    let report = scene.commit_and_report(answer(&input, StitchOutcome::Unchanged)).await;
    assert_eq!(
        (report, scene.head().await),
        (StitchReport { sequence: head, before: head, written: 0 }, head)
    );
    assert_eq!(scene.body("a").await.as_deref(), Some("a"));
    assert_eq!(store.next_stitch().await.unwrap(), None);
}

/// One final entity per entity.
pub async fn a_changed_result_replaces_the_last(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    scene.stitch().await;
    let before = scene.head().await;
    scene.reprocess("a", Output::of("changed").outcome()).await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    let input = taken(&scene).await;
    let report = scene.commit_and_report(vec![stitched(&input)]).await;
    assert!(report.sequence > before);
    assert_eq!(report, StitchReport { sequence: scene.head().await, before, written: 1 });
    assert_eq!(
        scene.bodies().await.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), "changed".to_owned())]
    );
}

/// What was seen stays seen, and it is not tried for ever.
pub async fn a_failed_result_is_kept_apart(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    let failed = || StitchOutcome::Failed { errors: b"[odd]".as_slice().into() };
    let input = taken(&scene).await;
    scene.commit_stitched(answer(&input, failed())).await;
    assert_eq!(scene.body("a").await, None);
    assert_eq!(store.next_stitch().await.unwrap(), None);
    scene.reprocess("a", Output::of("better").outcome()).await;
    scene.stitch().await;
    assert_eq!(scene.body("a").await.as_deref(), Some("better"));
    scene.reprocess("a", Output::of("odd again").outcome()).await;
    scene.now = store.next_stitch().await.unwrap().unwrap();
    let input = taken(&scene).await;
    scene.commit_stitched(answer(&input, failed())).await;
    assert_eq!(scene.bodies().await.len(), 1);
    assert_eq!(text(scene.state("a").await.processed.as_ref()).as_deref(), Some("odd again"));
}

/// A result that comes too late brings nothing back.
pub async fn the_result_for_a_deleted_entity_is_dropped(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[claim("a", "1")]).await;
    scene.process(&[]).await;
    let input = taken(&scene).await;
    scene.full("p", &[]).await;
    let head = scene.head().await;
    let report = scene.commit_and_report(vec![stitched(&input)]).await;
    assert_eq!(report, StitchReport { sequence: head, before: head, written: 0 });
    assert_eq!(scene.bodies().await.len(), 0);
}

/// Nor is it of the entity that has the ref now.
pub async fn the_result_for_a_replaced_entity_is_dropped(store: &dyn Store) {
    let mut scene = Scene::new(store);
    scene.full("p", &[keyed("a", "k", "1")]).await;
    scene.process(&[("a", Output::of("old").outcome())]).await;
    let input = taken(&scene).await;
    scene.full("p", &[keyed("a", "l", "1")]).await;
    scene.process(&[("a", Output::of("new").outcome())]).await;
    scene.commit_stitched(vec![stitched(&input)]).await;
    assert_eq!(scene.bodies().await.len(), 0);
    assert_eq!(scene.marked().await, ["a"], "its own mark is still there");
    assert_eq!(scene.body("a").await.as_deref(), Some("new"));
    let found = scene.final_entities(1).await;
    assert_eq!(found[0].uid, scene.uid("a").await);
}
