//! What pure processors came to, so that they need not be asked the same again.

use std::collections::HashMap;
use std::sync::Arc;

use callboard_model::{Entity, LocationRef, LocationSpec};
use callboard_sdk::{Emission, Emit};
use callboard_store::DocumentHash;
use parking_lot::Mutex;

use super::outcome::document_hash;

/// So many answers of each of two generations are kept.
const GENERATION: usize = 4096;

/// What makes two questions the same.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum Question {
    PreProcess(Subject),
    ValidateKind(DocumentHash),
    ReadLocation(LocationSpec),
    PostProcess(Subject),
}

/// An entity, and where it is from.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    entity: DocumentHash,
    location: LocationRef,
    origin: LocationRef,
}

/// What a hook gave.
pub(crate) enum Answer {
    /// An entity, and what it emitted.
    Entity(Entity, Vec<Emission>),
    /// Whether it is responsible, and what it emitted.
    Responsible(bool, Vec<Emission>),
}

/// Answers that were given lately. When the younger generation is full, it becomes the older one.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Question, Arc<Answer>>,
    old: HashMap<Question, Arc<Answer>>,
}

impl Question {
    pub(crate) fn validate_kind(entity: &Entity) -> Self {
        Self::ValidateKind(document_hash(entity))
    }
}

impl Subject {
    pub(crate) fn new(entity: &Entity, location: &LocationRef, origin: &LocationRef) -> Self {
        Self { entity: document_hash(entity), location: location.clone(), origin: origin.clone() }
    }
}

impl Answer {
    /// What the hook had made of an entity; what it had emitted is emitted again.
    pub(crate) fn entity(&self, emit: &Emit) -> Option<Entity> {
        let Self::Entity(entity, emissions) = self else { return None };
        replay(emissions, emit);
        Some(entity.clone())
    }

    /// Whether the hook was responsible; what it had emitted is emitted again.
    pub(crate) fn responsible(&self, emit: &Emit) -> Option<bool> {
        let Self::Responsible(responsible, emissions) = self else { return None };
        replay(emissions, emit);
        Some(*responsible)
    }
}

/// Emits what a hook has emitted.
pub(crate) fn replay(emissions: &[Emission], emit: &Emit) {
    emissions.iter().cloned().for_each(|emission| emit.emit(emission));
}

impl Memory {
    pub(crate) fn recall(&self, question: &Question) -> Option<Arc<Answer>> {
        let generations = self.0.lock();
        generations.young.get(question).or_else(|| generations.old.get(question)).cloned()
    }

    pub(crate) fn remember(&self, question: Question, answer: Answer) {
        let mut generations = self.0.lock();
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(question, Arc::new(answer));
    }
}
