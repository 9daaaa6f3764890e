//! Loading many values at once: gathered unsorted, sorted in one go.
//!
//! Placing values one by one reads memory all over the map for each of them. Sorting them together is more than ten
//! times faster, and leaves chunks that are packed well.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::chunk::{Chunk, Holder, PackedHolder, TEXT_LIMIT};
use super::{CHUNK_LIMIT, Separator, ValueMap};
use crate::index::postings::SlotSet;
use crate::index::term_table::TermTable;
use crate::index::text_sort::sorted_by_text;
use crate::index::vec_growth::{narrow, narrower, push};

/// The number of values in a chunk after loading: most of what fits, so that a few more do not split it at once.
const LOADED_LENGTH: usize = CHUNK_LIMIT - CHUNK_LIMIT / 8;

/// The text of staged values is in blocks of this size, since one text would be copied each time it grows. They are
/// large enough for the allocator to use what one leaves for anything else.
const BLOCK_SIZE: usize = 1 << 20;

#[derive(Debug, Default)]
pub(crate) struct Staging {
    values: Vec<StagedValue>,
    /// Each value, with its original spelling behind it. No block is larger than [`BLOCK_SIZE`].
    blocks: Vec<String>,
    positions: HashTable<Position>,
    hasher: RandomState,
}

/// A value, in 16 bytes.
#[derive(Debug, Clone, Copy)]
struct StagedValue {
    /// The number of the block times [`BLOCK_SIZE`], plus the place in it.
    start: u32,
    value_length: u16,
    original_length: u16,
    term: u32,
    holder: PackedHolder,
}

/// Where a value is in the list of all. The hash is kept, since making it again would read memory all over the text.
#[derive(Debug, Clone, Copy)]
struct Position {
    hash: u32,
    value: u32,
}

impl ValueMap {
    /// Adds slots to a value of a map that is being filled: they are in ascending order, come after all that were added
    /// before, and there is at least one. Returns the term id of the value. Until [`ValueMap::take_staged`] nothing else
    /// may be called, and then nothing but [`ValueMap::settle`].
    pub(crate) fn stage(&mut self, value: &str, original: &str, slots: &[u32], terms: &mut TermTable) -> u32 {
        let mut staging = self.staging.take().unwrap_or_default();
        let hash = staging.hash(value, original);
        let term = if let Some(position) = staging.position(hash, value, original) {
            let staged = &mut staging.values[position];
            staged.holder = self.append_to_holder(staged.holder.into(), slots).into();
            staged.term
        } else {
            let term = terms.allocate(0);
            staging.add(hash, value, original, term, self.holder_of(slots));
            self.length += 1;
            term
        };
        self.staging = Some(staging);
        term
    }

    fn append_to_holder(&mut self, holder: Holder, slots: &[u32]) -> Holder {
        match holder {
            Holder::One(only) => {
                let mut set = SlotSet::default();
                set.append(&[only]);
                set.append(slots);
                self.new_set(set)
            }
            Holder::Set(id) => {
                self.sets[id as usize].append(slots);
                holder
            }
        }
    }

    fn holder_of(&mut self, slots: &[u32]) -> Holder {
        if let [only] = slots {
            return Holder::One(*only);
        }
        let mut set = SlotSet::default();
        set.append(slots);
        self.new_set(set)
    }

    fn new_set(&mut self, set: SlotSet) -> Holder {
        push(&mut self.sets, set);
        Holder::Set(narrow(self.sets.len() - 1))
    }

    /// Takes the values that were gathered, if there are any, to be sorted.
    pub(crate) fn take_staged(&mut self) -> Option<Box<Staging>> {
        let mut staging = self.staging.take()?;
        // Nothing is looked for in it any more.
        staging.positions = HashTable::new();
        Some(staging)
    }

