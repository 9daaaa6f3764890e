use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use callboard_api::{Actions, Api, ApiOptions, AuditLog, AuditSink, AuditSinks, LocationAnalyzers};
use callboard_config::Config;
use callboard_engine::{Clock, EngineBuilder, EngineSettings, NodeRole, PushProvider, SystemClock};
use callboard_model::FieldFormatValidators;
use callboard_model::layers::ModelLayer;
use callboard_sdk::{
    Action, EntityParser, EntityPolicy, EntityProvider, EventSubscriber, HostReader,
    IncrementalEntityProvider, IncrementalOptions, IngressValidator, LocationAnalyzer, Module,
    PermissionRule, PlaceholderResolver, ProcessingErrorHandler, Processor, Registry, ScmEventSubscriber,
    ScmEventTranslator, ScmLocationAnalyzer, Task, UrlReader,
};
use callboard_sources::scm_event_translators;
use callboard_store::Store;
use tokio::net::TcpListener;

use crate::audit_file::AuditFile;
use crate::metrics::Metrics;
use crate::model_layers::model_layers;
use crate::module_config::module_config;
use crate::push_providers::push_providers;
use crate::server::Server;
use crate::settings::CallboardSection;
use crate::webhooks::webhook_processors;
use crate::{authentication, database, events, http_settings, permissions, settings};

/// A catalog server in the making: configuration, and what you add to it.
pub struct Callboard {
    config: Config,
    registry: Registry,
    modules: Vec<Box<dyn Module>>,
    role: NodeRole,
    host: Option<IpAddr>,
    port: Option<u16>,
    working_directory: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    engine_settings: Vec<SettingsChange>,
}

type SettingsChange = Box<dyn FnOnce(&mut EngineSettings) + Send>;

impl Callboard {
    /// A server by this configuration, with the built-in providers and processors.
    pub fn builder(config: Config) -> Self {
        Self {
            config,
            registry: Registry::default(),
            modules: Vec::new(),
            role: NodeRole::default(),
            host: None,
            port: None,
            working_directory: None,
            clock: Arc::new(SystemClock),
            engine_settings: Vec::new(),
        }
    }

    /// Adds a source of entities.
    #[must_use]
    pub fn add_provider(mut self, provider: Arc<dyn EntityProvider>) -> Self {
        self.registry.add_provider(provider);
        self
    }

    /// Adds something that is done from time to time.
    #[must_use]
    pub fn add_task(mut self, task: Task) -> Self {
        self.registry.add_task(task);
        self
    }

    /// Adds a source that is too large for memory, and is read page by page.
    #[must_use]
    pub fn add_incremental_provider(
        mut self,
        provider: impl IncrementalEntityProvider,
        options: IncrementalOptions,
    ) -> Self {
        self.registry.add_incremental_provider(provider, options);
        self
    }

    /// Adds a processor, after the built-in ones of the same priority.
    #[must_use]
    pub fn add_processor(mut self, processor: Arc<dyn Processor>) -> Self {
        self.registry.add_processor(processor);
        self
    }

    /// Puts processors in place of those that read files and URLs and annotate locations, and of those that were
    /// added before.
    #[must_use]
    pub fn replace_processors(mut self, processors: Vec<Arc<dyn Processor>>) -> Self {
        self.registry.replace_processors(processors);
        self
    }

    /// Adds a policy, after the built-in ones.
    #[must_use]
    pub fn add_policy(mut self, policy: Arc<dyn EntityPolicy>) -> Self {
        self.registry.add_policy(policy);
        self
    }

    /// Puts policies in place of the built-in ones but that of the schema: also the formats of names have no effect
    /// then.
    #[must_use]
    pub fn replace_policies(mut self, policies: Vec<Arc<dyn EntityPolicy>>) -> Self {
        self.registry.replace_policies(policies);
        self
    }

    /// Sets the formats of names, labels and the like.
    #[must_use]
    pub fn field_formats(mut self, formats: FieldFormatValidators) -> Self {
        self.registry.set_field_formats(formats);
        self
    }

    /// Adds a placeholder; `key` is without its `$`.
    #[must_use]
    pub fn add_placeholder(mut self, key: &str, resolver: Arc<dyn PlaceholderResolver>) -> Self {
        self.registry.add_placeholder(key, resolver);
        self
    }

    /// Adds a layer to the model: kinds, relations, annotations.
    #[must_use]
    pub fn add_model_layer(mut self, layer: ModelLayer) -> Self {
        self.registry.add_model_layer(layer);
        self
    }

    /// Has a subscriber told of events.
    #[must_use]
    pub fn add_event_subscriber(mut self, subscriber: Arc<dyn EventSubscriber>) -> Self {
        self.registry.add_event_subscriber(subscriber);
        self
    }

