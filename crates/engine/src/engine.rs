//! Putting an engine together, starting and stopping it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callboard_index::{Index, IndexWriter, share};
use callboard_model::FieldFormatValidators;
use callboard_model::layers::LayerError;
use callboard_sdk::{
    EntityParser, EntityProvider, IncrementalRegistration, ProcessingErrorHandler, Registry, SchedulerError,
    TaskScheduler as _, UrlReader,
};
use callboard_store::{ChangeSequence, ProviderName, Store, StoreError};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalog::Catalog;
use crate::clock::{Clock, SystemClock};
use crate::core::{Core, Refills, Signals};
use crate::database_state::DatabaseWatch;
use crate::error_handling;
use crate::events::Events;
use crate::incremental::{self, Listener};
use crate::index_follower::{FollowError, IndexFollower};
use crate::measurements::Measurements;
use crate::membership;
use crate::orphans;
use crate::parser::YamlParser;
use crate::processing::arrivals::Arrivals;
use crate::processing::backlog::Backlog;
use crate::processing::chain;
use crate::processing::pipeline::Pipeline;
use crate::processing::reads::{GatedReader, NoReader, OwnReaders};
use crate::processing::settled_runs::SettledRuns;
use crate::processing::work_loop::WorkLoop;
use crate::providers::startup;
use crate::rules::{RuleError, Rules};
use crate::scheduling::{Scheduler, look_after};
use crate::scm_events::{ScmEventBus, Translation};
use crate::settings::{EngineSettings, OrphanStrategy};
use crate::stitching::hand_off::HandOff;
use crate::stitching::stitch_loop::StitchLoop;

/// How long the start waits for the index to show what the providers said.
const INDEX_PATIENCE: Duration = Duration::from_mins(1);
/// How long a stop waits for what is in flight before it gives up on reads that hang.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Why an engine cannot be put together or started.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The catalog rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// Several extensions have one name; the author of the program has to rename some.
    #[error("{}", .0.join("\n"))]
    Conflicts(Vec<String>),
    /// A task cannot be scheduled.
    #[error(transparent)]
    Task(#[from] SchedulerError),
    /// The layers of the model do not fit together.
    #[error("the model cannot be put together:\n{}", lines(.0))]
    ModelLayers(Vec<LayerError>),
    /// The database failed.
    #[error("the database failed at the start")]
    Store(#[from] StoreError),
    /// The index could not be filled from the database.
    #[error("the index could not be filled: {0}")]
    Index(String),
}

fn lines(errors: &[LayerError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Collects what an engine is made of.
pub struct EngineBuilder {
    store: Arc<dyn Store>,
    settings: EngineSettings,
    registry: Registry,
    clock: Arc<dyn Clock>,
    formats: FieldFormatValidators,
}

impl EngineBuilder {
    /// An engine on this store, with default settings and nothing but what is built in.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            settings: EngineSettings::default(),
            registry: Registry::default(),
            clock: Arc::new(SystemClock),
            formats: FieldFormatValidators::default(),
        }
    }

    /// How it works.
    #[must_use]
    pub fn settings(mut self, settings: EngineSettings) -> Self {
        self.settings = settings;
        self
    }

    /// What extends it.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Where it reads the time.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The formats of names, labels and the like.
    #[must_use]
    pub fn field_formats(mut self, formats: FieldFormatValidators) -> Self {
        self.formats = formats;
        self
    }

    /// Puts the engine together. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// [`EngineError::Rules`], [`EngineError::Conflicts`], [`EngineError::Task`], [`EngineError::ModelLayers`].
    pub fn build(self) -> Result<Engine, EngineError> {
        let Self { store, settings, registry, clock, formats } = self;
        let conflicts = registry.conflicts(&built_in_names(&settings, &registry));
        if !conflicts.is_empty() {
            return Err(EngineError::Conflicts(conflicts));
        }
        let formats = registry.field_formats.clone().unwrap_or(formats);
        let pipeline = pipeline(&settings, &registry, formats)?;
        let model = chain::installed_model(&settings, &registry).map_err(EngineError::ModelLayers)?;
        let (writer, index) = share(Index::new());
        let database = Arc::<DatabaseWatch>::default();
        let scheduler = Scheduler::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&database),
            settings.task_poll_interval,
        );
        for task in registry.tasks {
            scheduler.schedule(task)?;
        }
        let is_enabled = |large: &&IncrementalRegistration| {
            !settings.disabled_providers.iter().any(|name| name == large.source.name())
        };
        let listeners: Vec<Arc<Listener>> =
            registry.incremental.iter().filter(is_enabled).filter_map(Listener::of).collect();
        let mut subscribers = registry.event_subscribers;
        subscribers.extend(listeners.iter().map(|listener| Arc::<Listener>::clone(listener) as _));
        let scm_events = Arc::new(ScmEventBus::new(registry.scm_event_subscribers.clone()));
        // Nobody has to be asked if nobody does anything about it, and whoever does asks the index.
        let is_wanted = settings.scm_events.are_on() || !registry.scm_event_subscribers.is_empty();
        if is_wanted && settings.role.serves() {
            for translator in registry.scm_event_translators {
                subscribers.push(Arc::new(Translation::new(translator, Arc::clone(&scm_events))));
            }
        }
        let core = Core {
            store,
            settings,
            clock,
            pipeline,
            model,
            index,
            hand_off: HandOff::default(),
            settled: SettledRuns::default(),
            backlog: Backlog::default(),
            arrivals: Arrivals::default(),
            indexed: watch::Sender::new(ChangeSequence::default()),
            signals: Signals::default(),
            refills: Refills::default(),
            scheduler,
            events: Events::new(&subscribers),
            scm_events,
            incremental: registry
                .incremental
                .iter()
                .map(|large| ProviderName::new(large.source.name()))
                .collect(),
            measurements: Measurements::default(),
            ready: AtomicBool::new(false),
            database,
        };
        let core = Arc::new(core);
        core.scm_events.attach(&core);
        for listener in &listeners {
            listener.attach(&core);
        }
        let error_handler = registry.error_handler;
        Ok(Engine {
            core,
            providers: registry.providers,
            incremental: registry.incremental,
            error_handler,
            writer,
        })
    }
}

