//! What an operator can choose. Plain values: reading them from a configuration file is another crate's work.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use callboard_sdk::{RemovalGuards, TaskSchedule};
use rand::RngExt as _;

use crate::rules::Rule;

/// How the engine works, see the fields. Construct with `EngineSettings { .., ..EngineSettings::default() }`.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, as in the configuration")]
pub struct EngineSettings {
    /// What this node does, of several on one database.
    pub role: NodeRole,
    /// How often every entity is processed again. `None`: no processing, no stitching, no sweep of orphans and
    /// no eviction of providers; the API still works.
    pub processing_interval: Option<ProcessingInterval>,
    /// What becomes of entities that nothing claims any more.
    pub orphan_strategy: OrphanStrategy,
    /// What becomes of the entities of a provider that is no longer there.
    pub orphan_provider_strategy: OrphanStrategy,
    /// The time between two sweeps of orphans, 30 s by default.
    pub orphan_sweep_interval: Duration,
    /// How final entities are put together.
    pub stitching: StitchSettings,
    /// How work is taken up and how much of it at a time.
    pub processing: ProcessingSettings,
    /// Which entities may come from where. By default Component, API and Location from anywhere.
    pub rules: Vec<Rule>,
    /// The location types that may be registered, and that a Location may name beside its own. `url` by default.
    pub allowed_location_types: Vec<String>,
    /// Whether changing registered locations is refused.
    pub readonly: bool,
    /// The locations of the configuration.
    pub locations: Vec<ConfigLocation>,
    /// Options of processors, by their registered name.
    pub processor_options: HashMap<String, ProcessorOptions>,
    /// When providers refresh that have a schedule, by their name; for the others, what they say themselves.
    pub provider_schedules: HashMap<String, TaskSchedule>,
    /// When removals of providers are refused, those apart that have guards of their own.
    pub removal_guards: RemovalGuards,
    /// When removals of these providers are refused, by their name.
    pub provider_guards: HashMap<String, RemovalGuards>,
    /// Which events of source code hosts the catalog acts on.
    pub scm_events: ScmEventSettings,
    /// For how long events wait for their subscribers.
    pub events: EventSettings,
    /// The longest time between two looks at what tasks there are to run, 5 s by default.
    pub task_poll_interval: Duration,
    /// Names of providers that are left out; their entities are evicted like those of a provider that is gone.
    pub disabled_providers: Vec<String>,
    /// Leaves out the file reader, the URL reader and the location annotator.
    pub disable_default_processors: bool,
    /// What registering a location does if it is registered already and the request does not say.
    pub location_conflict_strategy: ConflictStrategy,
    /// What relative `file` targets of the configuration are relative to; where the program was started, by default.
    pub working_directory: PathBuf,
    /// Whether Template is a known kind, as it is where the scaffolder's entity model is installed. Off by
    /// default, as in the plain catalog.
    pub template_kind: bool,
    /// Whether entities of `file` locations may refer to files of their location's folder and below with relative
    /// placeholders. Off by default, as in the plain catalog: there only entities that have a URL can.
    pub file_placeholders: bool,
    /// Whether every failed run is logged in every round, and not only when its errors are news.
    pub log_every_failure: bool,
    /// Whether `<<` merges mappings in descriptor files.
    pub yaml_merge_keys: bool,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            role: NodeRole::default(),
            processing_interval: Some(ProcessingInterval::default()),
            orphan_strategy: OrphanStrategy::Delete,
            orphan_provider_strategy: OrphanStrategy::Delete,
            orphan_sweep_interval: Duration::from_secs(30),
            stitching: StitchSettings::default(),
            processing: ProcessingSettings::default(),
            rules: vec![Rule::allow_kinds(["Component", "API", "Location"])],
            allowed_location_types: vec!["url".to_owned()],
            readonly: false,
            locations: Vec::new(),
            processor_options: HashMap::new(),
            provider_schedules: HashMap::new(),
            removal_guards: RemovalGuards::default(),
            provider_guards: HashMap::new(),
            scm_events: ScmEventSettings::default(),
            events: EventSettings::default(),
            task_poll_interval: Duration::from_secs(5),
            disabled_providers: Vec::new(),
            disable_default_processors: false,
            location_conflict_strategy: ConflictStrategy::Reject,
            working_directory: std::env::current_dir().unwrap_or_default(),
            template_kind: false,
            file_placeholders: false,
            log_every_failure: false,
            yaml_merge_keys: false,
        }
    }
}

/// Which events of source code hosts the catalog acts on. None by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScmEventSettings {
    /// Files that changed are read again.
    pub refresh: bool,
    /// Locations of files that are gone are unregistered.
    pub unregister: bool,
    /// Locations of files that moved move along.
    pub move_locations: bool,
}

impl ScmEventSettings {
    /// Whether there are any.
    pub fn are_on(self) -> bool {
        self.refresh || self.unregister || self.move_locations
    }
}

/// What a node does, of several on one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NodeRole {
    /// Everything.
    #[default]
    All,
    /// It answers requests, and takes up no work: no providers, processing, stitching or tasks.
    Read,
    /// It works, and holds no index: requests are for other nodes.
    Ingest,
}

impl NodeRole {
    /// Whether it answers requests.
    pub fn serves(self) -> bool {
        self != Self::Ingest
    }

