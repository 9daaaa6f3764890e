//! Terms that entities had lately.
//!
//! Most values of an entity are those of others before it: its kind, its owner, its tags. To find one among all values of
//! its key, memory is read in a dozen places; here it is one, and another to see that it is right.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;

/// How many are remembered, a power of two. They take eight bytes each.
const REMEMBERED: usize = 1 << 13;

/// Term ids by a hash of key and value, of which later ones replace earlier ones. They may be wrong: hashes can be equal,
/// and terms are given to other values.
#[derive(Debug, Default)]
pub(super) struct RecentTerms {
    /// None, until there is the first.
    places: Vec<Recent>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    /// The half of the hash that does not say the place. Of a place without a term it is as good as any.
    rest: u32,
    term: u32,
}

/// Where a value is remembered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    number: usize,
    rest: u32,
}

impl RecentTerms {
    pub(super) fn place(&self, key: u32, value: &str, original: &str) -> Place {
        // A value that is spelled in lower case is hashed once.
        let spelled = if original == value { "" } else { original };
        let hash = self.hasher.hash_one((key, value, spelled));
        let [b0, b1, b2, b3, b4, b5, b6, b7] = hash.to_le_bytes();
        let number = u32::from_le_bytes([b0, b1, b2, b3]) as usize % REMEMBERED;
        Place { number, rest: u32::from_le_bytes([b4, b5, b6, b7]) }
    }

    /// The term that a value probably has.
    pub(super) fn get(&self, place: Place) -> Option<u32> {
        self.places.get(place.number).filter(|recent| recent.rest == place.rest).map(|recent| recent.term)
    }

    pub(super) fn put(&mut self, place: Place, term: u32) {
        if self.places.is_empty() {
            self.places = vec![Recent::default(); REMEMBERED];
        }
        self.places[place.number] = Recent { rest: place.rest, term };
    }
}
