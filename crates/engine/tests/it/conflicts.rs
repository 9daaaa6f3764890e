//! One entity in two places.

use callboard_engine::CatalogEvent;
use callboard_model::{LocationPresence, LocationSpec};

use crate::support::{PATIENCE, World, component, component_with, location, url};

fn spec(path: &str) -> LocationSpec {
    LocationSpec { location_type: "url".to_owned(), target: url(path), presence: LocationPresence::Required }
}

#[tokio::test]
async fn the_first_keeps_it_and_the_second_takes_over_when_the_first_lets_go() {
    let world = World::new().await.start().await;
    let contested = |spec_type: &str| component_with("contested", "spec", "type", spec_type);
    world.host.set_entities("one.yaml", &[contested("first"), component("one")]);
    world.host.set_entities("two.yaml", &[contested("second"), component("two")]);
    let of = |world: &World| {
        world.entity("component:default/contested").unwrap_or_default()["spec"]["type"]
            .as_str()
            .map(str::to_owned)
    };
    let catalog = world.catalog();
    let one = catalog.add_location(spec("one.yaml"), None).await.unwrap();
    world.until_there(&["component:default/contested", "component:default/one"]).await;

    let mut events = catalog.events();
    catalog.add_location(spec("two.yaml"), None).await.unwrap();
    let conflict = async {
        loop {
            if let CatalogEvent::Conflict { entity_ref, rejected_key, holder_key, .. } =
                events.recv().await.unwrap()
            {
                return (entity_ref, rejected_key, holder_key);
            }
        }
    };
    let (entity_ref, rejected, holder) = tokio::time::timeout(PATIENCE, conflict).await.unwrap();
    assert_eq!(entity_ref.as_str(), "component:default/contested");
    assert_eq!(rejected.as_str(), format!("url:{}", url("two.yaml")));
    assert_eq!(holder.unwrap().as_str(), format!("url:{}", url("one.yaml")));
    world.until_there(&["component:default/two"]).await;
    assert_eq!(of(&world).as_deref(), Some("first"));

    world.host.set_entities("one.yaml", &[contested("first, changed"), component("one")]);
    world.until("the first changes it", |world| of(world).as_deref() == Some("first, changed")).await;
    catalog.remove_location(&one.id.to_string()).await.unwrap();
    world.until("the second has it", |world| of(world).as_deref() == Some("second")).await;

    catalog.add_location(spec("one.yaml"), None).await.unwrap();
    world.until_there(&["component:default/one"]).await;
    assert_eq!(of(&world).as_deref(), Some("second"));
    world.check().await;
    world.stop().await;
}

#[tokio::test]
async fn of_two_files_of_one_location_the_first_keeps_an_entity_and_the_second_is_reported() {
    let world = World::new().await.start().await;
    let contested = |spec_type: &str| component_with("contested", "spec", "type", spec_type);
    let targets = serde_json::json!({ "targets": ["./one.yaml", "./two.yaml"] });
    world.host.set_entities("both.yaml", &[location("both", &targets)]);
    world.host.set_entities("one.yaml", &[contested("first")]);
    world.host.set_entities("two.yaml", &[contested("second"), component("two")]);
    let catalog = world.catalog();
    let mut events = catalog.events();
    catalog.add_location(spec("both.yaml"), None).await.unwrap();
    let rejected = async {
        loop {
            if let CatalogEvent::Conflict { rejected_key, .. } = events.recv().await.unwrap() {
                return rejected_key;
            }
        }
    };
    let rejected = tokio::time::timeout(PATIENCE, rejected).await.unwrap();
    assert_eq!(rejected.as_str(), format!("url:{}", url("two.yaml")));
    world.until_there(&["component:default/contested", "component:default/two"]).await;
    assert_eq!(world.entity("component:default/contested").unwrap()["spec"]["type"], "first");
    world.check().await;
    world.stop().await;
}
