use std::sync::Arc;
use std::time::Duration;

use callboard::config::Config;
use callboard::engine::{Catalog, TaskDescription, WorkerState};
use callboard::sdk::{SchedulerError, TaskScheduler as _};
use callboard::{Callboard, Server};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::log::CapturedLog;
use crate::own_runtime::OwnRuntime;
use crate::{FakeClock, FakeFiles, until};

/// More than anything takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the loops of the catalog look for work: waiting for their usual second would be most of a test.
const POLL: Duration = Duration::from_millis(20);

/// A whole catalog server inside of the test: its database is in memory, it listens on a free port of this machine,
/// its clock can be put ahead, and what it logs can be read.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use callboard::sdk::{
///     DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError, ReadOptions,
///     TaskSchedule, async_trait,
/// };
/// use callboard_testkit::{FakeFiles, TestCatalog};
/// use serde_json::{Value, json};
///
/// const URL: &str = "https://frobs.example.com/data";
///
/// struct Frobs;
///
/// #[async_trait]
/// impl EntityProvider for Frobs {
///     fn name(&self) -> &str {
///         "frobs"
///     }
///
///     fn schedule(&self) -> Option<TaskSchedule> {
///         Some(TaskSchedule::every(Duration::from_secs(3600), Duration::from_secs(60)))
///     }
///
///     async fn refresh(&self, connection: &dyn ProviderConnection) -> Result<(), ProviderError> {
///         let frobs: Vec<Value> = connection.url_reader().read(URL, &ReadOptions::default()).await?.json()?;
///         let frobs = frobs.into_iter().map(|frob| DeferredEntity::read_from(&format!("url:{URL}"), frob));
///         let frobs = frobs.collect::<Result<_, _>>()?;
///         Ok(connection.apply_mutation(EntityMutation::Full(frobs)).await?)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let files = FakeFiles::default();
/// files.set_json(URL, &json!([{
///     "apiVersion": "backstage.io/v1alpha1",
///     "kind": "Component",
///     "metadata": { "name": "frob" },
///     "spec": { "type": "frob", "lifecycle": "production", "owner": "frobbers" },
/// }]));
/// let catalog =
///     TestCatalog::builder().files(&files).extend(|it| it.add_provider(Arc::new(Frobs))).start().await;
/// let frob = catalog.until_entity("component:default/frob").await;
/// assert_eq!(frob["relations"][0]["targetRef"], "group:default/frobbers");
///
/// // An hour later the frob is gone.
/// files.set_json(URL, &json!([]));
/// catalog.clock().advance(Duration::from_secs(3600));
/// catalog.until_gone("component:default/frob").await;
///
/// // What goes wrong is in the log.
/// files.set(URL, "out of order");
/// assert!(catalog.refresh_provider("frobs").await.is_err());
/// assert!(catalog.log().contains("the task failed"));
/// catalog.stop().await;
/// # }
/// ```
pub struct TestCatalog {
    catalog: Catalog,
    origin: String,
    client: Client,
    clock: Arc<FakeClock>,
    log: CapturedLog,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), String>>,
    // The last two: what runs is gone before its folder is.
    _runtime: OwnRuntime,
    _folder: TempDir,
}

type Extension = Box<dyn FnOnce(Callboard) -> Callboard + Send>;

/// A [`TestCatalog`] that is not started yet.
#[derive(Default)]
pub struct TestCatalogBuilder {
    config: Option<Value>,
    extensions: Vec<Extension>,
}

