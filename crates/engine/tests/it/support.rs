//! A catalog in a test: fake files behind URLs, settings that do not make tests wait, and ways to wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callboard_engine::{
    Catalog, Clock, ConfigLocation, EngineBuilder, EngineSettings, OrphanStrategy, ProcessingInterval, Rule,
    RunningEngine, SystemClock,
};
use callboard_model::EntityRef;
use callboard_sdk::{
    ReadError, ReadOptions, ReadResponse, Registry, SearchFile, SearchResponse, UrlReader, async_trait,
};
use callboard_store::{ChangeSequence, Store};
use callboard_store_sqlite::SqliteStore;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

/// More than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a URL answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Content(Bytes),
    Failure(ReadError),
    /// It never answers.
    Nothing,
}

/// Files behind URLs.
#[derive(Default)]
pub(crate) struct FakeHost {
    answers: Mutex<HashMap<String, Answer>>,
    reads: Mutex<HashMap<String, Reads>>,
    changed: watch::Sender<()>,
}

/// How often a URL was asked for, and how often the answer was that nothing changed.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reads {
    pub(crate) total: usize,
    pub(crate) not_modified: usize,
}

pub(crate) fn url(path: &str) -> String {
    format!("https://host/s/{path}")
}

impl FakeHost {
    pub(crate) fn set(&self, path: &str, content: impl AsRef<[u8]>) {
        self.answer(path, Answer::Content(Bytes::copy_from_slice(content.as_ref())));
    }

    pub(crate) fn set_entities(&self, path: &str, entities: &[Value]) {
        self.set(path, documents(entities));
    }

    pub(crate) fn fail(&self, path: &str, message: &str) {
        self.answer(path, Answer::Failure(ReadError::Failed(message.to_owned())));
    }

    pub(crate) fn answer(&self, path: &str, answer: Answer) {
        self.answers.lock().insert(url(path), answer);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.answers.lock().remove(&url(path));
    }

    pub(crate) fn reads(&self, path: &str) -> Reads {
        self.reads.lock().get(&url(path)).copied().unwrap_or_default()
    }

    /// Ends when reading `path` has come so far.
    pub(crate) async fn wait_for(&self, path: &str, enough: impl Fn(Reads) -> bool) {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            while !enough(self.reads(path)) {
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the file is read");
    }

    async fn find(&self, url: &str, etag: Option<&str>) -> Result<(Bytes, String), ReadError> {
        let answer = self.answers.lock().get(url).cloned();
        let result = match &answer {
            Some(Answer::Content(data)) => {
                let current = format!("\"{}\"", blake3::hash(data).to_hex());
                if etag == Some(&current) { Err(ReadError::NotModified) } else { Ok((data.clone(), current)) }
            }
            Some(Answer::Failure(error)) => Err(error.clone()),
            Some(Answer::Nothing) => {
                self.count(url, false);
                std::future::pending().await
            }
            None => Err(ReadError::NotFound(format!("{url} was not found"))),
        };
        self.count(url, matches!(result, Err(ReadError::NotModified)));
        result
    }

    fn count(&self, url: &str, not_modified: bool) {
        let mut reads = self.reads.lock();
        let reads = reads.entry(url.to_owned()).or_default();
        reads.total += 1;
        reads.not_modified += usize::from(not_modified);
        self.changed.send_replace(());
    }
}

#[async_trait]
impl UrlReader for FakeHost {
    async fn read(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        let (data, etag) = self.find(url, options.etag.as_deref()).await?;
        Ok(ReadResponse { data, etag: Some(etag) })
    }

    async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        match self.find(url, options.etag.as_deref()).await {
            Ok((data, etag)) => {
                Ok(SearchResponse { files: vec![SearchFile { url: url.to_owned(), data }], etag: Some(etag) })
            }
            Err(ReadError::NotFound(_)) => Ok(SearchResponse { files: Vec::new(), etag: None }),
            Err(error) => Err(error),
        }
    }

    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        if !base.starts_with("https://host/") {
            return Err(ReadError::Failed(format!("{base} is not a URL")));
        }
        if target.contains("://") {
            return Ok(target.to_owned());
        }
        let mut parts: Vec<&str> = base.split('/').collect();
        parts.pop();
        for part in target.split('/') {
            match part {
                "." => {}
                ".." => {
                    parts.pop();
                }
                other => parts.push(other),
            }
        }
        Ok(parts.join("/"))
    }
}

