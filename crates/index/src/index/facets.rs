//! Answers to facet queries.

use std::collections::{HashMap, HashSet};

use roaring::RoaringBitmap;

use super::Index;
use crate::facet::{Facet, FacetQuery, FacetValue};
use crate::scalar::lower;

/// Going through the terms of one entity costs about as much as this many look-ups of single values.
const ENTITY_COST: u64 = 16;

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
            let counted = values
                .ascending(None)
                .map(|value| (value.original, value.postings.intersection_len(matches)));
            counted.filter(|(_, count)| *count > 0).collect()
        };
        // Mostly sorted already: only letter case sets the spelling apart from the value.
        counts.sort_by_key(|(value, _)| *value);
        counts.into_iter().map(|(value, count)| FacetValue { value: value.to_owned(), count }).collect()
    }

    fn count_by_entity(&self, key_id: u32, matches: &RoaringBitmap) -> Vec<(&str, u64)> {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for slot in matches {
            for value in self.values_of(slot, key_id) {
                *counts.entry(value.original).or_default() += 1;
            }
        }
        counts.into_iter().collect()
    }
}
