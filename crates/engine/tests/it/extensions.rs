//! Processors and policies of one's own, well-behaved and not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callboard_engine::{CatalogEvent, ProcessorOptions};
use callboard_model::{
    CompoundEntityRef, Entity, EntityError, FieldFormatValidators, FormatValidator, LocationPresence,
    LocationRef, LocationSpec, Relation,
};
use callboard_sdk::{
    EntityPolicy, Hooks, HostReader, ProcessContext, ProcessingErrorHandler, ProcessingFailure, Processor,
    ReadContext, ReadError, ReadOptions, ReadResponse, SearchFile, SearchResponse, UrlReader, async_trait,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use url::Url;

use crate::support::{PATIENCE, World, component, config_location, generated, stable, titled};

/// Does to an entity what its name says.
struct Antics;

#[async_trait]
impl Processor for Antics {
    fn name(&self) -> &'static str {
        "antics"
    }

    fn display_name(&self) -> &'static str {
        "AnticsProcessor"
    }

    async fn pre_process(
        &self,
        mut entity: Entity,
        _location: &LocationRef,
        _origin: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        let kind = entity.kind().to_owned();
        match entity.name() {
            "throws" => return Err(EntityError::general("boom pre")),
            "panics" => panic!("boom"),
            "hangs" => std::future::pending::<()>().await,
            "renames" => entity.set_metadata("name", json!("renamed")).unwrap(),
            "counts" => {
                let runs = context.cache.get("runs").and_then(Value::as_u64).unwrap_or_default().min(1) + 1;
                context.cache.set("runs", runs.into());
                entity.set_annotation("runs", &runs.to_string());
            }
            _ => entity.set_annotation("kind", &kind),
        }
        Ok(entity)
    }

    async fn validate_kind(&self, entity: &Entity) -> Result<bool, EntityError> {
        if entity.name() == "invalid" {
            return Err(EntityError::type_error("not that"));
        }
        Ok(false)
    }

    async fn read_location(
        &self,
        location: &LocationSpec,
        context: ReadContext<'_>,
    ) -> Result<bool, EntityError> {
        match (location.location_type.as_str(), location.target.as_str()) {
            ("antics", "throws") => Err(EntityError::general("boom read")),
            ("antics", target) => {
                let at = LocationRef::new("antics", target)?;
                context.emit.entity(at, component("from-antics"));
                context.emit.location(LocationSpec {
                    location_type: "antics".to_owned(),
                    target: "more".to_owned(),
                    presence: LocationPresence::Optional,
                });
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn post_process(
        &self,
        entity: Entity,
        _location: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        let target =
            CompoundEntityRef { kind: "Group".into(), namespace: "default".into(), name: "Fans".into() };
        context.emit.relation(Relation {
            source: entity.compound_ref(),
            relation_type: "likedBy".into(),
            target,
        });
        if entity.name() == "emits-errors" {
            context.emit.error(EntityError::not_found("one"));
            context.emit.error(EntityError::general("two"));
        }
        Ok(entity)
    }
}

async fn world(entities: &[&str]) -> World {
    let mut world = World::with_locations(&["a.yaml"]).await;
    world.registry.processors = vec![Arc::new(Antics)];
    world.settings.processing.hook_timeout = Duration::from_millis(1500);
    let entities: Vec<_> = entities.iter().map(|name| component(name)).collect();
    world.host.set_entities("a.yaml", &entities);
    world
}

#[tokio::test]
async fn a_hook_that_fails_hangs_or_panics_fails_its_entity_only() {
    let names = ["throws", "panics", "hangs", "renames", "invalid", "emits-errors"];
    let world = world(&[&names[..], &["fine"]].concat()).await.start().await;
    world.until_there(&["component:default/fine"]).await;
    insta::assert_snapshot!(stable(world.entity("component:default/fine").unwrap()));
    let mut errors = Vec::new();
    for name in names {
        errors.push(world.until_unprocessed(&format!("component:default/{name}")).await);
    }
    insta::assert_debug_snapshot!(errors);
    world.stop().await;
}

#[tokio::test]
async fn every_round_that_fails_is_told_to_listeners() {
    let world = world(&["throws"]).await.start().await;
    let mut events = world.catalog().events();
    for _ in 0..2 {
        let event = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
        assert_eq!(event.topic(), "experimental.catalog.errors");
        let CatalogEvent::ProcessingFailed { entity_ref, location, errors } = event else {
            panic!("{event:?}")
        };
        assert_eq!(entity_ref.as_str(), "component:default/throws");
        assert_eq!(location.as_deref(), Some("url:https://host/s/a.yaml"));
        assert_eq!(errors[0].cause.as_ref().unwrap().message, "boom pre");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_processor_remembers_from_run_to_run() {
    let world = world(&["counts"]).await.start().await;
    world
        .until("the second run shows", |world| {
            let entity = world.entity("component:default/counts").unwrap_or_default();
            entity["metadata"]["annotations"]["runs"] == "2"
        })
        .await;
    world.stop().await;
}

#[tokio::test]
async fn locations_of_other_types_are_read_by_whoever_knows_them() {
    let mut world = world(&[]).await;
    world.settings.locations = vec![
        config_location("antics", "ok"),
        config_location("antics", "throws"),
        config_location("other", "x"),
    ];
    let world = world.start().await;
    world.until_there(&["component:default/from-antics"]).await;
    let child = callboard_model::generated_location_name("antics", "more");
    let child = format!("location:default/{child}");
    world.until_there(&[&child]).await;
    insta::assert_snapshot!(stable(world.entity(&child).unwrap()));
    let mut errors = Vec::new();
    for target in ["antics:throws", "other:x"] {
        let (location_type, target) = target.split_once(':').unwrap();
        let name = callboard_model::generated_location_name(location_type, target);
        errors.extend(world.until_unprocessed(&format!("location:default/{name}")).await);
    }
    insta::assert_debug_snapshot!(errors);
    world.stop().await;
}

#[tokio::test]
async fn processors_can_be_left_out_and_moved() {
    let mut disabled = world(&["fine"]).await;
    let options = ProcessorOptions { disabled: true, priority: None };
    disabled.settings.processor_options.insert("antics".to_owned(), options);
    let disabled = disabled.start().await;
    disabled.until_there(&["component:default/fine"]).await;
    let entity = disabled.entity("component:default/fine").unwrap();
    assert!(entity["metadata"]["annotations"].get("kind").is_none(), "{entity}");
    disabled.stop().await;

    let mut without_defaults = world(&[]).await;
    without_defaults.settings.disable_default_processors = true;
    let without_defaults = without_defaults.start().await;
    let errors = without_defaults.until_unprocessed(&generated("a.yaml")).await;
    assert_eq!(errors, ["InputError: No processor was able to handle reading of url:https://host/s/a.yaml"]);
    without_defaults.stop().await;
}

struct OnlyFine;

#[async_trait]
impl EntityPolicy for OnlyFine {
    async fn enforce(&self, mut entity: Entity) -> Result<Entity, EntityError> {
        if entity.kind() == "Component" && entity.name() != "fine" {
            return Err(EntityError::not_allowed("only what is fine"));
        }
        entity.set_annotation("policed", "true");
        Ok(entity)
    }
}

#[tokio::test]
async fn policies_refuse_and_change() {
    let mut world = world(&["fine", "other"]).await;
    world.registry.policies = vec![Arc::new(OnlyFine)];
    let world = world.start().await;
    world.until_there(&["component:default/fine"]).await;
    let entity = world.entity("component:default/fine").unwrap();
    assert_eq!(entity["metadata"]["annotations"]["policed"], "true");
    let errors = world.until_unprocessed("component:default/other").await;
    assert_eq!(
        errors,
        [
            "InputError: Policy check failed for component:default/other; caused by NotAllowedError: only what is fine"
        ]
    );
    world.stop().await;
}

#[tokio::test]
async fn processors_and_policies_can_be_replaced() {
    let mut world = world(&["fine"]).await;
    world.registry.replace_processors(vec![Arc::new(Antics)]);
    let world = world.start().await;
    let errors = world.until_unprocessed(&generated("a.yaml")).await;
    assert_eq!(errors, ["InputError: No processor was able to handle reading of url:https://host/s/a.yaml"]);
    world.stop().await;

    let mut world = World::with_locations(&["a.yaml"]).await;
    let mut unusual = component("ok");
    unusual["metadata"]["tags"] = json!(["NOT A TAG"]);
    world.host.set_entities("a.yaml", &[unusual]);
    world.registry.replace_policies(Vec::new());
    let world = world.start().await;
    world.until_there(&["component:default/ok"]).await;
    world.stop().await;
}

#[tokio::test]
async fn formats_can_be_replaced() {
    let mut world = World::with_locations(&["a.yaml"]).await;
    let mut unusual = component("ok");
    unusual["metadata"]["tags"] = json!(["NOT A TAG"]);
    world.host.set_entities("a.yaml", &[unusual]);
    world.registry.set_field_formats(FieldFormatValidators {
        tag: FormatValidator::new(|_| true),
        ..FieldFormatValidators::default()
    });
    let world = world.start().await;
    world.until_there(&["component:default/ok"]).await;
    world.stop().await;
}

/// Reads from a host of its own.
struct OwnHost;

#[async_trait]
impl UrlReader for OwnHost {
    async fn read(&self, _url: &str, _options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        Err(ReadError::Failed("not asked for".to_owned()))
    }

    async fn search(&self, url: &str, _options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        let file = SearchFile { url: url.to_owned(), data: component("own").to_string().into_bytes().into() };
        Ok(SearchResponse { files: vec![file], etag: None })
    }

    fn resolve(&self, target: &str, _base: &str) -> Result<String, ReadError> {
        Ok(target.to_owned())
    }
}

impl HostReader for OwnHost {
    fn matches(&self, url: &Url) -> bool {
        url.host_str() == Some("own.example.com")
    }
}

#[tokio::test]
async fn readers_of_ones_own_come_first() {
    let mut world = world(&["fine"]).await;
    world.settings.locations.push(config_location("url", "https://own.example.com/x.yaml"));
    world.registry.add_url_reader(Arc::new(OwnHost));
    let world = world.start().await;
    world.until_there(&["component:default/own", "component:default/fine"]).await;
    world.stop().await;
}

/// Passes failures on, and panics each time.
struct Handler(mpsc::Sender<ProcessingFailure>);

#[async_trait]
impl ProcessingErrorHandler for Handler {
    async fn on_processing_error(&self, failure: ProcessingFailure) {
        self.0.send(failure).await.unwrap();
        panic!("that is its own affair");
    }
}

#[tokio::test]
async fn the_error_handler_is_told() {
    let mut world = world(&["throws"]).await;
    let (sender, mut failures) = mpsc::channel(2);
    world.registry.set_error_handler(Arc::new(Handler(sender)));
    let world = world.start().await;
    for _ in 0..2 {
        let failure = tokio::time::timeout(PATIENCE, failures.recv()).await.unwrap().unwrap();
        assert_eq!(failure.entity_ref.as_str(), "component:default/throws");
        assert_eq!(failure.errors[0].cause.as_ref().unwrap().message, "boom pre");
    }
    world.stop().await;
}

/// Counts its calls, and says that they need not be repeated.
#[derive(Default)]
struct Pure {
    calls: AtomicUsize,
    judged: AtomicUsize,
    read: AtomicUsize,
}

#[async_trait]
impl Processor for Pure {
    fn name(&self) -> &'static str {
        "pure"
    }

    fn hooks(&self) -> Hooks {
        Hooks { post_process: true, validate_kind: true, read_location: true, ..Hooks::NONE }
    }

    fn is_pure(&self) -> bool {
        true
    }

    async fn validate_kind(&self, entity: &Entity) -> Result<bool, EntityError> {
        if entity.name() == "fine" {
            self.judged.fetch_add(1, Ordering::SeqCst);
        }
        Ok(false)
    }

    async fn read_location(
        &self,
        location: &LocationSpec,
        context: ReadContext<'_>,
    ) -> Result<bool, EntityError> {
        if location.location_type != "pure" {
            return Ok(false);
        }
        self.read.fetch_add(1, Ordering::SeqCst);
        let location = LocationRef::new("pure", &*location.target)?;
        context.emit.entity(location.clone(), component(location.target()));
        Ok(true)
    }

    async fn post_process(
        &self,
        mut entity: Entity,
        _location: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        if entity.name() == "fine" {
            self.calls.fetch_add(1, Ordering::SeqCst);
            context.emit.refresh_key("pure:fine");
            entity.set_annotation("pure", "yes");
        }
        Ok(entity)
    }
}

#[tokio::test]
async fn a_pure_processor_is_not_asked_twice_about_the_same() {
    let mut world = world(&["fine", "counts"]).await;
    world.settings.locations.push(config_location("pure", "made-up"));
    let pure = Arc::new(Pure::default());
    world.registry.processors.push(Arc::<Pure>::clone(&pure));
    let world = world.start().await;
    let has_run = |world: &World, runs: &str| {
        let entity = world.entity("component:default/counts").unwrap_or_default();
        entity["metadata"]["annotations"]["runs"] == runs
    };
    // Both come from one file and run in the same rounds; the other one shows that several have passed.
    world.until("several rounds", |world| has_run(world, "2")).await;
    world.until_there(&["component:default/fine"]).await;
    let reads = world.host.reads("a.yaml").total;
    world.host.wait_for("a.yaml", |now| now.total > reads + 1).await;
    let calls =
        |pure: &Pure| [&pure.calls, &pure.judged, &pure.read].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(calls(&pure), [1, 1, 1]);
    world.until_there(&["component:default/made-up"]).await;
    assert_eq!(world.entity("component:default/fine").unwrap()["metadata"]["annotations"]["pure"], "yes");

    world.host.set_entities("a.yaml", &[titled("fine", "changed")]);
    world
        .until("the change shows", |world| {
            world.entity("component:default/fine").unwrap()["metadata"]["title"] == "changed"
        })
        .await;
    assert_eq!(calls(&pure), [2, 2, 1]);
    world.stop().await;
}

/// Knows no kind, and counts how often it is asked about one entity.
#[derive(Debug, Default)]
struct Agrees {
    calls: AtomicUsize,
}

#[async_trait]
impl Processor for Agrees {
    fn name(&self) -> &'static str {
        "Agrees"
    }

    fn hooks(&self) -> Hooks {
        Hooks { validate_kind: true, ..Hooks::NONE }
    }

    fn is_pure(&self) -> bool {
        true
    }

    async fn validate_kind(&self, entity: &Entity) -> Result<bool, EntityError> {
        if entity.name() == "fine" {
            self.calls.fetch_add(1, Ordering::SeqCst);
        }
        Ok(false)
    }
}

#[tokio::test]
async fn what_depends_on_its_document_alone_is_not_refreshed() {
    let mut world = world(&["fine"]).await;
    let agrees = Arc::new(Agrees::default());
    world.registry.processors = vec![Arc::<Agrees>::clone(&agrees) as _];
    let world = world.start().await;
    world.until_there(&["component:default/fine"]).await;
    let reads = world.host.reads("a.yaml").total;
    world.host.wait_for("a.yaml", |now| now.total > reads + 3).await;
    // Once because it is new, and once more to see that this came to what is stored.
    assert!(agrees.calls.load(Ordering::SeqCst) <= 2, "{agrees:?} in {} rounds", reads + 4);

    world.host.set_entities("a.yaml", &[titled("fine", "changed")]);
    let is_changed = |world: &World| {
        let entity = world.entity("component:default/fine").unwrap_or_default();
        entity["metadata"]["title"] == "changed"
    };
    world.until("the change shows", is_changed).await;
    world.stop().await;
}
