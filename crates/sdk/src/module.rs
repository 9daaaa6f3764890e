use std::sync::Arc;

use crate::{EntityParser, EntityPolicy, EntityProvider, PlaceholderResolver, Processor, Task, UrlReader};

/// Where extensions are put on the way to the engine.
#[derive(Default, Clone)]
pub struct Registry {
    /// Providers, in order of registration.
    pub providers: Vec<Arc<dyn EntityProvider>>,
    /// Processors that come after the built-in ones of the same priority.
    pub processors: Vec<Arc<dyn Processor>>,
    /// Policies that come after the built-in ones.
    pub policies: Vec<Arc<dyn EntityPolicy>>,
    /// Placeholder resolvers by key, without `$`; they may stand in for built-in ones.
    pub placeholders: Vec<(String, Arc<dyn PlaceholderResolver>)>,
    /// What is done from time to time.
    pub tasks: Vec<Task>,
    /// Takes the place of the YAML parser.
    pub parser: Option<Arc<dyn EntityParser>>,
    /// Takes the place of the configured URL readers.
    pub url_reader: Option<Arc<dyn UrlReader>>,
}

/// A packaged set of extensions.
pub trait Module: Send + Sync {
    /// Its name, for messages.
    fn name(&self) -> &str;

    /// Puts its extensions into the registry.
    fn register(&self, registry: &mut Registry);
}
