use std::sync::Arc;
use std::time::Duration;

use callboard::model::Entity;
use callboard::sdk::{
    DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError, ReadOptions,
    TaskSchedule, async_trait,
};
use callboard_testkit::{FakeFiles, Method, TestCatalog, Upstream};
use serde_json::{Value, json};

const URL: &str = "https://things.example.com/all";

/// Gives what a file holds, with annotations or without.
struct Things {
    annotated: bool,
}

#[async_trait]
impl EntityProvider for Things {
    fn name(&self) -> &'static str {
        "things"
    }

    fn schedule(&self) -> Option<TaskSchedule> {
        Some(TaskSchedule::every(Duration::from_hours(1), Duration::from_mins(1)))
    }

    async fn refresh(&self, connection: &dyn ProviderConnection) -> Result<(), ProviderError> {
        let things: Vec<Value> = connection.url_reader().read(URL, &ReadOptions::default()).await?.json()?;
        let things = things.into_iter().map(|thing| {
            Ok(if self.annotated {
                DeferredEntity::read_from("things:all", thing)?
            } else {
                DeferredEntity { entity: Entity::from_value(thing)?, location_key: None }
            })
        });
        let things = things.collect::<Result<_, ProviderError>>()?;
        Ok(connection.apply_mutation(EntityMutation::Full(things)).await?)
    }
}

fn component(name: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name },
        "spec": { "type": "service", "lifecycle": "production", "owner": "crew" },
    })
}

async fn catalog(files: &FakeFiles, annotated: bool) -> TestCatalog {
    let things = Arc::new(Things { annotated });
    TestCatalog::builder().files(files).extend(|catalog| catalog.add_provider(things)).start().await
}

#[tokio::test]
async fn a_provider_is_refreshed_when_asked_and_by_the_clock() {
    let files = FakeFiles::default();
    files.set_json(URL, &json!([component("one"), component("two")]));
    let catalog = catalog(&files, true).await;
    catalog.until_entity("component:default/one").await;
    catalog.until_entity("component:default/two").await;
    assert_eq!(catalog.refs().await, ["component:default/one", "component:default/two"]);
    files.set_json(URL, &json!([component("two")]));
    assert_eq!(catalog.refresh_provider("things").await, Ok(()));
    catalog.until_gone("component:default/one").await;
    files.set_json(URL, &json!([component("two"), component("three")]));
    catalog.clock().advance(Duration::from_hours(1));
    catalog.until_entity("component:default/three").await;
    assert!(catalog.warnings().is_empty(), "{:?}", catalog.warnings());
    assert_eq!(
        catalog.json("/entities/by-name/component/default/one").await.unwrap_err()["error"]["name"],
        "NotFoundError"
    );
    let refused = catalog.request(Method::PUT, "/entities").send().await.unwrap();
    assert!(!refused.status().is_success());
    catalog.stop().await;
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_logged() {
    let files = FakeFiles::default();
    files.set_json(URL, &json!([component("one")]));
    let catalog = catalog(&files, false).await;
    let errors = catalog.until_failed("component:default/one").await;
    assert!(errors[0].contains("backstage.io/managed-by-location"), "{errors:?}");
    catalog.until_logged("processing failed").await;
    assert_eq!(catalog.entity("component:default/one"), None);
    files.set(URL, "no JSON");
    let error = catalog.refresh_provider("things").await.unwrap_err();
    assert!(error.contains("the answer is not the JSON that was expected"), "{error}");
    assert!(catalog.refresh_provider("others").await.is_err());
    let warnings = catalog.warnings();
    assert!(warnings.iter().any(|line| line.contains("the task failed")), "{warnings:?}");
    catalog.stop().await;
}

#[tokio::test]
async fn two_catalogs_in_one_test_have_logs_and_clocks_of_their_own() {
    let files = FakeFiles::default();
    files.set(URL, "no JSON");
    let failing = catalog(&files, true).await;
    let fine = TestCatalog::builder().start().await;
    failing.until_logged("the task failed").await;
    assert!(fine.warnings().is_empty(), "{:?}", fine.warnings());
    failing.stop().await;
    fine.stop().await;
}

#[tokio::test]
async fn hosts_are_read_over_http_by_the_configuration() {
    let upstream = Upstream::start().await;
    upstream.set("all.yaml", component("one").to_string());
    let catalog = TestCatalog::builder()
        .config(json!({
            "backend": { "reading": { "allow": [{ "host": upstream.host() }] } },
            "catalog": {
                "locations": [{ "type": "url", "target": upstream.url("all.yaml") }],
                "processingInterval": "1h",
            },
        }))
        .start()
        .await;
    catalog.until_entity("component:default/one").await;
    let mut titled = component("one");
    titled["metadata"]["title"] = json!("The One");
    upstream.set("all.yaml", titled.to_string());
    catalog.clock().advance(Duration::from_hours(2));
    catalog.until_entity_is("component:default/one", |entity| entity["metadata"]["title"] == "The One").await;
    catalog.stop().await;
}

#[tokio::test]
async fn why_a_catalog_does_not_start_can_be_asked() {
    let twice = |annotated| Arc::new(Things { annotated });
    let refusal = TestCatalog::builder()
        .extend(move |catalog| catalog.add_provider(twice(true)).add_provider(twice(false)))
        .refusal()
        .await;
    assert_eq!(
        refusal,
        "two providers are named things, registered by the program; one of them needs another name"
    );
    let refusal = TestCatalog::builder().config(json!({ "catalog": { "rules": 5 } })).refusal().await;
    assert!(refusal.contains("catalog.rules"), "{refusal}");
}