    /// Has requests looked at that bring events over HTTP.
    #[must_use]
    pub fn add_ingress_validator(mut self, validator: Arc<dyn IngressValidator>) -> Self {
        self.registry.add_ingress_validator(validator);
        self
    }

    /// Has the web hooks of a kind of source code host understood.
    #[must_use]
    pub fn add_scm_event_translator(mut self, translator: Arc<dyn ScmEventTranslator>) -> Self {
        self.registry.add_scm_event_translator(translator);
        self
    }

    /// Has a subscriber told of what happens on source code hosts.
    #[must_use]
    pub fn add_scm_event_subscriber(mut self, subscriber: Arc<dyn ScmEventSubscriber>) -> Self {
        self.registry.add_scm_event_subscriber(subscriber);
        self
    }

    /// Adds a rule that decisions on permissions can make a condition of.
    #[must_use]
    pub fn add_permission_rule(mut self, rule: Arc<dyn PermissionRule>) -> Self {
        self.registry.add_permission_rule(rule);
        self
    }

    /// Replaces the YAML parser.
    #[must_use]
    pub fn parser(mut self, parser: Arc<dyn EntityParser>) -> Self {
        self.registry.set_parser(parser);
        self
    }

    /// Adds a reader for some hosts, asked before the configured ones.
    #[must_use]
    pub fn add_url_reader(mut self, reader: Arc<dyn HostReader>) -> Self {
        self.registry.add_url_reader(reader);
        self
    }

    /// Replaces the configured URL readers.
    #[must_use]
    pub fn url_reader(mut self, reader: Arc<dyn UrlReader>) -> Self {
        self.registry.set_url_reader(reader);
        self
    }