/// A clock that the test moves. It begins at midnight.
pub(crate) struct FakeClock(Mutex<Timestamp>);

impl Default for FakeClock {
    fn default() -> Self {
        Self(Mutex::new("2030-01-01T00:00:00Z".parse().unwrap()))
    }
}

impl FakeClock {
    pub(crate) fn advance(&self, time: Duration) {
        *self.0.lock() += time;
    }

    /// What it shows.
    pub(crate) fn now_is(&self) -> Timestamp {
        *self.0.lock()
    }

    /// What it will show when so much time has passed.
    pub(crate) fn after(&self, time: Duration) -> Timestamp {
        self.now_is() + time
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.now_is()
    }
}

/// A catalog at work.
pub(crate) struct World {
    pub(crate) host: Arc<FakeHost>,
    pub(crate) store: SqliteStore,
    pub(crate) settings: EngineSettings,
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<dyn Clock>,
    engine: Option<RunningEngine>,
}

impl World {
    /// A world that is not started yet, which processes everything often.
    pub(crate) async fn new() -> Self {
        let host = Arc::new(FakeHost::default());
        let mut settings = EngineSettings {
            processing_interval: Some(every(Duration::from_millis(200))),
            orphan_strategy: OrphanStrategy::Keep,
            rules: vec![Rule::allow_kinds([
                "Component",
                "API",
                "Resource",
                "System",
                "Domain",
                "Group",
                "User",
                "Location",
            ])],
            ..EngineSettings::default()
        };
        settings.processing.poll_interval = Duration::from_millis(50);
        settings.stitching.poll_interval = Duration::from_millis(50);
        let registry = Registry { url_reader: Some(Arc::<FakeHost>::clone(&host)), ..Registry::default() };
        let store = SqliteStore::open_in_memory().await.unwrap();
        Self { host, store, settings, registry, clock: Arc::new(SystemClock), engine: None }
    }

    /// The same, with URLs as locations of the configuration.
    pub(crate) async fn with_locations(paths: &[&str]) -> Self {
        let mut world = Self::new().await;
        world.settings.locations = paths.iter().map(|path| config_location("url", &url(path))).collect();
        world
    }

    pub(crate) async fn start(mut self) -> Self {
        let store: Arc<dyn Store> = Arc::new(self.store.clone());
        let engine = EngineBuilder::new(store)
            .settings(self.settings.clone())
            .registry(self.registry.clone())
            .clock(Arc::clone(&self.clock))
            .build()
            .unwrap();
        self.engine = Some(engine.start().await.unwrap());
        self
    }

    pub(crate) async fn stop(mut self) -> Self {
        if let Some(engine) = self.engine.take() {
            tokio::time::timeout(PATIENCE, engine.shutdown()).await.expect("it stops");
        }
        self
    }

    /// Ends without a word.
    pub(crate) fn crash(mut self) -> Self {
        drop(self.engine.take());
        self
    }

    /// Another node on the same database.
    pub(crate) async fn another(&self) -> Self {
        let other = Self {
            host: Arc::clone(&self.host),
            store: self.store.clone(),
            settings: self.settings.clone(),
            registry: self.registry.clone(),
            clock: Arc::clone(&self.clock),
            engine: None,
        };
        other.start().await
    }

