//! Slots in an order that follows from what is in them: a sorted list in chunks, of nothing but numbers.

use std::cmp::Ordering;

/// The most slots in a chunk. Larger chunks make insertion slower, smaller ones make more of them.
const CHUNK_LIMIT: usize = 512;
/// The number of slots in a chunk after loading, so that a few more do not split it at once.
const LOADED_LENGTH: usize = CHUNK_LIMIT - CHUNK_LIMIT / 8;

#[derive(Debug, Default)]
pub(super) struct SlotOrder {
    /// None of them is empty.
    chunks: Vec<Vec<u32>>,
}

/// The number of slots in whole chunks before a place, and in its chunk.
#[derive(Debug, Clone, Copy)]
struct Place {
    chunk: usize,
    entry: usize,
}

impl SlotOrder {
    /// An order of slots that are sorted already.
    pub(super) fn of_sorted(slots: &[u32]) -> Self {
        Self { chunks: slots.chunks(LOADED_LENGTH).map(<[u32]>::to_vec).collect() }
    }

    /// Adds a slot. `compare` says how any other slot compares with it.
    pub(super) fn insert(&mut self, slot: u32, compare: impl Fn(u32) -> Ordering) {
        let Place { chunk, entry } = self.edge(|other| compare(other).is_lt());
        let Some(slots) = self.chunks.get_mut(chunk) else {
            self.chunks.push(vec![slot]);
            return;
        };
        slots.insert(entry, slot);
        if slots.len() > CHUNK_LIMIT {
            // Slots that come in order fill their chunks; otherwise half and half.
            let at_end = entry + 1 == slots.len() && chunk + 1 == self.chunks.len();
            let slots = &mut self.chunks[chunk];
            let upper = slots.split_off(if at_end { CHUNK_LIMIT } else { CHUNK_LIMIT / 2 });
            slots.shrink_to_fit();
            self.chunks.insert(chunk + 1, upper);
        }
    }

    /// Takes a slot out; no effect if it is not where it should be. `compare` says how any slot compares with it.
    pub(super) fn remove(&mut self, slot: u32, compare: impl Fn(u32) -> Ordering) {
        let mut place = self.edge(|other| compare(other).is_lt());
        if self.chunks.get(place.chunk).is_some_and(|slots| slots.len() == place.entry) {
            place = Place { chunk: place.chunk + 1, entry: 0 };
        }
        let Place { chunk, entry } = place;
        let is_there = self.chunks.get(chunk).and_then(|slots| slots.get(entry)) == Some(&slot);
        if !is_there {
            return;
        }
        self.chunks[chunk].remove(entry);
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
        }
    }

    /// The slots that are not before a place, upwards; `is_before` is true of the slots before it.
    pub(super) fn ascending(&self, is_before: impl Fn(u32) -> bool) -> impl Iterator<Item = u32> {
        let Place { chunk, entry } = self.edge(is_before);
        let first = self.chunks.get(chunk).and_then(|slots| slots.get(entry..)).unwrap_or_default();
        let behind = self.chunks.get(chunk + 1..).unwrap_or_default();
        first.iter().chain(behind.iter().flatten()).copied()
    }

    /// The slots before a place, downwards; `is_before` is true of them.
    pub(super) fn descending(&self, is_before: impl Fn(u32) -> bool) -> impl Iterator<Item = u32> {
        let Place { chunk, entry } = self.edge(is_before);
        let last = self.chunks.get(chunk).and_then(|slots| slots.get(..entry)).unwrap_or_default();
        let before = self.chunks.get(..chunk).unwrap_or_default();
        last.iter().rev().chain(before.iter().rev().flat_map(|slots| slots.iter().rev())).copied()
    }

    /// Memory behind the list, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        let slots: usize = self.chunks.iter().map(Vec::capacity).sum();
        self.chunks.capacity() * size_of::<Vec<u32>>() + slots * size_of::<u32>()
    }

    /// The place behind all slots before it, which are the first ones; the end of a chunk rather than the beginning of
    /// the next one.
    fn edge(&self, is_before: impl Fn(u32) -> bool) -> Place {
        let behind =
            self.chunks.partition_point(|slots| slots.first().is_some_and(|first| is_before(*first)));
        let chunk = behind.saturating_sub(1);
        let entry = self.chunks.get(chunk).map_or(0, |slots| slots.partition_point(|slot| is_before(*slot)));
        Place { chunk, entry }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Slots are sorted by their last digit, and then by themselves.
    fn key(slot: u32) -> (u32, u32) {
        (slot % 10, slot)
    }

    fn check(order: &SlotOrder, model: &[u32]) {
        for digit in 0..11 {
            let split = model.partition_point(|slot| key(*slot) < (digit, 0));
            let ascending: Vec<u32> = order.ascending(|slot| key(slot) < (digit, 0)).collect();
            assert_eq!(ascending, model[split..]);
            let mut descending: Vec<u32> = order.descending(|slot| key(slot) < (digit, 0)).collect();
            descending.reverse();
            assert_eq!(descending, model[..split]);
        }
    }

    fn changed(order: &mut SlotOrder, model: &mut Vec<u32>, slot: u32, is_insertion: bool) {
        let compare = |other: u32| key(other).cmp(&key(slot));
        match (model.binary_search_by_key(&key(slot), |slot| key(*slot)), is_insertion) {
            (Err(place), true) => {
                order.insert(slot, compare);
                model.insert(place, slot);
            }
            (Ok(place), false) => {
                order.remove(slot, compare);
                model.remove(place);
            }
            // It is not there.
            (Err(_), false) => order.remove(slot, compare),
            (Ok(_), true) => {}
        }
    }

    proptest! {
        #[test]
        fn equals_a_model(steps in prop::collection::vec((0..60_u32, prop::bool::weighted(0.6)), 0..200)) {
            let (mut order, mut model) = (SlotOrder::default(), Vec::new());
            for (slot, is_insertion) in steps {
                changed(&mut order, &mut model, slot, is_insertion);
            }
            check(&order, &model);
        }
    }

    #[test]
    fn equals_a_model_over_many_chunks() {
        let mut model: Vec<u32> = (0..4000).collect();
        model.sort_by_key(|slot| key(*slot));
        let mut order = SlotOrder::of_sorted(&model);
        check(&order, &model);
        for slot in (4000..9000).chain((0..9000).rev().step_by(3)) {
            changed(&mut order, &mut model, slot, slot >= 4000 && slot % 3 != 2);
        }
        check(&order, &model);
        for slot in 0..9000 {
            changed(&mut order, &mut model, slot, slot % 9 == 0);
        }
        check(&order, &model);
        for slot in 0..9000 {
            changed(&mut order, &mut model, slot, false);
        }
        check(&order, &model);
        assert!(order.chunks.is_empty());
    }
}
