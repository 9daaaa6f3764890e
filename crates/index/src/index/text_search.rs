//! Substring search in the values of some keys.

use roaring::RoaringBitmap;

use super::Index;
use super::slot_set_builder::SlotSetBuilder;
use crate::full_text::TextSearch;

/// Looking up one value of one entity costs about as much as searching this many values in a row.
const ENTITY_COST: u64 = 48;

impl Index {
    /// The slots of a set that have the text in any of the searched keys.
    pub(super) fn matching_text(&self, slots: &RoaringBitmap, search: &TextSearch) -> RoaringBitmap {
        let key_ids: Vec<u32> = search.keys.iter().filter_map(|key| self.key_id(key)).collect();
        let values: u64 = key_ids.iter().map(|id| self.keys[*id as usize].values.len() as u64).sum();
        if slots.len() * key_ids.len() as u64 * ENTITY_COST < values {
            let has_text = |slot: &u32| {
                key_ids.iter().any(|key_id| {
                    self.values_of(*slot, *key_id).any(|found| found.value.contains(&search.term))
                })
            };
            return slots.iter().filter(has_text).collect();
        }
        let mut builder = SlotSetBuilder::new();
        for key_id in key_ids {
            let values = &self.keys[key_id as usize].values;
            values.for_each_containing(&search.term, |found| found.postings.add_to(&mut builder));
        }
        let found = builder.finish();
        if slots.len() == self.live.len() { found } else { found & slots }
    }
}
