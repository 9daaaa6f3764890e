//! The values of one key in order, each with the entities that have it.
//!
//! A sorted map in chunks. The text of a chunk lies in one string, so that a substring search reads memory front to
//! back, and a value of a single entity costs little more than its text. Values are told apart by their spelling:
//! spellings of one value are neighbours, and no entity has two of them.

mod chunk;
mod staging;
#[cfg(test)]
mod tests;
mod walk;

use memchr::memmem::Finder;

use self::chunk::{Chunk, Holder};
pub(crate) use self::staging::Staging;
pub(crate) use self::walk::Values;
use super::postings::{Postings, SlotSet};
use super::term_table::TermTable;
use super::vec_growth::{narrow, push};

/// Among so many terms one is looked for by their values; among more, by its own.
const FEW: usize = 4;

/// The most values in a chunk. Larger chunks make insertion slower, smaller ones take more memory.
const CHUNK_LIMIT: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct ValueMap {
    /// By chunk id. Emptied chunks stay, to be used again.
    chunks: Vec<Chunk>,
    /// The chunks in use, in order of their values.
    order: Vec<Separator>,
    free_chunks: Vec<u32>,
    /// The entities of values that several of them have.
    sets: Vec<SlotSet>,
    free_sets: Vec<u32>,
    length: usize,
    /// All values, while many are being loaded; the chunks are empty then.
    staging: Option<Box<Staging>>,
}

/// A value in the map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueRef<'a> {
    /// Lower-cased.
    pub(crate) value: &'a str,
    /// As the entities spell it.
    pub(crate) original: &'a str,
    pub(crate) postings: Postings<'a>,
}

/// Where a chunk begins. Kept beside the chunks, so that finding one reads little memory.
#[derive(Debug)]
struct Separator {
    /// A value with its spelling behind it. No value of the chunk is less, and all values of chunks before are. Means
    /// nothing for the first chunk.
    text: Box<str>,
    value_length: u32,
    chunk: u32,
}

/// A place between two values, as the index of a chunk in the order and of an entry in the chunk.
#[derive(Debug, Clone, Copy)]
struct Place {
    chunk: usize,
    entry: usize,
}

impl ValueMap {
    /// The number of values, counting spellings.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds a slot to a value, which is created if needed. Returns the term id of the value.
    pub(crate) fn insert(&mut self, value: &str, original: &str, slot: u32, terms: &mut TermTable) -> u32 {
        match self.find(value, original) {
            Ok(place) => {
                let chunk = &mut self.chunks[self.order[place.chunk].chunk as usize];
                let holder = chunk.holder(place.entry);
                let term = chunk.term(place.entry);
                if let Some(set) = self.add_to_holder(holder, slot) {
                    let chunk = &mut self.chunks[self.order[place.chunk].chunk as usize];
                    chunk.set_holder(place.entry, Holder::Set(set));
                }
                term
            }
            Err(place) => self.insert_new(place, value, original, slot, terms),
        }
    }

    /// Adds a slot to a value, if it is that of a term.
    pub(crate) fn insert_at(&mut self, term: u32, value: (&str, &str), slot: u32, terms: &TermTable) -> bool {
        let Some((chunk, entry)) = self.locate_value(term, value, terms) else { return false };
        let holder = self.chunks[chunk as usize].holder(entry);
        if let Some(set) = self.add_to_holder(holder, slot) {
            self.chunks[chunk as usize].set_holder(entry, Holder::Set(set));
        }
        true
    }

    /// The one of a few terms that is that of a value with its spelling.
    pub(crate) fn term_among(&self, among: &[u32], value: (&str, &str), terms: &TermTable) -> Option<u32> {
        among.iter().take(FEW).copied().find(|term| self.locate_value(*term, value, terms).is_some())
    }

    /// Removes a slot from a value, and the value if no other entity has it.
    pub(crate) fn remove(&mut self, term: u32, slot: u32, terms: &mut TermTable) {
        let Some((chunk_id, entry)) = self.locate(term, terms) else { return };
        let chunk = &mut self.chunks[chunk_id as usize];
        match chunk.holder(entry) {
            Holder::One(only) if only == slot => {
                chunk.remove(entry);
                terms.release(term);
                self.length -= 1;
                if self.chunks[chunk_id as usize].is_empty() {
                    self.release_chunk(chunk_id);
                }
            }
            Holder::One(_) => {}
            Holder::Set(id) => {
                let set = &mut self.sets[id as usize];
                set.remove(slot);
                if let Some(only) = set.only() {
                    chunk.set_holder(entry, Holder::One(only));
                    *set = SlotSet::default();
                    self.free_sets.push(id);
                }
            }
        }
    }

