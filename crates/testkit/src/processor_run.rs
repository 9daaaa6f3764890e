use std::collections::HashMap;

use callboard::engine::YamlParser;
use callboard::model::{
    Entity, EntityError, LocationPresence, LocationRef, LocationSpec, Relation, annotation,
};
use callboard::sdk::{Emission, Emit, EntityParser, ProcessContext, Processor, ProcessorCache, ReadContext};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::FakeFiles;

/// Where entities are from that do not say.
const SOMEWHERE: &str = "url:https://example.com/catalog-info.yaml";

/// Runs one processor by itself: no other processors, no policies, no rules, no catalog.
///
/// What it remembers in its cache is there in the next run for the same entity or location, unless the run failed.
///
/// ```
/// use callboard::model::{Entity, EntityError, LocationRef};
/// use callboard::sdk::{Hooks, ProcessContext, Processor, async_trait};
/// use callboard_testkit::ProcessorRun;
/// use serde_json::json;
///
/// /// Says of every component where its tickets are.
/// struct Tickets;
///
/// #[async_trait]
/// impl Processor for Tickets {
///     fn name(&self) -> &str {
///         "tickets"
///     }
///
///     fn hooks(&self) -> Hooks {
///         Hooks { post_process: true, ..Hooks::NONE }
///     }
///
///     async fn post_process(
///         &self,
///         entity: Entity,
///         _location: &LocationRef,
///         context: ProcessContext<'_>,
///     ) -> Result<Entity, EntityError> {
///         context.emit.relate(&entity, "trackedBy", &format!("resource:tickets-{}", entity.name()));
///         Ok(entity)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let outcome = ProcessorRun::new(&Tickets)
///     .process(json!({ "apiVersion": "v1", "kind": "Component", "metadata": { "name": "shop" } }))
///     .await;
/// assert_eq!(outcome.relations, ["component:default/shop trackedBy resource:default/tickets-shop"]);
/// assert!(outcome.errors.is_empty());
/// # });
/// ```
pub struct ProcessorRun<'a> {
    processor: &'a dyn Processor,
    parser: Box<dyn EntityParser>,
    files: FakeFiles,
    caches: HashMap<String, Map<String, Value>>,
}

/// What a run of a processor came to, as plain values that fit a snapshot. What there is none of is left out there.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessorOutcome {
    /// The entity as its hooks left it; none if a location was read, or a hook failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<Value>,
    /// Whether it took the location, or said that the entity is a good one of a kind it knows.
    pub taken: bool,
    /// Entities that it emitted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Value>,
    /// Relations, as `component:default/shop ownedBy group:default/guests`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<String>,
    /// Locations, as `url:https://example.com/catalog-info.yaml`; those that need not be there end with ` (optional)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<String>,
    /// Refresh keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refresh_keys: Vec<String>,
    /// Errors that were emitted, and last the one that ended the run, if one did. With any, the run failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// What it remembers for the next run.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub cache: Map<String, Value>,
}

impl<'a> ProcessorRun<'a> {
    /// Runs this one, with the parser of the plain catalog and no files.
    pub fn new(processor: &'a dyn Processor) -> Self {
        Self {
            processor,
            parser: Box::new(YamlParser::new(false)),
            files: FakeFiles::default(),
            caches: HashMap::new(),
        }
    }

    /// With these files to read.
    #[must_use]
    pub fn files(mut self, files: &FakeFiles) -> Self {
        self.files = files.clone();
        self
    }

    /// With another parser.
    #[must_use]
    pub fn parser(mut self, parser: impl EntityParser + 'static) -> Self {
        self.parser = Box::new(parser);
        self
    }

