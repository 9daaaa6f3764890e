//! The kinds of model layers: their validation, their relations, the order of their lists.

use callboard_model::layers::CompiledModel;
use callboard_model::{Entity, EntityError, KindValidation, LocationRef};
use callboard_sdk::{Hooks, ProcessContext, Processor, async_trait};

/// The registered name.
pub(crate) const NAME: &str = "ModelProcessor";

/// Takes the place of the kinds that are built in as soon as there is a layer.
pub(crate) struct ModelProcessor {
    model: CompiledModel,
}

impl ModelProcessor {
    pub(crate) fn new(model: CompiledModel) -> Self {
        Self { model }
    }
}

#[async_trait]
impl Processor for ModelProcessor {
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
        self.model.sort_relation_lists(&mut entity);
        Ok(entity)
    }

    async fn validate_kind(&self, entity: &Entity) -> Result<bool, EntityError> {
        Ok(matches!(self.model.validate(entity)?, KindValidation::Valid))
    }

    async fn post_process(
        &self,
        entity: Entity,
        _location: &LocationRef,
        context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        for relation in self.model.relations_of(&entity)? {
            context.emit.relation(relation);
        }
        Ok(entity)
    }
}
