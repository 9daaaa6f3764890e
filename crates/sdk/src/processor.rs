use async_trait::async_trait;
use callboard_model::{Entity, EntityError, LocationRef, LocationSpec};

use crate::{Emit, EntityParser, ProcessorCache, UrlReader};

/// The priority of a processor that does not care. Lower ones run earlier.
pub const DEFAULT_PRIORITY: i32 = 20;

/// Which hooks a processor has, so that the engine need not call the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of hooks, not a state")]
pub struct Hooks {
    /// [`Processor::pre_process`].
    pub pre_process: bool,
    /// [`Processor::validate_kind`].
    pub validate_kind: bool,
    /// [`Processor::read_location`].
    pub read_location: bool,
    /// [`Processor::post_process`].
    pub post_process: bool,
}

impl Hooks {
    /// Every hook is called; right for all, if not always the fastest.
    pub const ALL: Self =
        Self { pre_process: true, validate_kind: true, read_location: true, post_process: true };
    /// None is; take it as a base: `Hooks { read_location: true, ..Hooks::NONE }`.
    pub const NONE: Self =
        Self { pre_process: false, validate_kind: false, read_location: false, post_process: false };
}

/// What a processor is given to read a location with.
///
/// ```
/// use callboard_sdk::model::{EntityError, LocationSpec};
/// use callboard_sdk::{Hooks, Processor, ReadContext, ReadOptions, async_trait};
/// use serde_json::Value;
///
/// /// Reads locations of the type `system-x`.
/// struct SystemX;
///
/// #[async_trait]
/// impl Processor for SystemX {
///     fn name(&self) -> &str {
///         "system-x"
///     }
///
///     fn hooks(&self) -> Hooks {
///         Hooks { read_location: true, ..Hooks::NONE }
///     }
///
///     async fn read_location(
///         &self,
///         location: &LocationSpec,
///         context: ReadContext<'_>,
///     ) -> Result<bool, EntityError> {
///         if location.location_type != "system-x" {
///             return Ok(false);
///         }
///         let answer = context.reader.read(&location.target, &ReadOptions::default()).await?;
///         for entity in answer.json::<Vec<Value>>()? {
///             context.emit.entity_from(location, entity);
///         }
///         Ok(true)
///     }
/// }
/// ```
pub struct ReadContext<'a> {
    /// Takes what is read, and what goes wrong.
    pub emit: &'a Emit,
    /// Turns the bytes of a file into entities: the installed parser.
    pub parser: &'a dyn EntityParser,
    /// Reads URLs with the access that the configuration gives.
    pub reader: &'a dyn UrlReader,
    /// What this processor remembers of this very location.
    pub cache: &'a ProcessorCache,
}

/// What the hooks that see an entity are given beside it.
#[derive(Clone, Copy)]
pub struct ProcessContext<'a> {
    /// Takes relations, other entities, and what goes wrong.
    pub emit: &'a Emit,
    /// Reads URLs with the access that the configuration gives.
    pub reader: &'a dyn UrlReader,
    /// What this processor remembers of this very entity.
    pub cache: &'a ProcessorCache,
}

/// Takes part in the processing of entities.
///
/// For each entity, all processors' `pre_process` run in chain order; then policies; then all `validate_kind`;
/// then, for a Location, `read_location` of one after the other until one says that it took it; then all
/// `post_process`. One processor is called for many entities at the same time.
///
/// An error that a hook returns ends the run at once; one that it [emits](Emit::error) lets it go on. Either way
/// the entity keeps the output of its last good run. No hook may change kind, namespace or name.
///
/// ```
/// use callboard_sdk::model::{Entity, EntityError, LocationRef};
/// use callboard_sdk::{Hooks, ProcessContext, Processor, async_trait};
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
///     fn is_pure(&self) -> bool {
///         true
///     }
///
///     async fn post_process(
///         &self,
///         entity: Entity,
///         _location: &LocationRef,
///         context: ProcessContext<'_>,
///     ) -> Result<Entity, EntityError> {
///         if entity.kind() == "Component" {
///             context.emit.relate(&entity, "trackedBy", &format!("resource:tickets-{}", entity.name()));
///         }
///         Ok(entity)
///     }
/// }
/// ```
///
/// One that reads locations of a type of its own is in the documentation of [`ReadContext`].
#[async_trait]
pub trait Processor: Send + Sync {
    /// A unique, stable name: of its cache, and of its options in the configuration.
    fn name(&self) -> &str;

    /// The name that error messages call it by; the registered name if not given.
    fn display_name(&self) -> &str {
        self.name()
    }

    /// Its place in the chain; lower is earlier. Those of equal priority run in order of registration.
    fn priority(&self) -> i32 {
        DEFAULT_PRIORITY
    }

    /// Which of the hooks below it implements.
    fn hooks(&self) -> Hooks {
        Hooks::ALL
    }

    /// Whether what the hooks give depends on nothing but what they are given: the entity and its locations, or the
    /// location to read. No clock, no network, no cache, no settings that change. Then they need not be called again
    /// while these are the same. What they gave for the latest thousands is remembered, and entities that depend on
    /// nothing else are not refreshed at all; a restart forgets it. A hook that reads from elsewhere is not pure, nor
    /// is its processor.
    fn is_pure(&self) -> bool {
        false
    }

    /// Changes an entity before it is checked.
    ///
    /// # Errors
    ///
    /// Whatever makes the entity unfit to go on.
    async fn pre_process(
        &self,
        entity: Entity,
        _location: &LocationRef,
        _origin: &LocationRef,
        _context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        Ok(entity)
    }

    /// Whether this is a valid entity of a kind that this processor knows. `false`: not mine.
    ///
    /// # Errors
    ///
    /// It is mine, and it is not valid.
    async fn validate_kind(&self, _entity: &Entity) -> Result<bool, EntityError> {
        Ok(false)
    }

    /// Reads a location and emits what is there. `false`: not mine, ask the next.
    ///
    /// What cannot be read is better emitted as an error than returned: then the other targets of the same
    /// Location are still looked at. With `LocationPresence::Optional`, not being there is no error.
    ///
    /// # Errors
    ///
    /// Whatever ends the run of the Location at once.
    async fn read_location(
        &self,
        _location: &LocationSpec,
        _context: ReadContext<'_>,
    ) -> Result<bool, EntityError> {
        Ok(false)
    }

    /// Changes an entity after it was found valid, and emits relations and more.
    ///
    /// # Errors
    ///
    /// Whatever makes the run fail.
    async fn post_process(
        &self,
        entity: Entity,
        _location: &LocationRef,
        _context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        Ok(entity)
    }
}
