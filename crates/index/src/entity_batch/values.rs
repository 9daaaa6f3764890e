//! The values that the entities of a batch have, each once.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

#[derive(Debug, Default)]
pub(crate) struct BatchValues {
    values: Vec<BatchValue>,
    /// Each value, with its spelling behind it where that differs.
    text: String,
    numbers: HashTable<Position>,
    hasher: RandomState,
}

#[derive(Debug)]
struct BatchValue {
    key: u32,
    /// None stands for `null`, and for values too long to search.
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    start: usize,
    middle: usize,
    end: usize,
}

/// A number, with its hash, so that few texts have to be compared, and none is hashed again.
#[derive(Debug)]
struct Position {
    hash: u64,
    number: u32,
}

impl BatchValues {
    /// The number of a value, lower-cased and spelled, of a key.
    pub(super) fn number(&mut self, key: u32, value: Option<(&str, &str)>) -> u32 {
        // A value that is spelled in lower case is hashed once.
        let hash = match value {
            Some((lower, original)) if lower == original => self.hasher.hash_one((key, lower)),
            both => self.hasher.hash_one((key, both)),
        };
        let is_same = |position: &Position| {
            position.hash == hash
                && self.values[position.number as usize].key == key
                && self.get(position.number) == value
        };
        if let Some(position) = self.numbers.find(hash, is_same) {
            return position.number;
        }
        let place = value.map(|(lower, original)| {
            let start = self.text.len();
            self.text.push_str(lower);
            let middle = self.text.len();
            if original != lower {
                self.text.push_str(original);
            }
            Place { start, middle, end: self.text.len() }
        });
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(BatchValue { key, place });
        self.numbers.insert_unique(hash, Position { hash, number }, |position| position.hash);
        number
    }

    /// The value with a number, lower-cased and spelled.
    pub(crate) fn get(&self, number: u32) -> Option<(&str, &str)> {
        let Place { start, middle, end } = *self.values[number as usize].place.as_ref()?;
        let lower = &self.text[start..middle];
        Some((lower, if middle == end { lower } else { &self.text[middle..end] }))
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.text.clear();
        self.numbers.clear();
    }

    pub(crate) fn key(&self, number: u32) -> u32 {
        self.values[number as usize].key
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = u32> {
        self.values.iter().map(|value| value.key)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}
