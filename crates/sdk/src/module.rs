use std::sync::Arc;

use callboard_model::FieldFormatValidators;
use callboard_model::layers::ModelLayer;

use crate::{
    Action, EntityParser, EntityPolicy, EntityProvider, EventSubscriber, HostReader,
    IncrementalEntityProvider, IncrementalOptions, IncrementalRegistration, IngressValidator,
    LocationAnalyzer, ModuleConfig, PermissionRule, PlaceholderResolver, ProcessingErrorHandler, Processor,
    RegistrationOrigins, ScmEventSubscriber, ScmEventTranslator, ScmLocationAnalyzer, Task, UrlReader,
};

/// Where extensions are put on the way to the engine.
#[derive(Default, Clone)]
pub struct Registry {
    /// Providers, in order of registration.
    pub providers: Vec<Arc<dyn EntityProvider>>,
    /// Sources that are too large for memory.
    pub incremental: Vec<IncrementalRegistration>,
    /// Processors that come after the built-in ones of the same priority.
    pub processors: Vec<Arc<dyn Processor>>,
    /// Leaves out the built-in processors that read files and URLs, and the one that annotates locations.
    pub without_default_processors: bool,
    /// Policies that come after the built-in ones.
    pub policies: Vec<Arc<dyn EntityPolicy>>,
    /// Leaves out the built-in policies but that of the schema: also the formats of names and the like.
    pub without_default_policies: bool,
    /// The formats of names, labels and the like, in place of the built-in ones.
    pub field_formats: Option<FieldFormatValidators>,
    /// Placeholder resolvers by key, without `$`; they may stand in for built-in ones.
    pub placeholders: Vec<(String, Arc<dyn PlaceholderResolver>)>,
    /// What is done from time to time.
    pub tasks: Vec<Task>,
    /// Rules for permissions that come after the built-in ones.
    pub permission_rules: Vec<Arc<dyn PermissionRule>>,
    /// Takes the place of the YAML parser.
    pub parser: Option<Arc<dyn EntityParser>>,
    /// Readers for some hosts, asked before the configured ones.
    pub url_readers: Vec<Arc<dyn HostReader>>,
    /// Takes the place of the configured URL readers.
    pub url_reader: Option<Arc<dyn UrlReader>>,
    /// The location types that may be registered, in place of `url` alone.
    pub allowed_location_types: Option<Vec<String>>,
    /// What other programs can call.
    pub actions: Vec<Arc<dyn Action>>,
    /// Look for descriptor files in repositories, asked in order and before the URL readers.
    pub scm_location_analyzers: Vec<Arc<dyn ScmLocationAnalyzer>>,
    /// Takes the place of all that looks at locations before they are registered.
    pub location_analyzer: Option<Arc<dyn LocationAnalyzer>>,
    /// Told of every run that fails.
    pub error_handler: Option<Arc<dyn ProcessingErrorHandler>>,
    /// Who registered what. The methods keep it up to date.
    pub origins: RegistrationOrigins,
    /// Layers of the model; with any, they and the default one take the place of the built-in kinds.
    pub model_layers: Vec<ModelLayer>,
    /// Told of events.
    pub event_subscribers: Vec<Arc<dyn EventSubscriber>>,
    /// Look at requests that bring events over HTTP.
    pub ingress_validators: Vec<Arc<dyn IngressValidator>>,
    /// Understand the web hooks of source code hosts.
    pub scm_event_translators: Vec<Arc<dyn ScmEventTranslator>>,
    /// Told of what happens on source code hosts.
    pub scm_event_subscribers: Vec<Arc<dyn ScmEventSubscriber>>,
}

impl Registry {
    /// Adds a source of entities.
    pub fn add_provider(&mut self, provider: Arc<dyn EntityProvider>) {
        self.origins.note("providers", provider.name());
        self.providers.push(provider);
    }

    /// Adds a source that is too large for memory, and is read page by page.
    pub fn add_incremental_provider(
        &mut self,
        provider: impl IncrementalEntityProvider,
        options: IncrementalOptions,
    ) {
        self.origins.note("providers", provider.name());
        self.incremental.push(IncrementalRegistration::new(provider, options));
    }