/// Names that extensions may not have.
fn built_in_names(settings: &EngineSettings, registry: &Registry) -> Vec<(&'static str, &'static str)> {
    let providers = startup::BUILT_IN.iter().map(|name| ("providers", *name));
    let processors = chain::built_in_names(settings, registry).into_iter().map(|name| ("processors", name));
    providers.chain(processors).collect()
}

fn pipeline(
    settings: &EngineSettings,
    registry: &Registry,
    formats: FieldFormatValidators,
) -> Result<Pipeline, EngineError> {
    let reader = registry.url_reader.clone().unwrap_or_else(|| Arc::new(NoReader));
    let reader: Arc<dyn UrlReader> =
        Arc::new(OwnReaders { own: registry.url_readers.clone(), others: reader });
    let reader: Arc<dyn UrlReader> = Arc::new(GatedReader::new(reader, &settings.processing));
    let parser: Arc<dyn EntityParser> =
        registry.parser.clone().unwrap_or_else(|| Arc::new(YamlParser::new(settings.yaml_merge_keys)));
    Ok(Pipeline {
        chain: chain::build(settings, registry, &reader, &parser).map_err(EngineError::ModelLayers)?,
        policies: registry.policies.clone(),
        without_default_policies: registry.without_default_policies,
        policy_timeout: settings.processing.hook_timeout,
        formats,
        rules: Rules::new(&settings.rules, &settings.locations, &settings.working_directory)?,
        parser,
        reader,
        allowed_location_types: registry
            .allowed_location_types
            .clone()
            .unwrap_or_else(|| settings.allowed_location_types.clone()),
    })
}

/// An engine that does not run yet.
pub struct Engine {
    core: Arc<Core>,
    providers: Vec<Arc<dyn EntityProvider>>,
    incremental: Vec<IncrementalRegistration>,
    error_handler: Option<Arc<dyn ProcessingErrorHandler>>,
    writer: IndexWriter,
}