impl TestCatalogBuilder {
    /// With this configuration, as in an `app-config.yaml`. Port and database are filled in. Without one, entities of
    /// all built-in kinds are allowed.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.config = Some(config);
        self
    }

    /// With extensions: what a program does in [`callboard::run`].
    #[must_use]
    pub fn extend(mut self, extend: impl FnOnce(Callboard) -> Callboard + Send + 'static) -> Self {
        self.extensions.push(Box::new(extend));
        self
    }

    /// With these files behind all URLs, instead of the readers of the configuration. To have those read, use an
    /// [`Upstream`](crate::Upstream) and `backend.reading.allow`.
    #[must_use]
    pub fn files(self, files: &FakeFiles) -> Self {
        let files = Arc::new(files.clone());
        self.extend(|callboard| callboard.url_reader(files))
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Panics
    ///
    /// It does not start, see [`refusal`](Self::refusal).
    pub async fn start(self) -> TestCatalog {
        self.try_start().await.unwrap_or_else(|refusal| panic!("the catalog does not start: {refusal}"))
    }

    /// Why it does not start: what is wrong in the configuration, or with an extension.
    ///
    /// # Panics
    ///
    /// It does start.
    pub async fn refusal(self) -> String {
        self.try_start().await.err().expect("a reason not to start")
    }

    async fn try_start(self) -> Result<TestCatalog, String> {
        // Only the first call installs; later ones find it done.
        _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder for the catalog");
        let clock = Arc::new(FakeClock::default());
        let log = CapturedLog::default();
        let runtime = OwnRuntime::new(&log);
        let callboard = self.callboard(&folder, &clock);
        let built =
            runtime.handle().spawn(async { callboard.build().await.map_err(|error| format!("{error:#}")) });
        let server: Server = built.await.expect("nothing panics while it is put together")?;
        let (origin, catalog) = (server.origin(), server.catalog());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = runtime.handle().spawn(async {
            let stopped = async {
                // A dropped sender means the same as a sent word.
                _ = stopped.await;
            };
            server.serve(stopped).await.map_err(|error| format!("{error:#}"))
        });
        let client = Client::builder().no_proxy().build().expect("an HTTP client");
        let started = TestCatalog {
            catalog,
            origin,
            client,
            clock,
            log,
            stop,
            served: serving,
            _runtime: runtime,
            _folder: folder,
        };
        let ready = until("the catalog to be ready", PATIENCE, async || {
            (started.catalog.is_ready() || started.served.is_finished())
                .then_some(!started.served.is_finished())
        });
        if ready.await { Ok(started) } else { Err(started.ended().await) }
    }

    fn callboard(self, folder: &TempDir, clock: &Arc<FakeClock>) -> Callboard {
        let all = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location"];
        let mut config = self.config.unwrap_or_else(|| json!({ "catalog": { "rules": [{ "allow": all }] } }));
        config["backend"]["database"] = json!({ "client": "better-sqlite3", "connection": ":memory:" });
        let callboard = Callboard::builder(Config::from_value(&config))
            .port(0)
            .working_directory(folder.path().to_owned())
            .clock(Arc::<FakeClock>::clone(clock))
            .engine_settings(|settings| {
                settings.processing.poll_interval = POLL;
                settings.stitching.poll_interval = POLL;
                settings.task_poll_interval = POLL;
                settings.orphan_sweep_interval = POLL;
            });
        self.extensions.into_iter().fold(callboard, |callboard, extend| extend(callboard))
    }
}

impl TestCatalog {
    /// A catalog in the making.
    pub fn builder() -> TestCatalogBuilder {
        TestCatalogBuilder::default()
    }

    /// The clock of the catalog. Putting it ahead brings on what is due by then.
    pub fn clock(&self) -> &FakeClock {
        &self.clock
    }