    /// The value of a term id.
    pub(crate) fn get(&self, term: u32, terms: &TermTable) -> Option<ValueRef<'_>> {
        let (chunk, entry) = self.locate(term, terms)?;
        Some(self.value_at(&self.chunks[chunk as usize], entry))
    }

    /// The term id of one spelling of a value.
    pub(crate) fn term_of_spelling(&self, value: &str, original: &str) -> Option<u32> {
        let place = self.find(value, original).ok()?;
        Some(self.chunk_at(place.chunk)?.term(place.entry))
    }

    /// Calls back for each value that contains the needle, in order.
    pub(crate) fn for_each_containing<'a>(&'a self, needle: &str, mut found: impl FnMut(ValueRef<'a>)) {
        let finder = Finder::new(needle);
        for separator in &self.order {
            let chunk = &self.chunks[separator.chunk as usize];
            chunk.for_each_containing(&finder, needle.len(), |entry| found(self.value_at(chunk, entry)));
        }
    }

    /// The number of bytes of text, and of everything else, estimated.
    pub(crate) fn memory(&self) -> (usize, usize) {
        let separator_text = self.order.iter().map(|separator| separator.text.len()).sum::<usize>();
        let text = self.chunks.iter().map(Chunk::text_bytes).sum::<usize>() + separator_text;
        let entries = self.chunks.iter().map(Chunk::entry_bytes).sum::<usize>();
        let sets = self.sets.iter().map(SlotSet::heap_bytes).sum::<usize>();
        let lists = self.order.capacity() * size_of::<Separator>()
            + self.chunks.capacity() * size_of::<Chunk>()
            + self.sets.capacity() * size_of::<SlotSet>()
            + (self.free_chunks.capacity() + self.free_sets.capacity()) * size_of::<u32>();
        (text, entries + sets + lists)
    }

    /// Adds a slot to what an entry holds. Returns the set to hold instead, if it is a new one.
    fn add_to_holder(&mut self, holder: Holder, slot: u32) -> Option<u32> {
        match holder {
            Holder::Set(id) => {
                self.sets[id as usize].insert(slot);
                None
            }
            Holder::One(only) if only == slot => None,
            Holder::One(only) => {
                let pair = SlotSet::pair(only, slot);
                if let Some(id) = self.free_sets.pop() {
                    self.sets[id as usize] = pair;
                    return Some(id);
                }
                push(&mut self.sets, pair);
                Some(narrow(self.sets.len() - 1))
            }
        }
    }

    fn insert_new(
        &mut self,
        place: Place,
        value: &str,
        original: &str,
        slot: u32,
        terms: &mut TermTable,
    ) -> u32 {
        if self.order.is_empty() {
            let chunk = self.new_chunk(Chunk::default());
            push(&mut self.order, Separator { text: "".into(), value_length: 0, chunk });
        }
        let chunk_id = self.order[place.chunk].chunk;
        let term = terms.allocate(chunk_id);
        let chunk = &mut self.chunks[chunk_id as usize];
        chunk.insert(place.entry, term, value, original, Holder::One(slot));
        self.length += 1;
        if chunk.is_too_large() {
            self.split(place, terms);
        }
        term
    }

    /// Splits a chunk that has grown too large by an insertion.
    fn split(&mut self, inserted: Place, terms: &mut TermTable) {
        let chunk = &mut self.chunks[self.order[inserted.chunk].chunk as usize];
        // Values that come in order fill their chunks; otherwise half and half.
        let at_end = inserted.entry + 1 == chunk.len() && inserted.chunk + 1 == self.order.len();
        let upper = chunk.split_off(if at_end { chunk.len() - 1 } else { chunk.len() / 2 });
        let moved: Vec<u32> = upper.terms().collect();
        let mut separator = Separator::before(&upper, 0);
        separator.chunk = self.new_chunk(upper);
        for term in moved {
            terms.move_to(term, separator.chunk);
        }
        self.order.insert(inserted.chunk + 1, separator);
    }

    fn new_chunk(&mut self, chunk: Chunk) -> u32 {
        if let Some(id) = self.free_chunks.pop() {
            self.chunks[id as usize] = chunk;
            return id;
        }
        push(&mut self.chunks, chunk);
        narrow(self.chunks.len() - 1)
    }

    fn release_chunk(&mut self, id: u32) {
        self.chunks[id as usize] = Chunk::default();
        self.order.retain(|separator| separator.chunk != id);
        self.free_chunks.push(id);
    }

    fn locate(&self, term: u32, terms: &TermTable) -> Option<(u32, usize)> {
        let chunk_id = terms.chunk_of(term)?;
        let entry = self.chunks.get(chunk_id as usize)?.terms().position(|id| id == term)?;
        Some((chunk_id, entry))
    }

    /// Where a term is, if it is that of a value with its spelling.
    fn locate_value(&self, term: u32, value: (&str, &str), terms: &TermTable) -> Option<(u32, usize)> {
        let located = self.locate(term, terms);
        located.filter(|(chunk, entry)| self.chunks[*chunk as usize].text_of(*entry) == value)
    }

    fn value_at<'a>(&'a self, chunk: &'a Chunk, entry: usize) -> ValueRef<'a> {
        let (value, original) = chunk.text_of(entry);
        let postings = match chunk.holder(entry) {
            Holder::One(slot) => Postings::One(slot),
            Holder::Set(id) => self.sets[id as usize].postings(),
        };
        ValueRef { value, original, postings }
    }

    fn chunk_at(&self, position: usize) -> Option<&Chunk> {
        self.chunks.get(self.order.get(position)?.chunk as usize)
    }

    /// Where a spelling is, or else where it belongs.
    fn find(&self, value: &str, original: &str) -> Result<Place, Place> {
        let sought = (value.as_bytes(), original.as_bytes());
        let behind = self.order.partition_point(|separator| separator.spelling() <= sought);
        let chunk = behind.saturating_sub(1);
        let Some(entries) = self.chunk_at(chunk) else {
            return Err(Place { chunk, entry: 0 });
        };
        let place = |entry| Place { chunk, entry };
        entries.find(value, original).map(place).map_err(place)
    }
}

impl Separator {
    fn before(chunk: &Chunk, id: u32) -> Self {
        let (value, original) = chunk.text_of(0);
        Self { text: format!("{value}{original}").into(), value_length: narrow(value.len()), chunk: id }
    }

    fn value(&self) -> &str {
        self.text.get(..self.value_length as usize).unwrap_or_default()
    }

    fn spelling(&self) -> (&[u8], &[u8]) {
        self.text.as_bytes().split_at(self.value_length as usize)
    }
}