impl Engine {
    /// The face of the engine. It can be asked before the start; there is nothing to see then.
    pub fn catalog(&self) -> Catalog {
        Catalog::new(Arc::clone(&self.core))
    }

    /// Fills the index, connects the providers and starts all that goes on in the background.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`], [`EngineError::Index`]; nothing runs then.
    pub async fn start(self) -> Result<RunningEngine, EngineError> {
        let Self { core, providers, incremental, error_handler, writer } = self;
        core.store.heartbeat(core.clock.now()).await?;
        core.store.reclaim_leases(core.clock.now()).await?;
        let mut follower = IndexFollower::new(Arc::clone(&core), writer);
        if core.settings.role.serves() {
            follower.fill().await.map_err(|error| match error {
                FollowError::Store(error) => EngineError::Store(error),
                other => EngineError::Index(other.to_string()),
            })?;
        }

        let running = RunningEngine {
            core,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            aborting: CancellationToken::new(),
        };
        let (core, stopping) = (&running.core, &running.stopping);
        if core.settings.role.serves() {
            running.tasks.spawn(follower.run(stopping.clone()));
        }
        running.tasks.spawn(membership::beat(Arc::clone(core), stopping.clone()));
        running.tasks.spawn(membership::listen(Arc::clone(core), stopping.clone()));
        if let Some(handler) = error_handler {
            let (core, stopping) = (&running.core, running.stopping.clone());
            let limit = core.settings.processing.hook_timeout;
            running.tasks.spawn(error_handling::handle(handler, core.events.listen(), limit, stopping));
        }
        if let Err(error) = running.begin(&providers, incremental).await {
            running.shutdown().await;
            return Err(error);
        }
        Ok(running)
    }
}

/// An engine at work. Every task it has ends with [`RunningEngine::shutdown`].
pub struct RunningEngine {
    core: Arc<Core>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    aborting: CancellationToken,
}

impl RunningEngine {
    /// The face of the engine.
    pub fn catalog(&self) -> Catalog {
        Catalog::new(Arc::clone(&self.core))
    }

    /// Ends all work: takes up no more, writes what is in flight, and returns when no task is left. Reads that
    /// hang are given up after 10 s; their entities are processed after the next start.
    pub async fn shutdown(self) {
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some reads do not end; they are given up");
            self.aborting.cancel();
            self.tasks.wait().await;
        }
    }

    async fn begin(
        &self,
        others: &[Arc<dyn EntityProvider>],
        incremental: Vec<IncrementalRegistration>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        core.events.bus.subscribe(core).await?;
        core.events.bus.start(core, &self.tasks, &self.stopping, &self.aborting);
        if core.settings.role.works() {
            self.begin_work(others, incremental).await?;
        }
        if core.settings.role.serves() {
            core.wait_for(core.store.head().await?, INDEX_PATIENCE).await;
        }
        core.ready.store(true, Ordering::Release);
        Ok(())
    }

    async fn begin_work(
        &self,
        others: &[Arc<dyn EntityProvider>],
        incremental: Vec<IncrementalRegistration>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let providers = startup::enabled(core, others);
        startup::connect(core, &providers, &self.tasks, &self.stopping, &self.aborting).await;
        incremental::schedule(core, incremental);
        let scheduler = core.scheduler.clone();
        self.tasks.spawn(look_after(scheduler, self.tasks.clone(), self.stopping.clone()));
        if let Some(interval) = core.settings.processing_interval {
            if core.settings.orphan_provider_strategy == OrphanStrategy::Delete {
                startup::evict(core, &providers).await?;
            }
            WorkLoop::spawn(core, interval, &self.tasks, &self.stopping, &self.aborting);
            StitchLoop::spawn(core, &self.tasks, &self.stopping);
            if core.settings.orphan_strategy == OrphanStrategy::Delete {
                self.tasks.spawn(orphans::sweep(Arc::clone(core), self.stopping.clone()));
            }
        }
        Ok(())
    }
}

/// An engine that is forgotten rather than shut down stops, too, only less politely.
impl Drop for RunningEngine {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.aborting.cancel();
    }
}
