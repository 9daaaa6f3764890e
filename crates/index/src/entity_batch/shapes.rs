//! The lists of keys that the entities of a batch have, each once.

use std::hash::BuildHasher as _;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

#[derive(Debug, Default)]
pub(crate) struct Shapes {
    /// The keys of all lists, one behind the other.
    keys: Vec<u32>,
    places: Vec<Range<usize>>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl Shapes {
    /// The number of a list of keys.
    pub(super) fn number(&mut self, keys: &[u32]) -> u32 {
        let hash = self.hasher.hash_one(keys);
        if let Some(number) = self.numbers.find(hash, |number| self.get(*number) == keys) {
            return *number;
        }
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let start = self.keys.len();
        self.keys.extend_from_slice(keys);
        self.places.push(start..self.keys.len());
        let Self { keys, places, numbers, hasher } = self;
        numbers
            .insert_unique(hash, number, |number| hasher.hash_one(&keys[places[*number as usize].clone()]));
        number
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
        self.numbers.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The keys of the list with a number.
    pub(crate) fn get(&self, number: u32) -> &[u32] {
        &self.keys[self.places[number as usize].clone()]
    }
}
