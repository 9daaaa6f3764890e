//! Ingestion, processing and stitching: the part of the catalog that does the work.
//!
//! ```text
//! providers ──▶ claims ──▶ queue ──▶ processors ──▶ outputs ──▶ stitching ──▶ change log ──▶ index
//! ```
//!
//! It takes what providers and Location entities say, processes it in steps that extensions take part in, puts
//! final entities together, and keeps an index of them current. It must not know how anything is stored (no SQL,
//! only the traits of `callboard-store`), how the outside world is reached (only the trait `UrlReader`), or how
//! it is served (no HTTP): it is the same engine in a server, in a command line tool and in a test.
//!
//! A newcomer starts with [`EngineBuilder`] and [`RunningEngine`] in `engine.rs`, then [`Catalog`], which is all
//! that others see of it, and then `processing/pipeline.rs`, the steps of one run. The loops around that are
//! `processing/work_loop.rs` and `stitching/stitch_loop.rs`; what is built in is in `processors/` and
//! `providers/`.
//!
//! What cannot go wrong half way: an outcome is written in one transaction with everything that follows from it;
//! an entity is never processed twice at the same time; a hook that fails, hangs or panics fails one entity.

mod catalog;
mod clock;
mod core;
mod database_state;
mod engine;
mod error_handling;
mod events;
mod file_path;
mod hexadecimal;
mod incremental;
mod index_follower;
mod measurements;
mod membership;
mod orphans;
mod outage;
mod parser;
mod processing;
mod processors;
mod providers;
mod rules;
mod scheduling;
mod scm_events;
mod settings;
mod stitching;

pub use catalog::{
    AncestryItem, Catalog, DryRun, Examination, ImportOutcome, ImportedLocation, LocationError, PushError,
    PushProgress, PushReport, examine_store, import_location, imported_claim, repair_store,
};
pub use clock::{Clock, SystemClock};
pub use database_state::DatabaseState;
pub use engine::{Engine, EngineBuilder, EngineError, RunningEngine};
pub use events::{CONFLICT_TOPIC, CatalogEvent, ERRORS_TOPIC, REMOVAL_REFUSED_TOPIC, SubscriberCounts};
pub use incremental::{IncrementalControl, IncrementalState};
pub use measurements::describe_metrics;
pub use parser::YamlParser;
pub use providers::push::PushProvider;
pub use rules::{AllowedKind, Rule, RuleError, RuleLocation, RuleTarget};
pub use scheduling::{Scheduler, TaskDescription, TaskState, WorkerState};
pub use settings::{
    ConfigLocation, ConflictStrategy, EngineSettings, EventSettings, NodeRole, OrphanStrategy,
    ProcessingInterval, ProcessingSettings, ProcessorOptions, ScmEventSettings, StitchSettings,
};
