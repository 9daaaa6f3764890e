//! Tests of the provider by itself, without a program or a network.

use std::time::Duration;

use callboard_testkit::{FakeFiles, TestCatalog};
use serde_json::{Value, json};

use super::Frobs;

const URL: &str = "https://frobs.example.com/data";

async fn catalog(files: &FakeFiles, frobs: Value) -> TestCatalog {
    let config = json!({ "catalog": { "providers": { "frobs": frobs } } });
    TestCatalog::builder()
        .config(config)
        .files(files)
        .extend(|catalog| catalog.add_module(Frobs))
        .start()
        .await
}

#[tokio::test]
async fn frobs_come_and_go() {
    let files = FakeFiles::default();
    files.set_json(URL, &json!([{ "id": "grinder", "team": "makers" }, { "id": "mixer", "team": "makers" }]));
    let catalog = catalog(&files, json!({ "test": { "url": URL } })).await;
    let grinder = catalog.until_entity("component:default/grinder").await;
    assert_eq!(grinder["spec"]["owner"], "makers");
    catalog.until_entity("component:default/mixer").await;

    files.set_json(URL, &json!([{ "id": "grinder", "team": "makers" }]));
    catalog.clock().advance(Duration::from_mins(30));
    catalog.until_gone("component:default/mixer").await;
    assert_eq!(catalog.refs().await, ["component:default/grinder"]);
    catalog.stop().await;
}

#[tokio::test]
async fn a_service_that_fails_takes_nothing_away() {
    let files = FakeFiles::default();
    files.set_json(URL, &json!([{ "id": "grinder", "team": "makers" }]));
    let catalog = catalog(&files, json!({ "url": URL })).await;
    catalog.until_entity("component:default/grinder").await;
    files.set(URL, "<html>We are closed</html>");
    assert!(catalog.refresh_provider("frobs-default").await.is_err());
    assert_eq!(catalog.refs().await, ["component:default/grinder"]);
    catalog.stop().await;
}

#[tokio::test]
async fn what_is_wrong_in_the_configuration_is_said() {
    let config = json!({ "catalog": { "providers": { "frobs": { "test": { "uri": URL } } } } });
    let catalog = TestCatalog::builder().config(config).extend(|catalog| catalog.add_module(Frobs));
    assert!(catalog.refusal().await.contains("catalog.providers.frobs.test.url: required, but not given"));
}
