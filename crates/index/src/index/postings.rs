//! The slots of the entities that have a value.

use roaring::RoaringBitmap;

use super::slot_set_builder::SlotSetBuilder;
use super::vec_growth::reserve;

/// Up to this many slots a sorted list is smaller and faster than a bitmap, whose containers are scattered in memory.
const FEW_LIMIT: usize = 256;
/// At this many a bitmap is turned back into a list; well below the other limit, so that it does not flap.
const MANY_LIMIT: u64 = 128;

/// Some slots, to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Postings<'a> {
    One(u32),
    /// In ascending order.
    Few(&'a [u32]),
    Many(&'a RoaringBitmap),
}

/// Some slots, to be changed.
#[derive(Debug)]
pub(crate) enum SlotSet {
    /// In ascending order.
    Few(Vec<u32>),
    Many(RoaringBitmap),
}

impl Default for SlotSet {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Postings<'_> {
    pub(crate) fn len(self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Few(few) => few.len() as u64,
            Self::Many(many) => many.len(),
        }
    }

    /// Adds the slots that are in a set to another one.
    pub(crate) fn add_intersection(self, slots: &RoaringBitmap, result: &mut RoaringBitmap) {
        let mut add = |slot: u32| {
            if slots.contains(slot) {
                result.insert(slot);
            }
        };
        match self {
            Self::One(only) => add(only),
            Self::Few(few) => few.iter().copied().for_each(add),
            Self::Many(many) if result.is_empty() => *result = many & slots,
            Self::Many(many) => *result |= many & slots,
        }
    }

    pub(crate) fn add_to(self, builder: &mut SlotSetBuilder) {
        match self {
            Self::One(only) => builder.add(only),
            Self::Few(few) => builder.add_all(few),
            Self::Many(many) => builder.add_bitmap(many),
        }
    }
}

impl SlotSet {
    pub(crate) fn pair(one: u32, other: u32) -> Self {
        Self::Few(vec![one.min(other), one.max(other)])
    }

    /// Adds slots that are in ascending order and come after all that are there.
    pub(crate) fn append(&mut self, slots: &[u32]) {
        match self {
            Self::Few(few) if few.len() + slots.len() <= FEW_LIMIT => {
                if few.capacity() - few.len() < slots.len() {
                    few.reserve_exact(slots.len().max(few.len() / 4));
                }
                few.extend_from_slice(slots);
            }
            Self::Few(few) => *self = Self::Many(few.iter().chain(slots).copied().collect()),
            Self::Many(many) => {
                if many.append(slots.iter().copied()).is_err() {
                    many.extend(slots);
                }
            }
        }
    }

    pub(crate) fn postings(&self) -> Postings<'_> {
        match self {
            Self::Few(few) => Postings::Few(few),
            Self::Many(many) => Postings::Many(many),
        }
    }

    /// Adds a slot; no effect if it is there.
    pub(crate) fn insert(&mut self, slot: u32) {
        match self {
            Self::Few(few) => {
                let Err(position) = few.binary_search(&slot) else { return };
                reserve(few);
                few.insert(position, slot);
                if few.len() > FEW_LIMIT {
                    *self = Self::Many(few.iter().copied().collect());
                }
            }
            Self::Many(many) => {
                many.insert(slot);
            }
        }
    }

    /// Removes a slot; no effect if it is not there.
    pub(crate) fn remove(&mut self, slot: u32) {
        match self {
            Self::Few(few) => {
                if let Ok(position) = few.binary_search(&slot) {
                    few.remove(position);
                }
            }
            Self::Many(many) => {
                if many.remove(slot) && many.len() <= MANY_LIMIT {
                    *self = Self::Few(many.iter().collect());
                }
            }
        }
    }

    /// The slot, if there is exactly one.
    pub(crate) fn only(&self) -> Option<u32> {
        match self {
            Self::Few(few) => few.first().copied().filter(|_| few.len() == 1),
            Self::Many(_) => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(many) => many.is_empty(),
        }
    }

    /// Memory behind the enum itself, in bytes, estimated.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Few(few) => few.capacity() * size_of::<u32>(),
            Self::Many(many) => bitmap_bytes(many) - size_of::<RoaringBitmap>(),
        }
    }
}

/// Memory of a bitmap, in bytes, estimated.
pub(crate) fn bitmap_bytes(bitmap: &RoaringBitmap) -> usize {
    /// What the bitmap keeps for each container besides its contents.
    const CONTAINER_HEADER: usize = 40;
    let statistics = bitmap.statistics();
    let contents = statistics.n_bytes_array_containers
        + statistics.n_bytes_run_containers
        + statistics.n_bytes_bitset_containers;
    let headers = statistics.n_containers as usize * CONTAINER_HEADER;
    size_of::<RoaringBitmap>() + headers + usize::try_from(contents).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn check(set: &SlotSet, model: &BTreeSet<u32>) {
        let postings = set.postings();
        let mut builder = SlotSetBuilder::new();
        postings.add_to(&mut builder);
        let slots = builder.finish();
        assert_eq!(slots.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
        assert_eq!(postings.len(), model.len() as u64);
        assert_eq!(set.is_empty(), model.is_empty());
        assert_eq!(set.only(), model.first().copied().filter(|_| model.len() == 1));
        let even: RoaringBitmap = (0..2000).step_by(2).collect();
        for mut result in [RoaringBitmap::new(), RoaringBitmap::from_iter([1])] {
            let expected = &result | (&slots & &even);
            postings.add_intersection(&even, &mut result);
            assert_eq!(result, expected);
        }
    }

    proptest! {
        #[test]
        fn sets_equal_a_model(
            grown in prop::collection::vec(0..2000_u32, 0..600),
            shrunk in prop::collection::vec(0..2000_u32, 0..3000),
        ) {
            let mut set = SlotSet::default();
            let mut model = BTreeSet::new();
            for slot in grown {
                set.insert(slot);
                model.insert(slot);
            }
            check(&set, &model);
            for slot in shrunk {
                set.remove(slot);
                model.remove(&slot);
            }
            check(&set, &model);
        }
    }

    proptest! {
        #[test]
        fn appending_is_inserting(parts in prop::collection::vec(prop::collection::vec(1..90_u32, 0..40), 0..30)) {
            let (mut appended, mut inserted) = (SlotSet::default(), BTreeSet::new());
            let mut last = 0;
            for distances in parts {
                let slots: Vec<u32> = distances.iter().map(|distance| { last += distance; last }).collect();
                appended.append(&slots);
                inserted.extend(slots);
            }
            check(&appended, &inserted);
        }
    }

    #[test]
    fn sets_turn_into_bitmaps_and_back() {
        let mut set = SlotSet::pair(1, 0);
        (2..300).for_each(|slot| set.insert(slot));
        assert!(matches!(set, SlotSet::Many(_)));
        (0..200).for_each(|slot| set.remove(slot));
        assert!(matches!(set, SlotSet::Few(_)));
        (200..299).for_each(|slot| set.remove(slot));
        assert_eq!(set.only(), Some(299));
    }
}
