//! What an extension author sees: the traits to implement, and the types that pass through them.
//!
//! | you have | you implement | start at |
//! | --- | --- | --- |
//! | a source of entities (a database, an API, a directory) | [`EntityProvider`] | `provider.rs` |
//! | a source that is too large for memory | [`IncrementalEntityProvider`] | `incremental.rs` |
//! | something to add to entities, to check, or to read from a location | [`Processor`] | `processor.rs` |
//! | a rule that all entities must keep | [`EntityPolicy`] | `policy.rs` |
//! | another descriptor format | [`EntityParser`] | `parser.rs` |
//! | another `$placeholder` | [`PlaceholderResolver`] | `placeholder.rs` |
//! | something to do from time to time | nothing: it is a [`Task`] | `task.rs` |
//! | a host with its own way to be read | [`HostReader`] | `url_reader.rs` |
//! | something for other programs to call | [`Action`] | `action.rs` |
//! | a way to find descriptor files in repositories | [`ScmLocationAnalyzer`] | `location_analyzer.rs` |
//! | several of these that belong together | [`Module`] | `module.rs` |
//! | an interest in what happens | [`EventSubscriber`] | `event.rs` |
//! | senders of events over HTTP that sign in their own way | [`IngressValidator`] | `event.rs` |
//! | a source code host with web hooks of its own | [`ScmEventTranslator`] | `scm_event.rs` |
//! | an interest in what happens on source code hosts | [`ScmEventSubscriber`] | `scm_event.rs` |
//! | a rule for who may do what on which entities | [`PermissionRule`] | `permission_rule.rs` |
//!
//! This crate knows the model and nothing else of the server: no database, no HTTP, no engine. Everything
//! here is small enough to be implemented in a test.

mod action;
mod emit;
mod error_handler;
mod event;
mod incremental;
mod location_analyzer;
mod module;
mod module_config;
mod parser;
mod permission_rule;
mod placeholder;
mod policy;
mod processor;
mod processor_cache;
mod provider;
mod registration_origins;
mod removal_guards;
mod schedule;
mod scm_event;
mod task;
mod url_reader;

pub use async_trait::async_trait;
pub use callboard_model as model;

pub use action::{
    Action, ActionAttributes, ActionCall, ActionCaller, ActionDescription, ActionError, ActionExample,
};
pub use emit::{ChildKey, Emission, Emit};
pub use error_handler::{ProcessingErrorHandler, ProcessingFailure};
pub use event::{
    Event, EventBus, EventSubscriber, IngressRejection, IngressRequest, IngressValidator, SubscriberError,
};
pub use incremental::{
    Burst, CancelIngestion, IncrementalChange, IncrementalEntityProvider, IncrementalOptions,
    IncrementalRegistration, IncrementalSource, Page, PageSink, WrittenPage,
};
pub use location_analyzer::{
    AnalysisError, AnalysisRequest, ExistingEntity, ExistingLocation, FieldState, FoundEntity,
    GeneratedEntity, GeneratedField, LocationAnalysis, LocationAnalyzer, ScmLocationAnalyzer,
};
pub use module::{Module, ModuleError, Registry};
pub use module_config::{ConfigSource, ConfigStep, ModuleConfig, ModuleConfigError};
pub use parser::EntityParser;
pub use permission_rule::{ParameterIssue, PermissionRule, RuleParameterError};
pub use placeholder::{PlaceholderContext, PlaceholderResolver};
pub use policy::EntityPolicy;
pub use processor::{DEFAULT_PRIORITY, Hooks, ProcessContext, Processor, ReadContext};
pub use processor_cache::ProcessorCache;
pub use provider::{
    ConnectionError, DeferredEntity, EntityMutation, EntityProvider, ProviderConnection, ProviderError,
};
pub use registration_origins::RegistrationOrigins;
pub use removal_guards::{RemovalGuards, RemovalRefused};
pub use schedule::{CronError, CronExpression, Frequency, TaskSchedule, TaskScope};
pub use scm_event::{ScmEvent, ScmEventSubscriber, ScmEventTranslator, ScmEvents};
pub use task::{SchedulerError, Task, TaskError, TaskScheduler};
pub use url_reader::{
    HostReader, ReadError, ReadOptions, ReadResponse, ScmFile, SearchFile, SearchResponse, UrlReader,
};
