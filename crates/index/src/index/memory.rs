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
    /// Refs, uids and other fixed parts of the entities, and their order by these.
    pub entity_bytes: usize,
    /// The term lists of the entities, but for the lists of keys that they share.
    pub term_list_bytes: usize,
    /// The text of the values.
    pub text_bytes: usize,
    /// Values, apart from their text, and the sets of entities that have them.
    pub postings_bytes: usize,
    /// Keys, the sets of entities that have them, and the lists of keys that entities share.
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
            terms: self.terms.len(),
            entity_bytes: self.slots.capacity() * size_of::<Option<Slot>>()
                + self.free_slots.capacity() * size_of::<u32>()
                + bitmap_bytes(&self.live)
                + self.refs.heap_bytes()
                + self.refs_in_order.heap_bytes()
                + self.uids.heap_bytes(),
            postings_bytes: self.terms.bytes(),
            key_bytes: self.keys.capacity() * size_of::<Key>() + self.key_lists.heap_bytes(),
            ..MemoryUsage::default()
        };
        for entity in self.slots.iter().flatten() {
            usage.body_bytes += entity.body.len();
            // The text of a ref lies behind two counters.
            usage.entity_bytes += 2 * size_of::<usize>() + entity.entity_ref.as_str().len();
            usage.entity_bytes += entity.uid.heap_bytes();
            usage.entity_terms += entity.terms.len();
            usage.term_list_bytes += entity.terms.heap_bytes();
        }
        for values in self.keys.iter().map(|key| &key.values) {
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
