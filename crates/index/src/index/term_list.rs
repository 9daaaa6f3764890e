//! The terms of an entity.
//!
//! Entities of one kind have mostly the same keys, so the list of keys is kept once for all that share it, and each
//! keeps but one number a term. Keys that are made of the items of a list are as different as the items, and would
//! leave no two entities with the same keys; each entity keeps its own of those.

use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashSet;

/// Stands in term lists for the term of a key that has no value.
pub(super) const NULL_TERM: u32 = u32::MAX;

/// A term that an entity has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListedTerm {
    /// Whether other entities hardly have the key.
    pub(super) is_membership: bool,
    pub(super) key: u32,
    pub(super) term: u32,
}

/// Key id and term id of each term. A key is either shared or own.
#[derive(Debug, Default)]
pub(super) struct TermList {
    /// Sorted, one for each term of these keys.
    shared_keys: Arc<[u32]>,
    /// The terms of the shared keys, then the keys that are the entity's own, then the terms of these.
    numbers: Box<[u32]>,
}

/// Which keys an entity shares, before it is known which terms it has for them.
#[derive(Debug)]
pub(super) struct KeyShape {
    keys: Arc<[u32]>,
    /// For each of these keys, which of the entity's terms it is.
    places: Vec<u32>,
    /// Where there are several terms of one key.
    repeated: Vec<Range<usize>>,
}

/// The lists of keys that entities share.
#[derive(Debug, Default)]
pub(super) struct KeyLists {
    known: HashSet<Arc<[u32]>, RandomState>,
}

impl TermList {
    pub(super) fn len(&self) -> usize {
        self.shared_keys.len() + self.own().0.len()
    }

    /// Key id and term id of each term.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let (own_keys, own_terms) = self.own();
        let shared = self.shared_keys.iter().zip(&self.numbers);
        shared.chain(own_keys.iter().zip(own_terms)).map(|(key, term)| (*key, *term))
    }

    /// The term ids of one key, in order.
    pub(super) fn of_key(&self, key: u32) -> &[u32] {
        let shared = part(&self.shared_keys, &self.numbers, key);
        if !shared.is_empty() {
            return shared;
        }
        let (own_keys, own_terms) = self.own();
        part(own_keys, own_terms, key)
    }

    pub(super) fn contains(&self, key: u32, term: u32) -> bool {
        self.of_key(key).binary_search(&term).is_ok()
    }

    /// Memory of its own, in bytes; the shared keys are counted by [`KeyLists::heap_bytes`].
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.numbers)
    }

    /// The keys of its own, and their terms.
    fn own(&self) -> (&[u32], &[u32]) {
        let own = &self.numbers[self.shared_keys.len()..];
        own.split_at(own.len() / 2)
    }
}

/// The terms of one key.
fn part<'a>(keys: &[u32], terms: &'a [u32], key: u32) -> &'a [u32] {
    let start = keys.partition_point(|other| *other < key);
    let length = keys[start..].iter().take_while(|other| **other == key).count();
    &terms[start..start + length]
}

impl KeyShape {
    /// The list of an entity that has these terms, in the order of the keys that the shape was made of, and its own.
    pub(super) fn list(&self, terms: impl Fn(u32) -> u32, own: &mut [(u32, u32)]) -> TermList {
        let mut numbers = Vec::with_capacity(self.places.len() + 2 * own.len());
        numbers.extend(self.places.iter().map(|place| terms(*place)));
        for same_key in &self.repeated {
            numbers[same_key.clone()].sort_unstable();
        }
        own.sort_unstable();
        numbers.extend(own.iter().map(|(key, _)| *key));
        numbers.extend(own.iter().map(|(_, term)| *term));
        TermList { shared_keys: Arc::clone(&self.keys), numbers: numbers.into() }
    }
}

