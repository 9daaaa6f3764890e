//! A catalog behind the router, and answers in a form that tests can show.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use callboard_api::{Api, ApiOptions};
use callboard_engine::{
    Catalog, ConfigLocation, EngineBuilder, EngineSettings, ProcessingInterval, Rule, RunningEngine,
};
use callboard_sdk::{
    ReadError, ReadOptions, ReadResponse, Registry, SearchFile, SearchResponse, Task, UrlReader,
};
use callboard_store::ChangeSequence;
use callboard_store_sqlite::SqliteStore;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::{Service, ServiceExt};

/// More than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A handful of entities with relations between them.
const THEATRE: &str = r"
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: { name: stagehands, title: Stage Hands }
spec: { type: team, children: [] }
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: { name: ada }
spec: { memberOf: [stagehands] }
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: Lights, title: The Lights, tags: [java, stage] }
spec: { type: service, lifecycle: production, owner: stagehands }
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: curtain, namespace: props, tags: [go] }
spec: { type: library, lifecycle: experimental, owner: group:default/stagehands }
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: { name: cues }
spec: { type: openapi, lifecycle: production, owner: stagehands, definition: none }
";

pub(crate) const THEATRE_URL: &str = "https://host/theatre.yaml";

/// Files behind URLs.
struct Files(HashMap<String, String>);

#[async_trait]
impl UrlReader for Files {
    async fn read(&self, url: &str, _: &ReadOptions) -> Result<ReadResponse, ReadError> {
        let text = self.0.get(url).ok_or_else(|| ReadError::NotFound(format!("{url} was not found")))?;
        Ok(ReadResponse { data: Bytes::from(text.clone()), etag: None })
    }

    async fn search(&self, url: &str, _: &ReadOptions) -> Result<SearchResponse, ReadError> {
        let file = |text: &String| SearchFile { url: url.to_owned(), data: Bytes::from(text.clone()) };
        Ok(SearchResponse { files: self.0.get(url).map(file).into_iter().collect(), etag: None })
    }

    async fn find_files(&self, url: &str, file_name: &str) -> Result<Option<SearchResponse>, ReadError> {
        if url.contains("unreadable") {
            return Err(ReadError::Failed("the host is asleep".to_owned()));
        }
        if !url.starts_with("https://repositories/") {
            return Ok(None);
        }
        let suffix = format!("/{file_name}");
        let files = self.0.iter().filter(|(found, _)| found.starts_with(url) && found.ends_with(&suffix));
        let file = |(url, text): (&String, &String)| SearchFile {
            url: url.clone(),
            data: Bytes::from(text.clone()),
        };
        Ok(Some(SearchResponse { files: files.map(file).collect(), etag: None }))
    }

    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
        Ok(if target.contains("://") {
            target.to_owned()
        } else {
            format!("{folder}/{}", target.trim_start_matches("./"))
        })
    }
}

/// What a test can say before the server starts.
pub(crate) struct ServerBuilder {
    settings: EngineSettings,
    options: ApiOptions,
    registry: Registry,
    files: HashMap<String, String>,
}

impl ServerBuilder {
    /// Nothing in the catalog.
    pub(crate) fn empty() -> Self {
        let second = Duration::from_secs(1);
        let mut settings = EngineSettings {
            processing_interval: Some(ProcessingInterval { min: second, max: second }),
            rules: vec![Rule::allow_kinds(["Component", "API", "Group", "User", "Location"])],
            ..EngineSettings::default()
        };
        settings.processing.poll_interval = Duration::from_millis(20);
        settings.stitching.poll_interval = Duration::from_millis(20);
        settings.task_poll_interval = Duration::from_millis(20);
        Self {
            settings,
            options: ApiOptions::default(),
            registry: Registry::default(),
            files: HashMap::new(),
        }
    }