    /// Has it process an entity: `pre_process`, `validate_kind` and `post_process`, as far as it has them. Where the
    /// entity is from, its annotations say; `https://example.com/catalog-info.yaml` if they do not.
    ///
    /// # Panics
    ///
    /// What is given is no entity.
    pub async fn process(&mut self, entity: Value) -> ProcessorOutcome {
        let mut entity = Entity::from_value(entity).expect("an entity");
        entity.add_default_annotations(&[
            (annotation::MANAGED_BY_LOCATION, SOMEWHERE),
            (annotation::MANAGED_BY_ORIGIN_LOCATION, SOMEWHERE),
        ]);
        let key = entity.entity_ref().to_string();
        let cache = self.cache(&key);
        let emit = Emit::default();
        let result = self.hooks(entity, &emit, &cache).await;
        self.outcome(&key, result.map(|(entity, taken)| (Some(entity), taken)), &emit, cache)
    }

    /// Has it read a location.
    pub async fn read(&mut self, location_type: &str, target: &str) -> ProcessorOutcome {
        let location = LocationSpec {
            location_type: location_type.to_owned(),
            target: target.to_owned(),
            presence: LocationPresence::Required,
        };
        let key = format!("{location_type}:{target}");
        let cache = self.cache(&key);
        let emit = Emit::default();
        let result = if self.processor.hooks().read_location {
            let context =
                ReadContext { emit: &emit, parser: &*self.parser, reader: &self.files, cache: &cache };
            self.processor.read_location(&location, context).await
        } else {
            Ok(false)
        };
        self.outcome(&key, result.map(|taken| (None, taken)), &emit, cache)
    }

    async fn hooks(
        &self,
        mut entity: Entity,
        emit: &Emit,
        cache: &ProcessorCache,
    ) -> Result<(Value, bool), EntityError> {
        let (processor, hooks) = (self.processor, self.processor.hooks());
        let entity_ref = entity.entity_ref();
        let (location, origin): (LocationRef, LocationRef) = (entity.location()?, entity.origin_location()?);
        let context = ProcessContext { emit, reader: &self.files, cache };
        if hooks.pre_process {
            entity = processor.pre_process(entity, &location, &origin, context).await?;
        }
        let taken = hooks.validate_kind && processor.validate_kind(&entity).await?;
        if hooks.post_process {
            entity = processor.post_process(entity, &location, context).await?;
        }
        if entity.entity_ref() != entity_ref {
            return Err(EntityError::conflict(format!(
                "the processor made {} of {entity_ref}; kind, namespace and name have to stay",
                entity.entity_ref()
            )));
        }
        Ok((entity.into_value(), taken))
    }

    fn cache(&self, key: &str) -> ProcessorCache {
        ProcessorCache::new(self.caches.get(key).cloned().unwrap_or_default())
    }

    fn outcome(
        &mut self,
        key: &str,
        result: Result<(Option<Value>, bool), EntityError>,
        emit: &Emit,
        cache: ProcessorCache,
    ) -> ProcessorOutcome {
        let mut outcome = ProcessorOutcome::default();
        emit.take().into_iter().for_each(|emission| outcome.add(emission));
        match result {
            Ok((entity, taken)) => {
                outcome.entity = entity;
                outcome.taken = taken;
            }
            Err(error) => outcome.errors.push(error.to_string()),
        }
        if outcome.errors.is_empty() {
            self.caches.insert(key.to_owned(), cache.into_state());
        }
        outcome.cache = self.caches.get(key).cloned().unwrap_or_default();
        outcome
    }
}

impl ProcessorOutcome {
    fn add(&mut self, emission: Emission) {
        match emission {
            Emission::Entity { entity, .. } => self.entities.push(entity),
            Emission::Location(location) => self.locations.push(location_text(&location)),
            Emission::Relation(relation) => self.relations.push(relation_text(&relation)),
            Emission::Error(error) => self.errors.push(error.to_string()),
            Emission::RefreshKey(key) => self.refresh_keys.push(key),
        }
    }
}

fn location_text(location: &LocationSpec) -> String {
    let presence = match location.presence {
        LocationPresence::Required => "",
        LocationPresence::Optional => " (optional)",
    };
    format!("{}:{}{presence}", location.location_type, location.target)
}

fn relation_text(relation: &Relation) -> String {
    let Relation { source, relation_type, target } = relation;
    format!("{} {relation_type} {}", source.to_entity_ref(), target.to_entity_ref())
}