    /// Sets the location types that may be registered, instead of `url` alone.
    #[must_use]
    pub fn allowed_location_types(mut self, types: &[&str]) -> Self {
        self.registry.set_allowed_location_types(types.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Adds something that other programs can call.
    #[must_use]
    pub fn add_action(mut self, action: Arc<dyn Action>) -> Self {
        self.registry.add_action(action);
        self
    }

    /// Adds a way to find descriptor files in repositories, for those that are about to be registered.
    #[must_use]
    pub fn add_scm_location_analyzer(mut self, analyzer: Arc<dyn ScmLocationAnalyzer>) -> Self {
        self.registry.add_scm_location_analyzer(analyzer);
        self
    }

    /// Replaces all that looks at locations before they are registered.
    #[must_use]
    pub fn location_analyzer(mut self, analyzer: Arc<dyn LocationAnalyzer>) -> Self {
        self.registry.set_location_analyzer(analyzer);
        self
    }

    /// Sets who is told of every run of an entity that fails.
    #[must_use]
    pub fn error_handler(mut self, handler: Arc<dyn ProcessingErrorHandler>) -> Self {
        self.registry.set_error_handler(handler);
        self
    }

    /// Adds all that a module brings, by its part of the configuration.
    #[must_use]
    pub fn add_module(mut self, module: impl Module + 'static) -> Self {
        self.modules.push(Box::new(module));
        self
    }

    /// Sets what this node does, of several on one database: everything, unless told otherwise.
    #[must_use]
    pub fn role(mut self, role: NodeRole) -> Self {
        self.role = role;
        self
    }

    /// Listens on this port instead of the configured one; 0 for any that is free.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Listens on this address instead of the configured one.
    #[must_use]
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = Some(host);
        self
    }

    /// What relative paths of the configuration are relative to, instead of where the program was started.
    #[must_use]
    pub fn working_directory(mut self, directory: PathBuf) -> Self {
        self.working_directory = Some(directory);
        self
    }

    /// Where the catalog reads the time, for tests. Tokens of callers are still judged by the clock of the machine.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Changes how the engine works where the configuration has no key for it. Called once the configuration has had
    /// its say.
    #[must_use]
    pub fn engine_settings(mut self, change: impl FnOnce(&mut EngineSettings) + Send + 'static) -> Self {
        self.engine_settings.push(Box::new(change));
        self
    }

    /// Opens the database, puts the engine together and takes the port. Nothing is answered or processed yet.
    ///
    /// # Errors
    ///
    /// The configuration is wrong, a module cannot be used, two extensions have one name, the database cannot be opened, the address is taken, or it is not loopback
    /// while nobody could be told from a stranger.
    pub async fn build(mut self) -> Result<Server> {
        let working_directory = match self.working_directory.take() {
            Some(directory) => directory,
            None => std::env::current_dir().context("cannot tell the working directory")?,
        };
        self.register_modules()?;
        let mut settings = settings::engine_settings(&self.config, &working_directory)?;
        settings.role = self.role;
        settings.provider_schedules = settings::provider_schedules(&self.config, &self.registry.providers)?;
        for change in self.engine_settings.drain(..) {
            change(&mut settings);
        }
        self.registry.model_layers.extend(model_layers(&self.config)?);
        for processor in webhook_processors(&self.config)? {
            self.registry.add_processor(processor);
        }
        for translator in scm_event_translators() {
            self.registry.add_scm_event_translator(translator);
        }
        let push_providers = push_providers(&self.config, &settings.disabled_providers)?;
        for access in &push_providers.0 {
            self.registry.add_provider(Arc::<PushProvider>::clone(&access.provider));
        }
        let address = self.listen_address()?;
        let event_ingress = events::ingress(&self.config, &self.registry.ingress_validators)?;
        let own = CallboardSection::of(&self.config)?;
        let serving = http_settings::serving(&self.config, &own)?;
        let tls = http_settings::tls(&self.config)?;
        let metrics = if own.metrics.enabled { Metrics::collect() } else { None };
        let endpoint = metrics.as_ref().map(|metrics| http_settings::metrics(&self.config, &own, metrics));
        let endpoint = endpoint.transpose()?;
        if self.registry.url_reader.is_none() {
            self.registry.url_reader = Some(settings::url_reader(&self.config)?);
        }

        // Taken before anything is started, so that a second server on one port touches no database.
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let database = database::open(&self.config, &working_directory).await?;
        database.check_role(self.role)?;
        let options = self.api_options(address.ip(), database.store(), &working_directory)?;
        let audit_file = self.audit_file(&working_directory)?;
        let audit = audit_sinks(audit_file.as_ref());
        let options = ApiOptions { event_ingress, push_providers, audit, metrics: endpoint, ..options };
        let engine = EngineBuilder::new(database.store())
            .settings(settings)
            .registry(self.registry)
            .clock(self.clock)
            .build()?;
        let lifecycle = options.lifecycle.clone();
        let shutdown_delay = self.config.backend()?.lifecycle.server_shutdown_delay.get();
        let api = Api::new(engine.catalog(), options);
        Ok(Server {
            listener,
            address,
            tls,
            api,
            serving,
            metrics,
            engine,
            lifecycle,
            shutdown_delay,
            database,
            audit_file,
        })
    }

    fn register_modules(&mut self) -> Result<()> {
        let config = module_config(&self.config);
        for module in &self.modules {
            let registered = self.registry.add_module(&**module, &config);
            registered
                .map_err(|error| anyhow!(error))
                .with_context(|| format!("the module {}", module.name()))?;
        }
        Ok(())
    }

    fn api_options(
        &self,
        host: IpAddr,
        store: Arc<dyn Store>,
        working_directory: &Path,
    ) -> Result<ApiOptions> {
        let authentication = authentication::authentication(&self.config, host, store, working_directory)?;
        let cookies = authentication::cookies(&self.config)?;
        let own = CallboardSection::of(&self.config)?;
        let keys = &authentication.signing_keys;
        let rules = &self.registry.permission_rules;
        let permissions =
            permissions::permissions(&self.config, &own.permissions, keys, rules, working_directory)?;
        let location_analyzers = LocationAnalyzers {
            replacement: self.registry.location_analyzer.clone(),
            scm: self.registry.scm_location_analyzers.clone(),
        };
        let actions = Actions::new(&self.registry.actions)?;
        let mut options = ApiOptions {
            authentication,
            permissions,
            cookies,
            actions,
            location_analyzers,
            ..ApiOptions::default()
        };
        http_settings::apply(&self.config, &own, &mut options)?;
        options.integrations.extend(settings::integrations(&self.config)?);
        Ok(options)
    }

    fn audit_file(&self, working_directory: &Path) -> Result<Option<Arc<AuditFile>>> {
        let file = CallboardSection::of(&self.config)?.audit.file;
        file.map(|file| AuditFile::open(working_directory.join(file)).map(Arc::new)).transpose()
    }

    /// Loopback unless told otherwise.
    fn listen_address(&self) -> Result<SocketAddr> {
        let backend = self.config.backend()?;
        let configured = backend.listen.host.as_deref().map(resolve_host).transpose()?;
        let host = self.host.or(configured).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Ok(SocketAddr::new(host, self.port.unwrap_or(backend.listen.port)))
    }
}

/// The log, and the file if there is one.
fn audit_sinks(file: Option<&Arc<AuditFile>>) -> AuditSinks {
    let log: Arc<dyn AuditSink> = Arc::new(AuditLog);
    let file = file.map(|file| Arc::clone(file) as Arc<dyn AuditSink>);
    AuditSinks::new([log].into_iter().chain(file))
}

fn resolve_host(host: &str) -> Result<IpAddr> {
    if host == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    host.parse().with_context(|| format!("backend.listen.host: {host:?} is not an IP address"))
}
