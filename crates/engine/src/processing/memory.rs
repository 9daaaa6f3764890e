//! What pure processors came to, so that they need not be asked the same again.

use std::collections::HashMap;
use std::sync::Arc;

use callboard_model::{Entity, LocationRef};
use callboard_sdk::{Emission, Emit};
use callboard_store::DocumentHash;
use parking_lot::Mutex;

use super::outcome::document_hash;

/// So many answers of each of two generations are kept.
const GENERATION: usize = 4096;

/// Which hook was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    PreProcess,
    PostProcess,
}

/// What makes two questions the same.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Question {
    asked: Asked,
    entity: DocumentHash,
    location: LocationRef,
    origin: LocationRef,
}

/// What a hook gave.
pub(crate) struct Answer {
    pub(crate) entity: Entity,
    pub(crate) emissions: Vec<Emission>,
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
    pub(crate) fn new(asked: Asked, entity: &Entity, location: &LocationRef, origin: &LocationRef) -> Self {
        let entity = document_hash(entity);
        Self { asked, entity, location: location.clone(), origin: origin.clone() }
    }
}

impl Answer {
    /// Emits what the hook had emitted, and returns what it had made of the entity.
    pub(crate) fn replay(&self, emit: &Emit) -> Entity {
        self.emissions.iter().cloned().for_each(|emission| emit.emit(emission));
        self.entity.clone()
    }
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
