//! The kinds that the catalog knows by itself: their validation, their relations, the order of their lists.

use callboard_model::{Entity, EntityError, KindRegistry, KindValidation, LocationRef, sort_relation_lists};
use callboard_sdk::{Hooks, ProcessContext, Processor, async_trait};

/// The registered name; a processor of the same name takes the place of the built-in one.
pub(crate) const NAME: &str = "BuiltinKindsEntityProcessor";

pub(crate) struct KindsProcessor {
    kinds: KindRegistry,
}

impl KindsProcessor {
    pub(crate) fn new(kinds: KindRegistry) -> Self {
        Self { kinds }
    }
}

#[async_trait]
impl Processor for KindsProcessor {
    fn name(&self) -> &str {
        NAME
    }

    fn hooks(&self) -> Hooks {
        Hooks { pre_process: true, validate_kind: true, post_process: true, ..Hooks::NONE }
    }

    async fn pre_process(
        &self,
        mut entity: Entity,
        _location: &LocationRef,
        _origin: &LocationRef,
        _context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        sort_relation_lists(&mut entity);
        Ok(entity)
    }

    async fn validate_kind(&self, entity: &Entity) -> Result<bool, EntityError> {
        Ok(matches!(self.kinds.validate(entity)?, KindValidation::Valid))
    }

    async fn post_process(
        &self,
        entity: Entity,
        _location: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        for relation in self.kinds.relations(&entity)? {
            context.emit.relation(relation);
        }
        Ok(entity)
    }
}
