//! How large the index is.

use super::postings::bitmap_bytes;
use super::{Index, Key, Slot};

/// The size of an index. Bytes are estimates: what was asked of the allocator, without its own overhead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// The number of entities.
    pub entities: usize,
    /// The number of distinct keys.
    pub keys: usize,
    /// The number of distinct pairs of key and value, spellings counted apart.
    pub terms: usize,
    /// The number of terms of all entities together.
    pub entity_terms: usize,
    /// The JSON texts of the entities.
    pub body_bytes: usize,
    /// Refs, uids and other fixed parts of the entities.
    pub entity_bytes: usize,
    /// The term lists of the entities.
    pub term_list_bytes: usize,
    /// The text of the values.
    pub text_bytes: usize,
    /// Values, apart from their text, and the sets of entities that have them.
    pub postings_bytes: usize,
    /// Keys, and the sets of entities that have them.
    pub key_bytes: usize,
}

impl MemoryUsage {
    /// All bytes together.
    pub fn total_bytes(&self) -> usize {
        let Self { body_bytes, entity_bytes, term_list_bytes, text_bytes, postings_bytes, key_bytes, .. } =
            self;
        body_bytes + entity_bytes + term_list_bytes + text_bytes + postings_bytes + key_bytes
    }
}

impl Index {
    /// How many terms all entities have together of the keys that begin like this.
    pub fn count_terms(&self, prefix: &str) -> u64 {
        let keys = self.keys.iter().filter(|key| key.name.starts_with(prefix));
        keys.flat_map(|key| key.values.ascending(None)).map(|value| value.postings.len()).sum()
    }

    /// Measures the index. Goes through all of it, so it is for an occasional look, not for every request.
    pub fn memory_usage(&self) -> MemoryUsage {
        let mut usage = MemoryUsage {
            entities: self.len(),
            keys: self.key_ids.len(),
            terms: self.terms.len() - self.refs.len() - self.uids.len(),
            entity_bytes: self.slots.capacity() * size_of::<Option<Slot>>() + bitmap_bytes(&self.live),
            postings_bytes: self.terms.bytes(),
            key_bytes: self.keys.capacity() * size_of::<Key>(),
            ..MemoryUsage::default()
        };
        for entity in self.slots.iter().flatten() {
            usage.body_bytes += entity.body.len();
            usage.entity_bytes += entity.entity_ref.as_str().len() + entity.uid.len() + entity.etag.len();
            usage.entity_terms += entity.terms.len();
            usage.term_list_bytes += size_of_val(&*entity.terms);
        }
        for values in self.keys.iter().map(|key| &key.values).chain([&self.refs, &self.uids]) {
            let (text, rest) = values.memory();
            usage.text_bytes += text;
            usage.postings_bytes += rest;
        }
        for key in &self.keys {
            // The name is kept once and pointed to twice.
            usage.key_bytes += key.name.len() + 2 * size_of::<usize>() + 3 * size_of::<usize>();
            usage.key_bytes += key.valued.as_ref().map_or(0, |valued| bitmap_bytes(valued));
            usage.key_bytes += key.nulls.heap_bytes();
        }
        usage
    }
}