    /// Makes lists of the values that were taken, with the positions of their order. [`ValueMap::place_terms`] has to
    /// follow.
    pub(crate) fn settle(&mut self, staging: &Staging, sorted: &[u32]) {
        self.chunks.reserve_exact(sorted.len().div_ceil(LOADED_LENGTH));
        self.order.reserve_exact(sorted.len().div_ceil(LOADED_LENGTH));
        let mut rest = sorted;
        while !rest.is_empty() {
            let (group, later) = rest.split_at(staging.fitting(rest));
            rest = later;
            let staged = || group.iter().map(|position| &staging.values[*position as usize]);
            let mut chunk = Chunk::with_capacity(group.len(), staged().map(StagedValue::text_length).sum());
            for staged in staged() {
                let (value, original) = staging.text_of(staged);
                chunk.insert(chunk.len(), staged.term, value, original, staged.holder.into());
            }
            self.order.push(Separator::before(&chunk, narrow(self.chunks.len())));
            self.chunks.push(chunk);
        }
    }

    /// Tells the table of terms where they are.
    pub(crate) fn place_terms(&self, terms: &mut TermTable) {
        for (id, chunk) in self.chunks.iter().enumerate() {
            chunk.terms().for_each(|term| terms.move_to(term, narrow(id)));
        }
    }
}

impl Staging {
    /// The number of values.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The positions of the values in their order.
    pub(crate) fn sorted(&self) -> Vec<u32> {
        sorted_by_text(narrow(self.values.len()), |position| self.text_of(&self.values[position as usize]))
    }

    fn hash(&self, value: &str, original: &str) -> u32 {
        // A value that is spelled in lower case is hashed once.
        let spelled = if original == value { "" } else { original };
        let [b0, b1, b2, b3, ..] = self.hasher.hash_one((value, spelled)).to_le_bytes();
        u32::from_le_bytes([b0, b1, b2, b3])
    }

    fn position(&self, hash: u32, value: &str, original: &str) -> Option<usize> {
        let is_same = |position: &Position| {
            position.hash == hash && self.text_of(&self.values[position.value as usize]) == (value, original)
        };
        self.positions.find(widened(hash), is_same).map(|position| position.value as usize)
    }

    fn add(&mut self, hash: u32, value: &str, original: &str, term: u32, holder: Holder) {
        let original = if original == value { "" } else { original };
        let start = self.add_text(value, original);
        let staged = StagedValue {
            start,
            value_length: narrower(value.len()),
            original_length: narrower(original.len()),
            term,
            holder: holder.into(),
        };
        let position = Position { hash, value: narrow(self.values.len()) };
        push(&mut self.values, staged);
        self.positions.insert_unique(widened(hash), position, |position| widened(position.hash));
    }

    fn add_text(&mut self, value: &str, original: &str) -> u32 {
        let added = value.len() + original.len();
        if self.blocks.last().is_none_or(|block| block.len() + added > BLOCK_SIZE) {
            // Most keys have few values; those that have many get whole blocks.
            let capacity = if self.blocks.is_empty() { added } else { BLOCK_SIZE };
            self.blocks.push(String::with_capacity(capacity));
        }
        let number = self.blocks.len() - 1;
        let Some(block) = self.blocks.last_mut() else { return 0 };
        let start = number * BLOCK_SIZE + block.len();
        block.push_str(value);
        block.push_str(original);
        narrow(start)
    }

    fn text_of(&self, staged: &StagedValue) -> (&str, &str) {
        let block = &self.blocks[staged.start as usize / BLOCK_SIZE];
        let start = staged.start as usize % BLOCK_SIZE;
        let value_end = start + usize::from(staged.value_length);
        let value = &block[start..value_end];
        if staged.original_length == 0 {
            return (value, value);
        }
        (value, &block[value_end..value_end + usize::from(staged.original_length)])
    }

    /// How many of these values go into one chunk.
    fn fitting(&self, positions: &[u32]) -> usize {
        let mut text = 0;
        let fits = |position: &&u32| {
            text += self.values[**position as usize].text_length();
            text <= TEXT_LIMIT
        };
        positions.iter().take(LOADED_LENGTH).take_while(fits).count().max(1)
    }
}

impl StagedValue {
    fn text_length(&self) -> usize {
        usize::from(self.value_length) + usize::from(self.original_length)
    }
}

/// The table takes its places from the lower bits and its tags from the upper ones.
fn widened(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