    /// Whether it takes up work.
    pub fn works(self) -> bool {
        self != Self::Read
    }
}

/// For how long events wait for their subscribers, and how often is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSettings {
    /// How old an event may become. 1 d by default.
    pub max_age: Duration,
    /// How many events there may be; of more the oldest go. 100,000 by default.
    pub max_events: u64,
    /// The longest time between two looks for events that other nodes have published, 5 s by default.
    pub poll_interval: Duration,
    /// How often events are removed that nobody needs, 30 s by default.
    pub tend_interval: Duration,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            max_age: Duration::from_hours(24),
            max_events: 100_000,
            poll_interval: Duration::from_secs(5),
            tend_interval: Duration::from_secs(30),
        }
    }
}

/// The range that the time between two runs of an entity is drawn from, once a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessingInterval {
    /// The shortest time.
    pub min: Duration,
    /// The longest time; not less than `min`.
    pub max: Duration,
}

impl ProcessingInterval {
    /// Once in `interval` to one and a half times `interval`.
    pub fn every(interval: Duration) -> Self {
        let min = interval.max(Duration::from_secs(1));
        Self { min, max: min.mul_f64(1.5) }
    }

    pub(crate) fn draw(&self) -> Duration {
        if self.max <= self.min { self.min } else { rand::rng().random_range(self.min..=self.max) }
    }
}

/// Once in 100 to 150 s.
impl Default for ProcessingInterval {
    fn default() -> Self {
        Self::every(Duration::from_secs(100))
    }
}

/// What becomes of what nobody claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrphanStrategy {
    /// It stays.
    Keep,
    /// It is deleted.
    #[default]
    Delete,
}

/// What registering a location does if it is registered already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConflictStrategy {
    /// It is refused.
    #[default]
    Reject,
    /// It is read again, and the location that is there is the answer.
    Refresh,
}

/// How final entities are put together.
#[derive(Debug, Clone, Copy)]
pub struct StitchSettings {
    /// The longest time between two looks for work when nothing gives notice of it, 1 s by default.
    pub poll_interval: Duration,
    /// After this time, what was taken up and not finished is taken up again, 60 s by default.
    pub lease: Duration,
    /// The most entities of one batch, 512 by default.
    pub batch_size: usize,
}

impl Default for StitchSettings {
    fn default() -> Self {
        Self { poll_interval: Duration::from_secs(1), lease: Duration::from_mins(1), batch_size: 512 }
    }
}

/// How entities are processed, and how many at a time.
#[derive(Debug, Clone, Copy)]
pub struct ProcessingSettings {
    /// The longest time between two looks for work when nothing gives notice of it, 1 s by default.
    pub poll_interval: Duration,
    /// After this time, an urgent entity that was taken up and not finished is taken up again; 10 min by
    /// default.
    pub lease: Duration,
    /// The most entities of one batch, 512 by default.
    pub batch_size: usize,
    /// The most entities that are taken up and not yet written, 2048 by default.
    pub max_in_flight: usize,
    /// How many tasks share the entities that need no I/O; the number of cores by default.
    pub workers: usize,
    /// How many reads of URLs may run at the same time for entities that are new, changed or asked for; 48 by
    /// default.
    pub urgent_reads: usize,
    /// How many reads of URLs may run at the same time for routine refreshes; 16 by default.
    pub routine_reads: usize,
    /// The most routine refreshes that may wait for I/O; what is beyond waits for its next turn. 1024 by default.
    pub max_waiting_routine: usize,
    /// The longest time that one hook of a processor, a policy or a placeholder resolver that is not built in
    /// may take; 60 s by default.
    pub hook_timeout: Duration,
    /// The longest time that reading one URL or expanding one file target may take; 60 s by default.
    pub read_timeout: Duration,
    /// How long the start waits for providers to connect; those that take longer go on in the background. 30 s
    /// by default.
    pub connect_timeout: Duration,
    /// The most entities that a dry run may come to, 10 000 by default.
    pub dry_run_entities: usize,
}

impl Default for ProcessingSettings {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(1),
            lease: Duration::from_mins(10),
            batch_size: 512,
            max_in_flight: 2048,
            workers: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            urgent_reads: 48,
            routine_reads: 16,
            max_waiting_routine: 1024,
            hook_timeout: Duration::from_mins(1),
            read_timeout: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(30),
            dry_run_entities: 10_000,
        }
    }
}

/// Options of one processor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessorOptions {
    /// Leaves it out.
    pub disabled: bool,
    /// Its place in the chain, instead of its own choice; lower is earlier.
    pub priority: Option<i32>,
}

/// One location of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigLocation {
    /// `url`, `file`, or what a processor of one's own reads.
    pub location_type: String,
    /// What to read; a `file` target may be relative to the working directory.
    pub target: String,
    /// Kinds that this very location may bring in besides those of the general rules.
    pub allow: Vec<String>,
}

impl ConfigLocation {
    /// The target, a `file` target as an absolute path.
    pub(crate) fn absolute_target(&self, working_directory: &std::path::Path) -> String {
        if self.location_type != "file" {
            return self.target.clone();
        }
        crate::file_path::normalize(&working_directory.join(&self.target))
    }
}
