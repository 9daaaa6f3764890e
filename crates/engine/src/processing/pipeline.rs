//! One run of one entity: the steps from a claimed document to a processed entity and what it emits.

use std::sync::Arc;

use callboard_model::{
    Entity, EntityError, EntityRef, FieldFormatValidators, LocationRef, policy, validate_schema,
};
use callboard_sdk::{Emit, EntityParser, EntityPolicy, ProcessContext, UrlReader};

use super::chain::Link;
use super::emissions::{Child, Emissions, Parent};
use super::hook;
use super::memory::{Answer, Question, Subject, replay};
use super::run_cache::RunCache;
use crate::rules::Rules;

/// The steps, and all that takes part in them. Knows no store: what goes in and out is values.
pub(crate) struct Pipeline {
    pub(crate) chain: Vec<Link>,
    pub(crate) policies: Vec<Arc<dyn EntityPolicy>>,
    /// Of the built-in policies, only that of the schema holds.
    pub(crate) without_default_policies: bool,
    pub(crate) policy_timeout: std::time::Duration,
    pub(crate) formats: FieldFormatValidators,
    pub(crate) rules: Rules,
    pub(crate) parser: Arc<dyn EntityParser>,
    pub(crate) reader: Arc<dyn UrlReader>,
    pub(crate) allowed_location_types: Vec<String>,
}

/// What a run that went well gives.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) entity: Entity,
    pub(crate) emissions: Emissions,
}

/// The entity of a run, and where it comes from.
pub(crate) struct RunContext {
    pub(crate) entity_ref: EntityRef,
    pub(crate) location: LocationRef,
    pub(crate) origin: LocationRef,
}

