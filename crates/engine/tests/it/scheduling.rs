//! When things are processed, and what does not wait for what.

use std::time::Duration;

use callboard_engine::EngineSettings;
use callboard_model::{LocationPresence, LocationSpec};
use callboard_store::RefreshOutcome;
use serde_json::json;

use crate::support::{Answer, World, component, entity_ref, every, generated, location, titled, url};

fn rarely(settings: &mut EngineSettings) {
    settings.processing_interval = Some(every(Duration::from_hours(1)));
}

fn spec(path: &str) -> LocationSpec {
    LocationSpec { location_type: "url".to_owned(), target: url(path), presence: LocationPresence::Required }
}

#[tokio::test]
async fn a_refresh_reads_the_locations_above_an_entity() {
    let mut world = World::with_locations(&["root.yaml"]).await;
    rarely(&mut world.settings);
    world
        .host
        .set_entities("root.yaml", &[location("root", &json!({ "targets": ["./one.yaml", "./two.yaml"] }))]);
    world.host.set_entities("one.yaml", &[titled("one", "v1")]);
    world.host.set_entities("two.yaml", &[titled("two", "v1")]);
    let world = world.start().await;
    world.until_there(&["component:default/one", "component:default/two", &generated("root.yaml")]).await;
    world.host.set_entities("one.yaml", &[titled("one", "v2")]);
    world.host.set_entities("two.yaml", &[titled("two", "v2")]);
    let outcome = world.catalog().refresh(&entity_ref("component:default/one")).await.unwrap();
    assert_eq!(outcome, RefreshOutcome::Scheduled(3));
    world
        .until("both are read", |world| {
            ["component:default/one", "component:default/two"]
                .iter()
                .all(|entity_ref| world.entity(entity_ref).unwrap()["metadata"]["title"] == "v2")
        })
        .await;
    let unknown = world.catalog().refresh(&entity_ref("component:default/nope")).await.unwrap();
    assert_eq!(unknown, RefreshOutcome::Unknown);
    world.stop().await;
}

#[tokio::test]
async fn hosts_that_hang_hold_nobody_up() {
    let mut world = World::new().await;
    world.settings.processing.routine_reads = 2;
    world.settings.processing.urgent_reads = 60;
    world.settings.processing.max_waiting_routine = 4;
    world.settings.processing.read_timeout = Duration::from_secs(3);
    let slow: Vec<String> = (0..40).map(|number| format!("slow-{number}.yaml")).collect();
    for path in &slow {
        world.host.answer(path, Answer::Nothing);
    }
    world.settings.locations =
        slow.iter().map(|path| crate::support::config_location("url", &url(path))).collect();
    let world = world.start().await;
    world.host.wait_for("slow-39.yaml", |reads| reads.total >= 1).await;

    for (round, path) in ["first.yaml", "second.yaml", "third.yaml"].iter().enumerate() {
        let name = format!("quick-{round}");
        world.host.set_entities(path, &[component(&name)]);
        let begun = std::time::Instant::now();
        world.catalog().add_location(spec(path), None).await.unwrap();
        world.until_there(&[&format!("component:default/{name}")]).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    // Those that hang have an error for it in the end.
    let errors = world.until_unprocessed(&generated("slow-0.yaml")).await;
    assert_eq!(
        errors,
        [format!("Error: Unable to read url, {} did not answer within 3s", url("slow-0.yaml"))]
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_entities_come_in_whole() {
    const COUNT: usize = 3000;
    let world = World::with_locations(&["many.yaml"]).await;
    let entities: Vec<_> = (0..COUNT).map(|number| component(&format!("c{number}"))).collect();
    world.host.set_entities("many.yaml", &entities);
    let world = world.start().await;
    world.until("all are there", |world| world.catalog().index().read().len() == COUNT + 1).await;
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn a_deleted_entity_comes_back_with_another_uid_while_its_source_has_it() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    rarely(&mut world.settings);
    world.host.set_entities("a.yaml", &[component("a")]);
    let world = world.start().await;
    world.until_there(&["component:default/a"]).await;
    let uid = world.entity("component:default/a").unwrap()["metadata"]["uid"].clone();
    assert!(world.catalog().delete_entity(uid.as_str().unwrap()).await.unwrap());
    world
        .until("it is back", |world| {
            world.entity("component:default/a").is_some_and(|entity| entity["metadata"]["uid"] != uid)
        })
        .await;
    assert!(!world.catalog().delete_entity(uid.as_str().unwrap()).await.unwrap());
    assert!(!world.catalog().delete_entity("nope").await.unwrap());
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn everything_is_processed_again_when_the_interval_is_over_and_not_before() {
    let clock = std::sync::Arc::new(crate::support::FakeClock::default());
    let mut world = World::with_locations(&["a.yaml"]).await;
    world.settings.processing_interval = Some(every(Duration::from_mins(2)));
    world.clock = std::sync::Arc::<crate::support::FakeClock>::clone(&clock);
    world.host.set_entities("a.yaml", &[component("a")]);
    let world = world.start().await;
    let forward = |time: Duration| clock.advance(time);
    // Marks to stitch wait a little, too.
    let stitched = async {
        while world.entity("component:default/a").is_none() {
            forward(Duration::from_secs(1));
            let next = callboard_store::ChangeSequence(world.catalog().index().version() + 1);
            world.catalog().wait_for(next, Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, stitched).await.unwrap();
    let reads = world.host.reads("a.yaml").total;
    forward(Duration::from_secs(1));
    assert_eq!(world.host.reads("a.yaml").total, reads);
    forward(Duration::from_mins(2));
    world.host.wait_for("a.yaml", |now| now.total > reads).await;
    world.stop().await;
}