    /// Ends when the database has no more events for a subscriber.
    pub(crate) async fn until_no_events_wait(&self, subscriber: &str) {
        use callboard_store::EventQueue as _;
        let ticket = callboard_store::EventTicket::random();
        let waiting = async {
            // As if whoever has them were long gone.
            while !self
                .store
                .take_events(subscriber, ticket, 1, Timestamp::MAX, Timestamp::MAX)
                .await
                .unwrap()
                .is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("no event is left");
    }

    pub(crate) async fn restart(self) -> Self {
        self.stop().await.start().await
    }

    pub(crate) fn catalog(&self) -> Catalog {
        self.engine.as_ref().expect("it is started").catalog()
    }

    /// The final entity, if there is one.
    pub(crate) fn entity(&self, entity_ref: &str) -> Option<Value> {
        let hit = self.catalog().index().read().by_ref(entity_ref)?;
        Some(serde_json::from_slice(&hit.body).unwrap())
    }

    /// Ends when the index shows what is wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let catalog = self.catalog();
        let waiting = async {
            loop {
                let version = catalog.index().version();
                if wanted(self) {
                    return;
                }
                catalog.wait_for(ChangeSequence(version + 1), PATIENCE).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }

    /// Ends when these entities are there.
    pub(crate) async fn until_there(&self, refs: &[&str]) {
        self.until(&format!("{refs:?} are there"), |world| {
            refs.iter().all(|entity_ref| world.entity(entity_ref).is_some())
        })
        .await;
    }

    /// Ends when an entity has a status, and returns its errors as `name: message`.
    pub(crate) async fn until_failed(&self, entity_ref: &str) -> Vec<String> {
        self.until(&format!("{entity_ref} has errors"), |world| !world.errors(entity_ref).is_empty()).await;
        self.errors(entity_ref)
    }

    /// Ends when an entity is there and has no errors.
    pub(crate) async fn until_fine(&self, entity_ref: &str) {
        self.until(&format!("{entity_ref} is fine"), |world| {
            world.entity(entity_ref).is_some() && world.errors(entity_ref).is_empty()
        })
        .await;
    }

    pub(crate) fn errors(&self, entity_ref: &str) -> Vec<String> {
        let entity = self.entity(entity_ref).unwrap_or_default();
        let items = entity["status"]["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The errors of an entity that was never seen, once it has any.
    pub(crate) async fn until_unprocessed(&self, entity_ref: &str) -> Vec<String> {
        let mut events = self.catalog().events();
        let waiting = async {
            loop {
                let states = self.catalog().unprocessed().await.unwrap();
                let state = states.into_iter().find(|state| state.entity_ref.as_str() == entity_ref);
                if let Some(errors) = state.and_then(|state| state.errors) {
                    let errors: Vec<Value> = serde_json::from_slice(&errors).unwrap();
                    return errors
                        .iter()
                        .map(|error| {
                            let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
                            format!("{}: {}", text("name"), text("message"))
                        })
                        .collect();
                }
                // Told of every round in which something fails.
                let _ = events.recv().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it fails")
    }

    /// When an entity is due, by its database.
    pub(crate) async fn next_due(&self, wanted: &str) -> Timestamp {
        use callboard_store::Inspection as _;
        self.store.entity_state(&entity_ref(wanted)).await.unwrap().unwrap().next_due
    }

    /// Whether every promise of the store holds.
    pub(crate) async fn check(&self) {
        use callboard_store::Inspection as _;
        let violations = self.store.violations().await.unwrap();
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

pub(crate) fn every(interval: Duration) -> ProcessingInterval {
    ProcessingInterval { min: interval, max: interval }
}

pub(crate) fn config_location(location_type: &str, target: &str) -> ConfigLocation {
    ConfigLocation { location_type: location_type.to_owned(), target: target.to_owned(), allow: Vec::new() }
}

pub(crate) fn entity_ref(text: &str) -> EntityRef {
    EntityRef::parse_canonical(text).unwrap()
}

/// The ref of the Location entity of a URL of the fake host.
pub(crate) fn generated(path: &str) -> String {
    format!("location:default/{}", callboard_model::generated_location_name("url", &url(path)))
}

/// Objects as the documents of one YAML file (JSON is YAML).
pub(crate) fn documents(entities: &[Value]) -> String {
    entities.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n")
}

pub(crate) fn component(name: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name },
        "spec": { "type": "service", "lifecycle": "production", "owner": "team-a" },
    })
}

/// A component with something added at a JSON pointer's place.
pub(crate) fn component_with(name: &str, part: &str, key: &str, value: impl Into<Value>) -> Value {
    let mut entity = component(name);
    entity[part][key] = value.into();
    entity
}

pub(crate) fn titled(name: &str, title: &str) -> Value {
    component_with(name, "metadata", "title", title)
}

pub(crate) fn location(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": { "name": name },
        "spec": spec,
    })
}

/// Without what is random.
pub(crate) fn stable(mut entity: Value) -> Value {
    entity["metadata"]["uid"] = json!("(uid)");
    entity["metadata"]["etag"] = json!("(etag)");
    entity
}