impl Pipeline {
    /// Runs all steps. What was set in `cache` is only worth keeping if the run went well.
    ///
    /// The errors of a failed run are those that were emitted, and last the one that ended it, if one did.
    pub(crate) async fn run(
        &self,
        entity: Entity,
        cache: &mut RunCache,
    ) -> Result<Completed, Vec<EntityError>> {
        let context = RunContext::of(&entity).map_err(|error| vec![error])?;
        let emit = Emit::default();
        let outcome = self.steps(entity, &context, &emit, cache).await;

        let parent =
            Parent { entity_ref: &context.entity_ref, location: &context.location, origin: &context.origin };
        let mut emissions = Emissions::collect(emit.take(), &parent).await;
        let mut errors = std::mem::take(&mut emissions.errors);
        match outcome.and_then(|entity| self.check_rules(&emissions.children, &context).map(|()| entity)) {
            Ok(entity) if errors.is_empty() => return Ok(Completed { entity, emissions }),
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
        Err(errors)
    }

    /// Whether a run of this entity can come to nothing else as long as its document is the same: it reads nothing, and
    /// nobody takes part who may change their mind.
    pub(crate) fn depends_on_document_alone(&self, entity_ref: &EntityRef, document: &[u8]) -> bool {
        let may_have_placeholder = || document.windows(2).any(|bytes| bytes == b"\"$");
        self.policies.is_empty()
            && self.chain.iter().all(|link| link.needs_entity_alone)
            && entity_ref.kind() != "location"
            && !may_have_placeholder()
    }

    async fn steps(
        &self,
        entity: Entity,
        context: &RunContext,
        emit: &Emit,
        cache: &mut RunCache,
    ) -> Result<Entity, EntityError> {
        let entity = self.pre_process(entity, context, emit, cache).await?;
        let entity = self.enforce_policies(entity, context).await?;
        if entity.entity_ref() != context.entity_ref {
            return Err(EntityError::conflict(
                "Fatal: The entity kind, namespace, or name changed during processing",
            ));
        }
        // Without policies of others, nothing has touched the entity since its schema was checked.
        if !self.policies.is_empty() {
            validate_schema(&entity).map_err(|violation| {
                let entity_ref = &context.entity_ref;
                EntityError::conflict(format!(
                    "Entity envelope for {entity_ref} failed validation after preprocessing"
                ))
                .caused_by(violation.into())
            })?;
        }
        self.validate_kind(&entity, context).await?;
        if entity.kind() == "Location" {
            self.read_targets(&entity, context, emit, cache).await?;
        }
        self.post_process(entity, context, emit, cache).await
    }

    async fn pre_process(
        &self,
        mut entity: Entity,
        context: &RunContext,
        emit: &Emit,
        cache: &mut RunCache,
    ) -> Result<Entity, EntityError> {
        for (place, link) in self.chain.iter().enumerate().filter(|(_, link)| link.hooks.pre_process) {
            let cache = cache.of_processor(place, link.processor.name());
            entity = link
                .remembering(Question::PreProcess, entity, context, emit, async |entity, emit| {
                    let (location, origin) = (&context.location, &context.origin);
                    let given = ProcessContext { emit, reader: &*self.reader, cache };
                    let hook = link.processor.pre_process(entity, location, origin, given);
                    let called = hook::call(link.timeout, hook).await;
                    called.map_err(|error| link.failed("preprocessing", error))
                })
                .await?;
        }
        Ok(entity)
    }

    async fn enforce_policies(&self, entity: Entity, context: &RunContext) -> Result<Entity, EntityError> {
        let refused = |error| {
            EntityError::input(format!("Policy check failed for {}", context.entity_ref)).caused_by(error)
        };
        let mut entity = entity;
        policy::check_schema(&entity).map_err(refused)?;
        if !self.without_default_policies {
            policy::default_namespace(&mut entity);
            policy::no_foreign_root_fields(&entity).map_err(refused)?;
            policy::check_field_format(&entity, &self.formats).map_err(refused)?;
        }
        for policy in &self.policies {
            entity = hook::call(Some(self.policy_timeout), policy.enforce(entity)).await.map_err(refused)?;
        }
        Ok(entity)
    }

    async fn validate_kind(&self, entity: &Entity, context: &RunContext) -> Result<(), EntityError> {
        let mut recognized = false;
        // All are asked, so that a second one may still object.
        for link in self.chain.iter().filter(|link| link.hooks.validate_kind) {
            let question = link.memory.is_some().then(|| Question::validate_kind(entity));
            let call = async |_: &Emit| {
                let hook = link.processor.validate_kind(entity);
                hook::call(link.timeout, hook).await.map_err(|error| {
                    link.failed(&format!("validating the entity {}", context.entity_ref), error)
                })
            };
            recognized |= link.remembering_responsibility(question, &Emit::default(), call).await?;
        }
        if recognized {
            return Ok(());
        }
        Err(EntityError::input(format!(
            "No processor recognized the entity {} as valid, possibly caused by a foreign kind or apiVersion",
            context.entity_ref
        )))
    }

    async fn post_process(
        &self,
        mut entity: Entity,
        context: &RunContext,
        emit: &Emit,
        cache: &mut RunCache,
    ) -> Result<Entity, EntityError> {
        for (place, link) in self.chain.iter().enumerate().filter(|(_, link)| link.hooks.post_process) {
            let cache = cache.of_processor(place, link.processor.name());
            entity = link
                .remembering(Question::PostProcess, entity, context, emit, async |entity, emit| {
                    let given = ProcessContext { emit, reader: &*self.reader, cache };
                    let hook = link.processor.post_process(entity, &context.location, given);
                    let called = hook::call(link.timeout, hook).await;
                    called.map_err(|error| link.failed("postprocessing", error))
                })
                .await?;
        }
        Ok(entity)
    }

    fn check_rules(&self, children: &[Child], context: &RunContext) -> Result<(), EntityError> {
        match children.iter().find(|child| !self.rules.allow(&child.entity, &context.origin)) {
            None => Ok(()),
            Some(child) => Err(EntityError::not_allowed(format!(
                "Entity {} at {}, originated at {}, is not of an allowed kind for that location",
                child.entity_ref, context.location, context.origin
            ))),
        }
    }
}

impl RunContext {
    fn of(entity: &Entity) -> Result<Self, EntityError> {
        Ok(Self {
            entity_ref: entity.entity_ref(),
            location: entity.location()?,
            origin: entity.origin_location()?,
        })
    }
}

impl Link {
    /// Calls a hook that makes something of an entity, unless it is known what it will say.
    async fn remembering(
        &self,
        question: fn(Subject) -> Question,
        entity: Entity,
        context: &RunContext,
        emit: &Emit,
        call: impl AsyncFnOnce(Entity, &Emit) -> Result<Entity, EntityError>,
    ) -> Result<Entity, EntityError> {
        let Some(memory) = &self.memory else { return call(entity, emit).await };
        let question = question(Subject::new(&entity, &context.location, &context.origin));
        if let Some(entity) = memory.recall(&question).and_then(|answer| answer.entity(emit)) {
            return Ok(entity);
        }
        let own = Emit::default();
        let called = call(entity, &own).await;
        let emissions = own.take();
        replay(&emissions, emit);
        let entity = called?;
        memory.remember(question, Answer::Entity(entity.clone(), emissions));
        Ok(entity)
    }

    /// Calls a hook that says whether it is responsible, unless it is known what it will say. Without a `question` it
    /// is called.
    pub(crate) async fn remembering_responsibility(
        &self,
        question: Option<Question>,
        emit: &Emit,
        call: impl AsyncFnOnce(&Emit) -> Result<bool, EntityError>,
    ) -> Result<bool, EntityError> {
        let (Some(memory), Some(question)) = (&self.memory, question) else { return call(emit).await };
        if let Some(responsible) = memory.recall(&question).and_then(|answer| answer.responsible(emit)) {
            return Ok(responsible);
        }
        let own = Emit::default();
        let called = call(&own).await;
        let emissions = own.take();
        replay(&emissions, emit);
        let responsible = called?;
        memory.remember(question, Answer::Responsible(responsible, emissions));
        Ok(responsible)
    }

    /// The error of a run whose hook failed while `doing` something.
    pub(crate) fn failed(&self, doing: &str, cause: EntityError) -> EntityError {
        let name = self.processor.display_name();
        EntityError::input(format!("Processor {name} threw an error while {doing}")).caused_by(cause)
    }
}