    /// Adds a processor.
    pub fn add_processor(&mut self, processor: Arc<dyn Processor>) {
        self.origins.note("processors", processor.name());
        self.processors.push(processor);
    }

    /// Puts processors in place of those that read files and URLs and annotate locations, and of those that were
    /// added before. Placeholders and kinds stay.
    pub fn replace_processors(&mut self, processors: Vec<Arc<dyn Processor>>) {
        self.without_default_processors = true;
        self.processors.clear();
        self.origins.forget("processors");
        for processor in processors {
            self.add_processor(processor);
        }
    }

    /// Adds a policy.
    pub fn add_policy(&mut self, policy: Arc<dyn EntityPolicy>) {
        self.policies.push(policy);
    }

    /// Puts policies in place of the built-in ones but that of the schema, and of those that were added before.
    pub fn replace_policies(&mut self, policies: Vec<Arc<dyn EntityPolicy>>) {
        self.without_default_policies = true;
        self.policies = policies;
    }

    /// Sets the formats of names, labels and the like.
    pub fn set_field_formats(&mut self, formats: FieldFormatValidators) {
        self.field_formats = Some(formats);
    }

    /// Adds a placeholder; `key` is without its `$`.
    pub fn add_placeholder(&mut self, key: &str, resolver: Arc<dyn PlaceholderResolver>) {
        self.origins.note("placeholders", key);
        self.placeholders.push((key.to_owned(), resolver));
    }

    /// Adds something that is done from time to time.
    pub fn add_task(&mut self, task: Task) {
        self.origins.note("tasks", task.id());
        self.tasks.push(task);
    }

    /// Adds a layer to the model: kinds, relations, annotations.
    pub fn add_model_layer(&mut self, layer: ModelLayer) {
        self.model_layers.push(layer);
    }

    /// Has a subscriber told of events.
    pub fn add_event_subscriber(&mut self, subscriber: Arc<dyn EventSubscriber>) {
        self.origins.note("event subscribers", subscriber.id());
        self.event_subscribers.push(subscriber);
    }

    /// Has requests looked at that bring events over HTTP.
    pub fn add_ingress_validator(&mut self, validator: Arc<dyn IngressValidator>) {
        self.ingress_validators.push(validator);
    }

    /// Has the web hooks of a kind of source code host understood.
    pub fn add_scm_event_translator(&mut self, translator: Arc<dyn ScmEventTranslator>) {
        self.origins.note("SCM event translators", translator.id());
        self.scm_event_translators.push(translator);
    }

    /// Has a subscriber told of what happens on source code hosts.
    pub fn add_scm_event_subscriber(&mut self, subscriber: Arc<dyn ScmEventSubscriber>) {
        self.origins.note("SCM event subscribers", subscriber.id());
        self.scm_event_subscribers.push(subscriber);
    }

    /// Adds a rule for permissions.
    pub fn add_permission_rule(&mut self, rule: Arc<dyn PermissionRule>) {
        self.origins.note("permission rules", rule.name());
        self.permission_rules.push(rule);
    }

    /// Puts a parser in place of that for YAML.
    pub fn set_parser(&mut self, parser: Arc<dyn EntityParser>) {
        self.origins.note("parsers", "");
        self.parser = Some(parser);
    }

    /// Adds a reader for some hosts. Readers are asked in order of registration, and before the configured ones.
    pub fn add_url_reader(&mut self, reader: Arc<dyn HostReader>) {
        self.url_readers.push(reader);
    }

    /// Puts a reader in place of the configured ones.
    pub fn set_url_reader(&mut self, reader: Arc<dyn UrlReader>) {
        self.url_reader = Some(reader);
    }

    /// Sets the location types that may be registered.
    pub fn set_allowed_location_types(&mut self, types: Vec<String>) {
        self.allowed_location_types = Some(types);
    }

    /// Adds something that other programs can call.
    pub fn add_action(&mut self, action: Arc<dyn Action>) {
        self.origins.note("actions", &action.description().name);
        self.actions.push(action);
    }

    /// Adds a way to find descriptor files in repositories.
    pub fn add_scm_location_analyzer(&mut self, analyzer: Arc<dyn ScmLocationAnalyzer>) {
        self.scm_location_analyzers.push(analyzer);
    }