    pub(crate) fn settings(mut self, change: impl FnOnce(&mut EngineSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub(crate) fn options(mut self, change: impl FnOnce(&mut ApiOptions)) -> Self {
        change(&mut self.options);
        self
    }

    pub(crate) fn task(self, task: Task) -> Self {
        self.registry(|registry| registry.add_task(task))
    }

    pub(crate) fn registry(mut self, change: impl FnOnce(&mut Registry)) -> Self {
        change(&mut self.registry);
        self
    }

    pub(crate) fn file(mut self, url: &str, text: &str) -> Self {
        self.files.insert(url.to_owned(), text.to_owned());
        self
    }

    /// With a file that the catalog reads at its start.
    pub(crate) fn location(mut self, url: &str, text: &str) -> Self {
        let location =
            ConfigLocation { location_type: "url".to_owned(), target: url.to_owned(), allow: Vec::new() };
        self.settings.locations.push(location);
        self.file(url, text)
    }

    pub(crate) async fn start(self) -> Server {
        let store = Arc::new(SqliteStore::open_in_memory().await.unwrap());
        let registry = Registry { url_reader: Some(Arc::new(Files(self.files))), ..self.registry };
        let engine = EngineBuilder::new(store).settings(self.settings).registry(registry).build().unwrap();
        let engine = engine.start().await.unwrap();
        let api = Api::new(engine.catalog(), self.options);
        Server { api, engine }
    }

    /// A server whose engine has not started and never will.
    pub(crate) async fn without_start(self) -> Api {
        let store = Arc::new(SqliteStore::open_in_memory().await.unwrap());
        let engine = EngineBuilder::new(store).settings(self.settings).build().unwrap();
        Api::new(engine.catalog(), self.options)
    }
}

/// A server at work.
pub(crate) struct Server {
    api: Api,
    engine: RunningEngine,
}

impl Server {
    /// With the theatre in it, relations included.
    pub(crate) async fn theatre() -> Self {
        Self::theatre_of(ServerBuilder::empty()).await
    }

    /// The same, and more that a test says.
    pub(crate) async fn theatre_of(builder: ServerBuilder) -> Self {
        let server = builder.location(THEATRE_URL, THEATRE).start().await;
        server
            .until("everything is stitched", |catalog| {
                let index = catalog.index().read();
                let relations = |entity_ref: &str| {
                    index.by_ref(entity_ref).map_or(0, |hit| {
                        let entity: Value = serde_json::from_slice(&hit.body).unwrap();
                        entity["relations"].as_array().unwrap().len()
                    })
                };
                index.len() == 6
                    && relations("group:default/stagehands") == 4
                    && [
                        "user:default/ada",
                        "component:default/lights",
                        "component:props/curtain",
                        "api:default/cues",
                    ]
                    .into_iter()
                    .all(|entity_ref| relations(entity_ref) == 1)
            })
            .await;
        server
    }

    pub(crate) fn catalog(&self) -> Catalog {
        self.engine.catalog()
    }

    /// Ends when the catalog has come so far.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Catalog) -> bool) {
        let catalog = self.catalog();
        let waiting = async {
            loop {
                let version = catalog.index().version();
                if wanted(&catalog) {
                    return;
                }
                catalog.wait_for(ChangeSequence(version + 1), PATIENCE).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("in vain: {what}"));
    }

    /// A GET below the mount.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, None).await
    }

    /// A POST of JSON below the mount.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path, Some(body)).await
    }

    /// Any request with or without JSON, below the mount.
    pub(crate) async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/catalog{path}"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// A request just as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.api, request).await
    }

    /// The names that a listing answers, in its order.
    pub(crate) async fn names(&self, path: &str) -> Vec<String> {
        self.get(path).await.names()
    }

    pub(crate) fn uid(&self, entity_ref: &str) -> String {
        let hit = self.catalog().index().read().by_ref(entity_ref).unwrap();
        let entity: Value = serde_json::from_slice(&hit.body).unwrap();
        entity["metadata"]["uid"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn send<S>(service: &S, request: Request<Body>) -> Answer
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone,
{
    let response = service.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// A response, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: impl axum::http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The names of the entities in a list or in `items`; `-` where there is none.
    pub(crate) fn names(&self) -> Vec<String> {
        let body = self.json();
        let items =
            body.as_array().or_else(|| body["items"].as_array()).unwrap_or_else(|| panic!("no list: {body}"));
        items.iter().map(|entity| entity["metadata"]["name"].as_str().unwrap_or("-").to_owned()).collect()
    }

    /// Status and, of an error, name and message.
    pub(crate) fn brief(&self) -> String {
        let mut brief = self.status.as_u16().to_string();
        if !self.body.is_empty() && !self.status.is_success() {
            let body = self.json();
            let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
            write!(brief, " {}: {}", text("name"), text("message")).unwrap();
        }
        brief
    }

    /// Everything that clients depend on, with random parts replaced.
    pub(crate) fn snapshot(&self) -> String {
        let content_type = self.header(header::CONTENT_TYPE).unwrap_or("no content type");
        let mut text = format!("{} {content_type}\n", self.status.as_u16());
        if let Some(link) = self.header(header::LINK) {
            writeln!(text, "link: {link}").unwrap();
        }
        if self.header(header::ETAG).is_some() {
            text.push_str("with an entity tag\n");
        }
        if !self.body.is_empty() {
            let mut body = self.json();
            redact(&mut body);
            write!(text, "{body:#}").unwrap();
        }
        text
    }
}

fn redact(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => {
            for (name, member) in members {
                let is_random = matches!(
                    name.as_str(),
                    "uid" | "etag" | "id" | "ingestion_id" | "entity_id" | "nextCursor" | "prevCursor"
                ) || name.ends_with("_at")
                    || name == "unprocessed_hash";
                if is_random && member.is_string() {
                    *member = json!(format!("[{name}]"));
                } else {
                    redact(member);
                }
            }
        }
        _ => {}
    }
}
