//! Which processors there are, and in which order.

use std::sync::Arc;
use std::time::Duration;

use callboard_model::KindRegistry;
use callboard_model::kinds::scaffolder;
use callboard_model::layers::{self, CompiledModel, LayerError};
use callboard_sdk::{EntityParser, Hooks, Processor, Registry, UrlReader};

use super::memory::Memory;
use crate::processors::annotate_location::{self, AnnotateLocationProcessor};
use crate::processors::file_reader::{self, FileReaderProcessor};
use crate::processors::kinds::{self, KindsProcessor};
use crate::processors::model::ModelProcessor;
use crate::processors::placeholder::{self, PlaceholderProcessor};
use crate::processors::url_reader::{self, UrlReaderProcessor};
use crate::settings::EngineSettings;

/// A processor at its place.
pub(crate) struct Link {
    pub(crate) processor: Arc<dyn Processor>,
    pub(crate) hooks: Hooks,
    /// How long one of its hooks may take. Built-in ones bound each of their own calls instead: waiting for
    /// their turn to read is not their fault.
    pub(crate) timeout: Option<Duration>,
    /// What it came to lately, if that depends on what it is given alone.
    pub(crate) memory: Option<Memory>,
    /// Whether what it does with an entity depends on that entity alone, as long as it is no Location and has no
    /// placeholders.
    pub(crate) needs_entity_alone: bool,
}

/// The processors in the order in which they run.
pub(crate) fn build(
    settings: &EngineSettings,
    registry: &Registry,
    reader: &Arc<dyn UrlReader>,
    parser: &Arc<dyn EntityParser>,
) -> Result<Vec<Link>, Vec<LayerError>> {
    let own_timeout = Some(settings.processing.hook_timeout);
    let mut links: Vec<(i32, Link)> = built_in(settings, registry, reader, parser)?
        .into_iter()
        .map(|processor| (processor, None))
        .chain(registry.processors.iter().map(|processor| (Arc::clone(processor), own_timeout)))
        .filter_map(|(processor, timeout)| {
            let options = settings.processor_options.get(processor.name()).copied().unwrap_or_default();
            let priority = options.priority.unwrap_or_else(|| processor.priority());
            let is_pure = processor.is_pure();
            let memory = is_pure.then(Memory::default);
            let needs_entity_alone = is_pure || timeout.is_none();
            let link = Link { hooks: processor.hooks(), processor, timeout, memory, needs_entity_alone };
            (!options.disabled).then_some((priority, link))
        })
        .collect();
    // Stable: those of equal priority keep their order.
    links.sort_by_key(|(priority, _)| *priority);
    Ok(links.into_iter().map(|(_, link)| link).collect())
}

/// The names of the processors that are built in.
pub(crate) fn built_in_names(settings: &EngineSettings, registry: &Registry) -> Vec<&'static str> {
    let mut names = vec![placeholder::NAME];
    if !settings.disable_default_processors && !registry.without_default_processors {
        names.extend([file_reader::NAME, url_reader::NAME, annotate_location::NAME]);
    }
    names
}

/// The kinds and relations that are installed; none where an extension takes their place, or they are switched off.
pub(crate) fn installed_model(
    settings: &EngineSettings,
    registry: &Registry,
) -> Result<Option<CompiledModel>, Vec<LayerError>> {
    let is_replaced = registry.processors.iter().any(|processor| processor.name() == kinds::NAME);
    let is_disabled = settings.processor_options.get(kinds::NAME).is_some_and(|options| options.disabled);
    if is_replaced || is_disabled { Ok(None) } else { compiled_model(settings, registry).map(Some) }
}

fn built_in(
    settings: &EngineSettings,
    registry: &Registry,
    reader: &Arc<dyn UrlReader>,
    parser: &Arc<dyn EntityParser>,
) -> Result<Vec<Arc<dyn Processor>>, Vec<LayerError>> {
    let processing = &settings.processing;
    let mut processors: Vec<Arc<dyn Processor>> = vec![Arc::new(PlaceholderProcessor::new(
        Arc::clone(reader),
        registry.placeholders.iter().cloned(),
        processing.hook_timeout,
        settings.file_placeholders,
    ))];
    if !registry.processors.iter().any(|processor| processor.name() == kinds::NAME) {
        processors.push(kinds_processor(settings, registry)?);
    }
    if !settings.disable_default_processors && !registry.without_default_processors {
        processors.push(Arc::new(FileReaderProcessor::new(Arc::clone(parser), processing.read_timeout)));
        processors.push(Arc::new(UrlReaderProcessor::new(Arc::clone(reader), Arc::clone(parser))));
        processors.push(Arc::new(AnnotateLocationProcessor::new(Arc::clone(reader))));
    }
    Ok(processors)
}

/// What knows the kinds: their tables, or the layers of the model if there are any.
fn kinds_processor(
    settings: &EngineSettings,
    registry: &Registry,
) -> Result<Arc<dyn Processor>, Vec<LayerError>> {
    if registry.model_layers.is_empty() {
        let kinds = KindRegistry::catalog();
        let kinds = if settings.template_kind { kinds.with(&scaffolder::TEMPLATE) } else { kinds };
        return Ok(Arc::new(KindsProcessor::new(kinds)));
    }
    Ok(Arc::new(ModelProcessor::new(compiled_model(settings, registry)?)))
}

/// The layers of the model, the built-in ones among them, put together.
fn compiled_model(settings: &EngineSettings, registry: &Registry) -> Result<CompiledModel, Vec<LayerError>> {
    let mut layers = registry.model_layers.clone();
    let built_in = [Some(layers::default_layer()), settings.template_kind.then(layers::scaffolder)];
    for layer in built_in.into_iter().flatten() {
        // One of the user's that has its id takes its place.
        if !layers.iter().any(|own| own.id == layer.id) {
            layers.push(layer);
        }
    }
    CompiledModel::compile(&layers)
}
