//! Some hundred values, their text in one string.

use std::cmp::Ordering;

use memchr::memmem::Finder;

use super::CHUNK_LIMIT;
use crate::index::vec_growth::{narrower, reserve};

/// A chunk with more text than this is split. No value has more than 1400 bytes with its spelling, see
/// [`TERM_LENGTH_LIMIT`](crate::TERM_LENGTH_LIMIT), so two bytes are enough for all places in the text.
pub(super) const TEXT_LIMIT: usize = 1 << 15;

#[derive(Debug, Default)]
pub(super) struct Chunk {
    entries: Vec<Entry>,
    /// For each entry its value, and behind it the original spelling where that differs.
    text: String,
}

/// A value, in 12 bytes.
#[derive(Debug, Clone, Copy)]
struct Entry {
    term: u32,
    holder: PackedHolder,
    start: u16,
    value_length: u16,
}

/// Who has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The entity in this slot alone. Most values are of this kind: names, uids, links.
    One(u32),
    /// The entities of the set with this id.
    Set(u32),
}

/// A [`Holder`] in four bytes: the highest bit tells slots and sets apart, and neither ever needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackedHolder(u32);

const SET_BIT: u32 = 1 << 31;

impl From<Holder> for PackedHolder {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::One(slot) => Self(slot),
            Holder::Set(id) => Self(id | SET_BIT),
        }
    }
}

impl From<PackedHolder> for Holder {
    fn from(PackedHolder(packed): PackedHolder) -> Self {
        if packed & SET_BIT == 0 { Self::One(packed) } else { Self::Set(packed & !SET_BIT) }
    }
}

impl Chunk {
    pub(super) fn with_capacity(entries: usize, text_bytes: usize) -> Self {
        Self { entries: Vec::with_capacity(entries), text: String::with_capacity(text_bytes) }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has to be split.
    pub(super) fn is_too_large(&self) -> bool {
        self.len() > CHUNK_LIMIT || self.text.len() > TEXT_LIMIT
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of an entry and its spelling.
    pub(super) fn text_of(&self, entry: usize) -> (&str, &str) {
        let Entry { start, value_length, .. } = self.entries[entry];
        let value_end = usize::from(start) + usize::from(value_length);
        let end = self.end_of(entry);
        let value = &self.text[usize::from(start)..value_end];
        (value, if end == value_end { value } else { &self.text[value_end..end] })
    }

    pub(super) fn term(&self, entry: usize) -> u32 {
        self.entries[entry].term
    }

    pub(super) fn terms(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().map(|entry| entry.term)
    }

    pub(super) fn holder(&self, entry: usize) -> Holder {
        self.entries[entry].holder.into()
    }

    pub(super) fn set_holder(&mut self, entry: usize, holder: Holder) {
        self.entries[entry].holder = holder.into();
    }

    /// The entry of a spelling, or else where it belongs. By bytes, in whose order texts are: it is asked for every term of
    /// every entity.
    pub(super) fn find(&self, value: &str, original: &str) -> Result<usize, usize> {
        let text = self.text.as_bytes();
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let Entry { start, value_length, .. } = self.entries[middle];
            let value_end = usize::from(start) + usize::from(value_length);
            let by_value = text[usize::from(start)..value_end].cmp(value.as_bytes());
            let ordering = by_value.then_with(|| {
                let end = self.end_of(middle);
                let spelling_start = if end == value_end { usize::from(start) } else { value_end };
                text[spelling_start..end].cmp(original.as_bytes())
            });
            match ordering {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The number of entries that pass, which are the first ones.
    pub(super) fn partition(&self, passes: impl Fn(&str, &str) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let (value, original) = self.text_of(middle);
            if passes(value, original) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    pub(super) fn insert(&mut self, position: usize, term: u32, value: &str, original: &str, holder: Holder) {
        let start = self.entries.get(position).map_or(self.text.len(), |next| usize::from(next.start));
        let stored_original = if original == value { "" } else { original };
        let added = value.len() + stored_original.len();
        // Grows by little, since doubling would leave a third of a large index unused.
        reserve(&mut self.entries);
        if self.text.capacity() - self.text.len() < added {
            self.text.reserve_exact(added.max(self.text.len() / 4));
        }
        self.text.insert_str(start, value);
        if !stored_original.is_empty() {
            self.text.insert_str(start + value.len(), stored_original);
        }
        for later in &mut self.entries[position..] {
            later.start += narrower(added);
        }
        let entry = Entry {
            term,
            holder: holder.into(),
            start: narrower(start),
            value_length: narrower(value.len()),
        };
        self.entries.insert(position, entry);
    }

    pub(super) fn remove(&mut self, position: usize) {
        let start = self.entries[position].start;
        let end = self.end_of(position);
        self.text.replace_range(usize::from(start)..end, "");
        self.entries.remove(position);
        for later in &mut self.entries[position..] {
            later.start -= narrower(end) - start;
        }
    }

    /// Keeps the first entries and returns the others. Both halves are copied, for an allocator that would keep a shrunk
    /// list where it was.
    pub(super) fn split_off(&mut self, keep: usize) -> Self {
        let start = self.entries[keep].start;
        let (lower_text, upper_text) = self.text.split_at(usize::from(start));
        let moved = |entry: &Entry| Entry { start: entry.start - start, ..*entry };
        let upper =
            Self { entries: self.entries[keep..].iter().map(moved).collect(), text: upper_text.to_owned() };
        *self = Self { entries: self.entries[..keep].to_vec(), text: lower_text.to_owned() };
        upper
    }

    pub(super) fn for_each_containing(
        &self,
        finder: &Finder<'_>,
        needle_length: usize,
        mut found: impl FnMut(usize),
    ) {
        let text = self.text.as_bytes();
        let mut entry = 0;
        let mut position = 0;
        while let Some(distance) = finder.find(&text[position..]) {
            let hit = position + distance;
            while self.end_of(entry) <= hit {
                entry += 1;
            }
            let Entry { start, value_length, .. } = self.entries[entry];
            let value_end = usize::from(start) + usize::from(value_length);
            // A hit in an original spelling, or across two values, is none.
            let is_inside = hit + needle_length <= value_end;
            if is_inside {
                found(entry);
            }
            position = if is_inside || hit >= value_end { self.end_of(entry) } else { hit + 1 };
        }
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.text.capacity()
    }

    pub(super) fn entry_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// Where the text of an entry ends, its original spelling included.
    fn end_of(&self, entry: usize) -> usize {
        self.entries.get(entry + 1).map_or(self.text.len(), |next| usize::from(next.start))
    }
}