    /// Puts an analyzer in place of all that looks at locations before they are registered.
    pub fn set_location_analyzer(&mut self, analyzer: Arc<dyn LocationAnalyzer>) {
        self.origins.note("location analyzers", "");
        self.location_analyzer = Some(analyzer);
    }

    /// Sets who is told of runs that fail; the last one is.
    pub fn set_error_handler(&mut self, handler: Arc<dyn ProcessingErrorHandler>) {
        self.error_handler = Some(handler);
    }

    /// Lets a module register; what it does is noted under its name.
    ///
    /// # Errors
    ///
    /// What the module says.
    pub fn add_module(&mut self, module: &dyn Module, config: &ModuleConfig) -> Result<(), ModuleError> {
        let before = self.origins.begin(module.name());
        let registered = module.register(self, config);
        self.origins.end(before);
        registered
    }

    /// What is there twice and must not be, in words for whoever puts the program together. `built_in` are names
    /// that are taken, with what they are names of: `("providers", "ConfigLocationProvider")`.
    pub fn conflicts(&self, built_in: &[(&'static str, &str)]) -> Vec<String> {
        let names = self.providers.iter().map(|provider| ("providers", provider.name()));
        let incremental = self.incremental.iter().map(|large| ("providers", large.source.name()));
        let names = names.chain(incremental);
        let names = names.chain(self.processors.iter().map(|processor| ("processors", processor.name())));
        let names = names.chain(self.placeholders.iter().map(|(key, _)| ("placeholders", key.as_str())));
        let names = names.chain(self.tasks.iter().map(|task| ("tasks", task.id())));
        let rules = self.permission_rules.iter().map(|rule| ("permission rules", rule.name()));
        let subscribers = self.event_subscribers.iter();
        let names = names.chain(subscribers.map(|subscriber| ("event subscribers", subscriber.id())));
        let translators = self.scm_event_translators.iter();
        let names = names.chain(translators.map(|translator| ("SCM event translators", translator.id())));
        let scm = self.scm_event_subscribers.iter();
        let names = names.chain(scm.map(|subscriber| ("SCM event subscribers", subscriber.id())));
        let actions: Vec<String> = self.actions.iter().map(|action| action.description().name).collect();
        let names = names.chain(actions.iter().map(|name| ("actions", name.as_str())));
        self.origins.conflicts(names.chain(rules), built_in)
    }
}

/// Why a module cannot be used.
pub type ModuleError = Box<dyn std::error::Error + Send + Sync>;

/// A packaged set of extensions, which reads its own part of the configuration.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use callboard_sdk::{
///     EntityProvider, Module, ModuleConfig, ModuleError, Registry, TaskSchedule,
/// };
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct FrobsConfig {
///     url: String,
///     schedule: Option<TaskSchedule>,
/// }
///
/// struct FrobsProvider {
///     name: String,
///     url: String,
///     schedule: TaskSchedule,
/// }
///
/// impl EntityProvider for FrobsProvider {
///     fn name(&self) -> &str {
///         &self.name
///     }
///
///     fn schedule(&self) -> Option<TaskSchedule> {
///         Some(self.schedule.clone())
///     }
///     // async fn refresh(…) asks self.url
/// }
///
/// /// Reads `catalog.providers.frobs`: one provider for each id there.
/// struct Frobs;
///
/// impl Module for Frobs {
///     fn name(&self) -> &str {
///         "frobs"
///     }
///
///     fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
///         let half_an_hour = TaskSchedule::every(Duration::from_secs(1800), Duration::from_secs(600));
///         for (id, frobs) in config.instances::<FrobsConfig>("catalog.providers.frobs", "url")? {
///             registry.add_provider(Arc::new(FrobsProvider {
///                 name: format!("frobs-{id}"),
///                 url: frobs.url,
///                 schedule: frobs.schedule.unwrap_or(half_an_hour.clone()),
///             }));
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Module: Send + Sync {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// Puts its extensions into the registry.
    ///
    /// # Errors
    ///
    /// Its part of the configuration is wrong, or whatever else keeps it from working. The server does not start.
    fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError>;
}
