//! Answers to facet queries.

use std::collections::{HashMap, HashSet};

use roaring::RoaringBitmap;

use super::Index;
use super::postings::Postings;
use crate::facet::{Facet, FacetQuery, FacetValue};
use crate::scalar::lower;

/// Finding the values of one entity costs about as much as this many look-ups of single values.
const ENTITY_COST: u64 = 8;

impl Index {
    /// Counts the values of some keys among the entities that fulfil a predicate.
    pub fn facets(&self, query: &FacetQuery) -> Vec<Facet> {
        let matches = self.matching([query.predicate.as_ref(), query.restriction.as_ref()]);
        let mut seen = HashSet::new();
        let names = query.facets.iter().filter(|name| seen.insert(*name));
        names
            .map(|name| Facet { name: name.clone(), values: self.facet_values(&lower(name), &matches) })
            .collect()
    }

    fn facet_values(&self, key_name: &str, matches: &RoaringBitmap) -> Vec<FacetValue> {
        let Some(key_id) = self.key_id(key_name) else { return Vec::new() };
        let values = &self.keys[key_id as usize].values;
        let mut counts: Vec<(&str, u64)> = if matches.len() == self.live.len() {
            values.ascending(None).map(|value| (value.original, value.postings.len())).collect()
        } else if matches.len() * ENTITY_COST < values.len() as u64 {
            self.count_by_entity(key_id, matches)
        } else {
            let members = Members::of(matches, values.len() as u64);
            let counted = values.ascending(None).map(|value| (value.original, members.count(value.postings)));
            counted.filter(|(_, count)| *count > 0).collect()
        };
        // Mostly sorted already: only letter case sets the spelling apart from the value.
        counts.sort_by_key(|(value, _)| *value);
        counts.into_iter().map(|(value, count)| FacetValue { value: value.to_owned(), count }).collect()
    }

    fn count_by_entity(&self, key_id: u32, matches: &RoaringBitmap) -> Vec<(&str, u64)> {
        let mut counts: HashMap<u32, u64> = HashMap::new();
        for slot in matches {
            for term in self.terms_of(slot, key_id) {
                *counts.entry(*term).or_default() += 1;
            }
        }
        let values = &self.keys[key_id as usize].values;
        let spelled = |(term, count)| Some((values.get(term, &self.terms)?.original, count));
        counts.into_iter().filter_map(spelled).collect()
    }
}

/// A set of slots that may be asked very often whether it contains one.
struct Members<'a> {
    bitmap: &'a RoaringBitmap,
    /// The same slots, a bit each: asking these takes a fraction of the time. Made only where that pays.
    bits: Option<Vec<u64>>,
}

impl<'a> Members<'a> {
    fn of(bitmap: &'a RoaringBitmap, values: u64) -> Self {
        // The fewer entities there are to a value, the more of them are looked up one by one.
        if values.saturating_mul(4) < bitmap.len() {
            return Self { bitmap, bits: None };
        }
        let mut bits = vec![0; bitmap.max().map_or(0, |largest| largest as usize / 64 + 1)];
        for slot in bitmap {
            bits[slot as usize / 64] |= 1 << (slot % 64);
        }
        Self { bitmap, bits: Some(bits) }
    }

    fn contains(&self, slot: u32) -> bool {
        match &self.bits {
            Some(bits) => bits.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1),
            None => self.bitmap.contains(slot),
        }
    }

    fn count(&self, postings: Postings<'_>) -> u64 {
        match postings {
            Postings::One(slot) => u64::from(self.contains(slot)),
            Postings::Few(slots) => slots.iter().filter(|slot| self.contains(**slot)).count() as u64,
            Postings::Many(slots) => slots.intersection_len(self.bitmap),
        }
    }
}
