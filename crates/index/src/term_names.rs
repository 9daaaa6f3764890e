//! The keys of terms, each of them once.
//!
//! Entities of one kind have mostly the same keys, and each of them is spelled, lower-cased and looked at for its length
//! once. After that it is a number.

use std::hash::BuildHasher as _;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::scalar::lowered;
use crate::term::TERM_LENGTH_LIMIT;

/// Texts with numbers.
#[derive(Debug, Default)]
pub(crate) struct Names {
    text: String,
    all: Vec<Name>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Name {
    place: Range<usize>,
    /// The number of the lower-cased text, which may be this one.
    lower: u32,
    /// Whether it is short enough to be searched for.
    fits: bool,
    /// The last entity that had it, in lower case.
    entity: u64,
}

impl Names {
    /// The number of a text.
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        let is_same = |number: &u32| self.text(*number) == text;
        if let Some(number) = self.numbers.find(hash, is_same) {
            return *number;
        }
        let lower = lowered(text).map(|lower| self.number(&lower));
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let start = self.text.len();
        self.text.push_str(text);
        let place = start..self.text.len();
        self.all.push(Name { place, lower: lower.unwrap_or(number), fits: fits(text), entity: 0 });
        let Self { text, all, numbers, hasher } = self;
        let hash_of = |number: &u32| hasher.hash_one(&text[all[*number as usize].place.clone()]);
        numbers.insert_unique(hash, number, hash_of);
        number
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        &self.text[self.place(number)]
    }

    /// Where a name is in the text of all.
    pub(crate) fn place(&self, number: u32) -> Range<usize> {
        self.all[number as usize].place.clone()
    }

    /// The number of the lower-cased name.
    pub(crate) fn lower(&self, number: u32) -> u32 {
        self.all[number as usize].lower
    }

    pub(crate) fn fits(&self, number: u32) -> bool {
        self.all[number as usize].fits
    }

    /// Remembers that an entity has a key.
    pub(crate) fn note(&mut self, key: u32, entity: u64) {
        self.all[key as usize].entity = entity;
    }

    /// Whether this is the last entity that had the key.
    pub(crate) fn was_noted(&self, key: u32, entity: u64) -> bool {
        self.all[key as usize].entity == entity
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.all.clear();
        self.numbers.clear();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The text of all.
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// Whether a text is short enough to be searched for.
pub(crate) fn fits(text: &str) -> bool {
    // No UTF-16 form has more units than the UTF-8 form has bytes.
    text.len() <= TERM_LENGTH_LIMIT || text.encode_utf16().count() <= TERM_LENGTH_LIMIT
}