impl KeyLists {
    /// The shape of entities whose terms have these keys, in whatever order.
    pub(super) fn shape(&mut self, keys: &[u32]) -> KeyShape {
        let mut sorted: Vec<(u32, u32)> = keys.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        let places = sorted.iter().map(|(_, place)| *place).collect();
        let keys: Vec<u32> = sorted.into_iter().map(|(key, _)| key).collect();
        let mut end = 0;
        let same_key = keys.chunk_by(|left, right| left == right).map(|same_key| {
            let start = end;
            end += same_key.len();
            start..end
        });
        let repeated = same_key.filter(|places| places.len() > 1).collect();
        let keys = self.known.get_or_insert_with(keys.as_slice(), |keys| keys.into());
        KeyShape { keys: Arc::clone(keys), places, repeated }
    }

    /// A list of these terms.
    pub(super) fn list(&mut self, mut terms: Vec<ListedTerm>) -> TermList {
        terms.sort_unstable();
        let (shared, own) = terms.split_at(terms.partition_point(|term| !term.is_membership));
        let keys: Vec<u32> = shared.iter().map(|term| term.key).collect();
        let keys = self.known.get_or_insert_with(keys.as_slice(), |keys| keys.into());
        let own_keys = own.iter().map(|term| term.key);
        let mut numbers = Vec::with_capacity(shared.len() + 2 * own.len());
        numbers.extend(
            shared.iter().map(|term| term.term).chain(own_keys).chain(own.iter().map(|term| term.term)),
        );
        TermList { shared_keys: Arc::clone(keys), numbers: numbers.into() }
    }

    /// Forgets the keys of a list that is about to be dropped, if no other entity has the same.
    pub(super) fn release(&mut self, list: &TermList) {
        /// The set's own, and that of the list.
        const LAST_TWO: usize = 2;
        if Arc::strong_count(&list.shared_keys) <= LAST_TWO {
            self.known.remove(&*list.shared_keys);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        const COUNTERS: usize = 2 * size_of::<usize>();
        let keys: usize = self.known.iter().map(|keys| COUNTERS + size_of_val(&**keys)).sum();
        self.known.allocation_size() + keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(key: u32, term: u32) -> ListedTerm {
        ListedTerm { is_membership: false, key, term }
    }

    fn own(key: u32, term: u32) -> ListedTerm {
        ListedTerm { is_membership: true, key, term }
    }

    #[test]
    fn shapes_give_the_same_lists() {
        let mut lists = KeyLists::default();
        let shape = lists.shape(&[3, 1, 3]);
        let terms = [8, 7, 2];
        let one = shape.list(|place| terms[place as usize], &mut [(9, 4), (2, 6)]);
        let other = lists.list(vec![shared(3, 8), own(2, 6), shared(1, 7), shared(3, 2), own(9, 4)]);
        assert!(Arc::ptr_eq(&one.shared_keys, &other.shared_keys));
        assert_eq!(one.numbers, other.numbers);
    }

    #[test]
    fn keys_are_shared_as_long_as_somebody_has_them() {
        let mut lists = KeyLists::default();
        let one = lists.list(vec![shared(3, 8), own(2, 6), shared(1, 7), shared(3, 2), own(9, 4)]);
        let other = lists.list(vec![shared(1, 9), shared(3, 5), shared(3, NULL_TERM)]);
        assert!(Arc::ptr_eq(&one.shared_keys, &other.shared_keys));
        assert_eq!((one.of_key(1), one.of_key(4), other.of_key(3)), (&[7][..], &[][..], &[5, NULL_TERM][..]));
        assert_eq!((one.of_key(2), one.of_key(9), other.of_key(9)), (&[6][..], &[4][..], &[][..]));
        assert_eq!(one.iter().collect::<Vec<_>>(), [(1, 7), (3, 2), (3, 8), (2, 6), (9, 4)]);
        assert_eq!((one.len(), other.len()), (5, 3));
        assert!(one.contains(3, 8) && one.contains(2, 6) && !one.contains(1, 8));
        lists.release(&one);
        drop(one);
        assert_eq!(lists.known.len(), 1);
        lists.release(&other);
        assert!(lists.known.is_empty());
    }
}
