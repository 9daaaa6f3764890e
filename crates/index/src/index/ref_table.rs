//! Finding entities by their refs.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::Slot;

/// Slots by a hash of their refs, whose text is kept by the slots alone.
#[derive(Debug, Default)]
pub(super) struct RefTable {
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl RefTable {
    /// The slot with this ref.
    pub(super) fn find(&self, entity_ref: &str, slots: &[Option<Slot>]) -> Option<u32> {
        let hash = self.hasher.hash_one(entity_ref);
        self.numbers.find(hash, |number| ref_of(slots, *number) == entity_ref).copied()
    }

    /// Adds a slot that is in use already.
    pub(super) fn insert(&mut self, number: u32, slots: &[Option<Slot>]) {
        let hash = |number: &u32| self.hasher.hash_one(ref_of(slots, *number));
        self.numbers.insert_unique(hash(&number), number, hash);
    }

    /// Takes a slot out that is still in use.
    pub(super) fn remove(&mut self, number: u32, slots: &[Option<Slot>]) {
        let hash = self.hasher.hash_one(ref_of(slots, number));
        if let Ok(found) = self.numbers.find_entry(hash, |other| *other == number) {
            found.remove();
        }
    }

    /// All slots.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.numbers.iter().copied()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.numbers.allocation_size()
    }
}

fn ref_of(slots: &[Option<Slot>], number: u32) -> &str {
    slots.get(number as usize).and_then(Option::as_ref).map_or("", |slot| slot.entity_ref.as_str())
}
