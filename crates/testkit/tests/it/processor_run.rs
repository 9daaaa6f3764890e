use callboard::model::{Entity, EntityError, LocationPresence, LocationRef, LocationSpec};
use callboard::sdk::{Hooks, ProcessContext, Processor, ReadContext, ReadError, ReadOptions, async_trait};
use callboard_testkit::{FakeFiles, ProcessorRun};
use serde_json::{Value, json};

/// Uses every hook, and emits one of everything.
struct Busy;

#[async_trait]
impl Processor for Busy {
    fn name(&self) -> &'static str {
        "busy"
    }

    async fn pre_process(
        &self,
        mut entity: Entity,
        location: &LocationRef,
        _origin: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        if entity.name() == "renamed" {
            entity.set_metadata("name", json!("other"))?;
        }
        entity.set_annotation("example.com/from", location.target());
        let runs = context.cache.get_as::<u64>("runs").unwrap_or_default() + 1;
        context.cache.set("runs", runs.into());
        Ok(entity)
    }

    async fn validate_kind(&self, entity: &Entity) -> Result<bool, EntityError> {
        Ok(entity.kind() == "Device")
    }

    async fn read_location(
        &self,
        location: &LocationSpec,
        context: ReadContext<'_>,
    ) -> Result<bool, EntityError> {
        if location.location_type != "busy" {
            return Ok(false);
        }
        let known = context.cache.get_as::<(String, Value)>("v1");
        let options = ReadOptions::unless(known.as_ref().map(|(etag, _)| etag.clone()));
        let entity = match (context.reader.read(&location.target, &options).await, known) {
            (Err(ReadError::NotModified), Some((_, entity))) => entity,
            (answer, _) => {
                let answer = answer?;
                let entity: Value = answer.json()?;
                context.cache.set("v1", json!([answer.etag, entity]));
                entity
            }
        };
        context.emit.entity_from(location, entity);
        Ok(true)
    }

    async fn post_process(
        &self,
        entity: Entity,
        _location: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        context.emit.relate(&entity, "likedBy", "group:fans");
        context.emit.relate(&entity, "likedBy", "nobody");
        context.emit.refresh_key("key");
        for presence in [LocationPresence::Required, LocationPresence::Optional] {
            context.emit.location(LocationSpec {
                location_type: "url".into(),
                target: "https://x".into(),
                presence,
            });
        }
        Ok(entity)
    }
}

fn device(name: &str) -> Value {
    json!({ "apiVersion": "example.com/v1", "kind": "Device", "metadata": { "name": name, "namespace": "stage" } })
}

#[tokio::test]
async fn everything_that_comes_out_is_in_the_snapshot() {
    let outcome = ProcessorRun::new(&Busy).process(device("lamp")).await;
    insta::assert_json_snapshot!(outcome);
}

#[tokio::test]
async fn what_is_remembered_outlives_runs_that_went_well_only() {
    /// Counts its runs; every third one fails.
    struct Counting;

    #[async_trait]
    impl Processor for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }

        fn hooks(&self) -> Hooks {
            Hooks { pre_process: true, ..Hooks::NONE }
        }

        async fn pre_process(
            &self,
            entity: Entity,
            _location: &LocationRef,
            _origin: &LocationRef,
            context: ProcessContext<'_>,
        ) -> Result<Entity, EntityError> {
            let runs = context.cache.get_as::<u64>("runs").unwrap_or_default() + 1;
            context.cache.set("runs", runs.into());
            if runs == 3 { Err(EntityError::input("thrice is too often")) } else { Ok(entity) }
        }
    }

    let mut run = ProcessorRun::new(&Counting);
    for runs in [1, 2, 2, 2] {
        assert_eq!(run.process(device("lamp")).await.cache["runs"], runs);
    }
    assert_eq!(run.process(device("lamp")).await.errors, ["InputError: thrice is too often"]);
    assert_eq!(run.process(device("curtain")).await.cache["runs"], 1);
}

#[tokio::test]
async fn an_entity_keeps_its_name() {
    let outcome = ProcessorRun::new(&Busy).process(device("renamed")).await;
    assert_eq!(outcome.entity, None);
    assert!(outcome.errors.last().unwrap().contains("kind, namespace and name have to stay"), "{outcome:?}");
}

#[tokio::test]
async fn locations_are_read_from_files_and_remembered() {
    let files = FakeFiles::default();
    files.set_json("https://busy/data", &device("lamp"));
    let mut run = ProcessorRun::new(&Busy).files(&files);
    assert!(!run.read("other", "https://busy/data").await.taken);
    for _ in 0..2 {
        let outcome = run.read("busy", "https://busy/data").await;
        assert_eq!((outcome.taken, outcome.entities), (true, vec![device("lamp")]));
    }
    assert_eq!((files.reads("https://busy/data"), files.unchanged("https://busy/data")), (1, 1));
    files.fail("https://busy/data", ReadError::Failed("the host is asleep".to_owned()));
    assert_eq!(run.read("busy", "https://busy/data").await.errors, ["Error: the host is asleep"]);
    files.remove("https://busy/data");
    files.set_json("https://busy/data", &json!(5));
    files.remove("https://busy/data");
    assert_eq!(
        run.read("busy", "https://busy/data").await.errors,
        ["NotFoundError: there is no https://busy/data"]
    );
}