    /// The catalog behind the API.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The URL of anything that the server answers.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// A request to the catalog's API.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(&format!("/api/catalog{path}")))
    }

    /// The JSON that a GET of the catalog's API answers; the body of what is no good answer, as an error.
    ///
    /// # Errors
    ///
    /// The status is not one of success.
    ///
    /// # Panics
    ///
    /// The server does not answer, or not with JSON.
    pub async fn json(&self, path: &str) -> Result<Value, Value> {
        let answer = self.request(Method::GET, path).send().await.expect("an answer");
        let is_success = answer.status().is_success();
        let body = answer.json().await.expect("an answer in JSON");
        if is_success { Ok(body) } else { Err(body) }
    }

    /// An entity as clients see it, if there is one.
    pub fn entity(&self, entity_ref: &str) -> Option<Value> {
        let hit = self.catalog.index().read().by_ref(entity_ref)?;
        Some(serde_json::from_slice(&hit.body).expect("an entity in JSON"))
    }

    /// The refs of all entities that clients see, sorted.
    pub async fn refs(&self) -> Vec<String> {
        let entities =
            self.json("/entities?fields=kind,metadata.namespace,metadata.name").await.expect("entities");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
        let of = |entity: &Value| {
            let metadata = &entity["metadata"];
            format!("{}:{}/{}", text(&entity["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
        };
        let mut refs: Vec<String> = entities.as_array().into_iter().flatten().map(of).collect();
        refs.sort();
        refs
    }

    /// Why the last run of an entity failed; empty if it did not, or if there is no such entity.
    pub async fn errors(&self, entity_ref: &str) -> Vec<String> {
        if let Some(entity) = self.entity(entity_ref) {
            let items = entity["status"]["items"].as_array().cloned().unwrap_or_default();
            return items
                .iter()
                .map(|item| item["message"].as_str().unwrap_or_default().to_owned())
                .collect();
        }
        let waiting = self.catalog.unprocessed().await.expect("the database answers");
        let state = waiting.into_iter().find(|state| state.entity_ref.as_str() == entity_ref);
        let errors = state.and_then(|state| serde_json::from_slice::<Vec<Value>>(&state.errors?).ok());
        let text = |error: &Value, key: &str| error[key].as_str().unwrap_or_default().to_owned();
        let line = |error: &Value| format!("{}: {}", text(error, "name"), text(error, "message"));
        errors.iter().flatten().map(line).collect()
    }

    /// The entity, as soon as clients see it.
    pub async fn until_entity(&self, entity_ref: &str) -> Value {
        until(entity_ref, PATIENCE, async || self.entity(entity_ref)).await
    }

    /// The entity, as soon as it is as wanted.
    pub async fn until_entity_is(&self, entity_ref: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let what = format!("{entity_ref} to be as wanted");
        until(&what, PATIENCE, async || self.entity(entity_ref).filter(&wanted)).await
    }

    /// Ends when clients do not see the entity any more.
    pub async fn until_gone(&self, entity_ref: &str) {
        let what = format!("{entity_ref} to be gone");
        until(&what, PATIENCE, async || self.entity(entity_ref).is_none().then_some(())).await;
    }

    /// Why an entity failed, as soon as it has.
    pub async fn until_failed(&self, entity_ref: &str) -> Vec<String> {
        let what = format!("{entity_ref} to fail");
        until(&what, PATIENCE, async || {
            let errors = self.errors(entity_ref).await;
            (!errors.is_empty()).then_some(errors)
        })
        .await
    }

    /// Has a provider with a schedule refresh, and waits until it has.
    ///
    /// # Errors
    ///
    /// Why it failed, or that there is no such provider.
    pub async fn refresh_provider(&self, name: &str) -> Result<(), String> {
        self.run_task(&format!("{name}:refresh")).await
    }

    /// Runs a task, and waits for its end.
    ///
    /// # Errors
    ///
    /// Why it failed, or that there is no such task.
    pub async fn run_task(&self, id: &str) -> Result<(), String> {
        // So that the end of this run can be told from that of the one before.
        self.clock.advance(Duration::from_millis(1));
        let asked = callboard::engine::Clock::now(&*self.clock);
        until("the task to begin", PATIENCE, async || match self.catalog.scheduler().trigger(id).await {
            Err(SchedulerError::Running(_)) => None,
            other => Some(other.map_err(|error| error.to_string())),
        })
        .await?;
        until("the task to end", PATIENCE, async || {
            let tasks = self.catalog.scheduler().tasks().await.expect("the database answers");
            ended_since(tasks.into_iter().find(|task| task.id == id)?, asked)
        })
        .await
    }

    /// What was logged so far, from `info` on.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// What was logged so far as warnings and errors, a line each.
    pub fn warnings(&self) -> Vec<String> {
        let log = self.log();
        let lines = log.lines().map(str::trim_start);
        lines
            .filter(|line| line.starts_with("WARN") || line.starts_with("ERROR"))
            .map(str::to_owned)
            .collect()
    }

    /// Ends when something is in the log, and returns its line.
    pub async fn until_logged(&self, text: &str) -> String {
        let what = format!("{text:?} in the log");
        until(&what, PATIENCE, async || {
            self.log().lines().find(|line| line.contains(text)).map(|line| line.trim().to_owned())
        })
        .await
    }

    /// Stops it as a server is stopped: what has begun is finished.
    ///
    /// # Panics
    ///
    /// It fails, or takes too long.
    pub async fn stop(self) {
        let Self { stop, served, _runtime, _folder, .. } = self;
        drop(stop);
        let served =
            tokio::time::timeout(PATIENCE, served).await.expect("the catalog stops when it is asked to");
        served.expect("nothing panics in the catalog").expect("the catalog stops well");
    }

    /// Why it ended by itself.
    async fn ended(self) -> String {
        match self.served.await {
            Ok(Err(refusal)) => refusal,
            other => format!("it ended by itself: {other:?}"),
        }
    }
}

/// How the latest run of a task ended, if that was at `asked` or later.
fn ended_since(task: TaskDescription, asked: jiff::Timestamp) -> Option<Result<(), String>> {
    let state = task.state?;
    let idle = !matches!(task.worker, WorkerState::Running) && state.run.is_none();
    (idle && state.last_ended? >= asked).then(|| state.last_error.map_or(Ok(()), Err))
}
