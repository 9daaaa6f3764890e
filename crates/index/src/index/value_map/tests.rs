//! The map against a model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::order::Direction;

/// The map and what it should hold: slots by value and spelling.
#[derive(Default)]
struct Pair {
    map: ValueMap,
    terms: TermTable,
    model: BTreeMap<(String, String), (u32, BTreeSet<u32>)>,
}

impl Pair {
    fn insert(&mut self, original: &str, slot: u32) {
        let value = original.to_lowercase();
        let term = self.map.insert(&value, original, slot, &mut self.terms);
        let known = self.model.entry((value, original.to_owned())).or_insert((term, BTreeSet::new()));
        assert_eq!(known.0, term);
        known.1.insert(slot);
    }

    fn stage(&mut self, original: &str, slots: &[u32]) {
        let value = original.to_lowercase();
        let term = self.map.stage(&value, original, slots, &mut self.terms);
        let known = self.model.entry((value, original.to_owned())).or_insert((term, BTreeSet::new()));
        assert_eq!(known.0, term);
        known.1.extend(slots);
    }

    fn remove(&mut self, original: &str, slot: u32) {
        let key = (original.to_lowercase(), original.to_owned());
        let Some((term, slots)) = self.model.get_mut(&key) else { return };
        if slots.remove(&slot) {
            self.map.remove(*term, slot, &mut self.terms);
        }
        if slots.is_empty() {
            self.model.remove(&key);
        }
    }

    fn check(&self) {
        let spellings = |values: Values<'_>| {
            values.map(|found| (found.value.to_owned(), found.original.to_owned())).collect::<Vec<_>>()
        };
        let expected: Vec<(String, String)> = self.model.keys().cloned().collect();
        assert_eq!(spellings(self.map.ascending(None)), expected);
        assert_eq!(self.map.len(), expected.len());
        assert_eq!(self.terms.len(), expected.len());
        let from =
            |value: &str| expected.iter().filter(|(known, _)| known.as_str() >= value).cloned().collect();
        let upto = |value: &str| {
            expected.iter().rev().filter(|(known, _)| known.as_str() <= value).cloned().collect()
        };
        for probe in
            ["", "b", "bb", "k", "zzz"].into_iter().chain(expected.iter().map(|(value, _)| value.as_str()))
        {
            let ascending: Vec<(String, String)> = from(probe);
            assert_eq!(spellings(self.map.ascending(Some(probe))), ascending, "from {probe}");
            let descending: Vec<(String, String)> = upto(probe);
            assert_eq!(
                spellings(self.map.walk(Direction::Desc, Some(probe))),
                descending,
                "down from {probe}"
            );
        }
        for ((value, original), (term, slots)) in &self.model {
            let found = self.map.get(*term, &self.terms).unwrap();
            assert_eq!((found.value, found.original), (value.as_str(), original.as_str()));
            assert_eq!(found.postings.len(), slots.len() as u64);
        }
        for needle in ["a", "ab", "B", "ba"] {
            let mut found = Vec::new();
            self.map.for_each_containing(needle, |hit| found.push(hit.original.to_owned()));
            let containing = expected.iter().filter(|(value, _)| value.contains(needle));
            assert_eq!(
                found,
                containing.map(|(_, original)| original.clone()).collect::<Vec<_>>(),
                "{needle}"
            );
        }
    }
}

proptest! {
    #[test]
    fn equals_a_model(steps in prop::collection::vec(("[abAB]{0,3}", 0..6_u32, prop::bool::weighted(0.6)), 0..300)) {
        let mut pair = Pair::default();
        for (original, slot, is_insertion) in &steps {
            if *is_insertion { pair.insert(original, *slot) } else { pair.remove(original, *slot) }
        }
        pair.check();
    }
}

#[test]
fn equals_a_model_over_many_chunks() {
    let mut pair = Pair::default();
    let text =
        |n: u32| format!("{}{:04}", ["a", "B", "ab", "bA"][n as usize % 4], n.wrapping_mul(7919) % 5000);
    (0..1000).for_each(|n| pair.insert(&text(n), n));
    pair.check();
    // Emptied chunks, first and last ones among them, and then values before the first and after the last.
    (0..1000).filter(|n| n % 3 != 0 || text(*n).starts_with('a')).for_each(|n| pair.remove(&text(n), n));
    pair.check();
    for value in ["A", "zz", "a0000", "bz"] {
        pair.insert(value, 7);
    }
    (0..500).for_each(|n| pair.insert(&format!("y{n:03}"), n));
    pair.check();
}

#[test]
fn staged_values_equal_a_model() {
    let mut pair = Pair::default();
    let text = |n: u32| format!("https://host/{}{:04}", ["a", "B", "ab", "bA"][n as usize % 4], n % 1500);
    for n in 0..1500_u32 {
        pair.stage(&text(n.wrapping_mul(7919) % 3000), &[2 * n, 2 * n + 1][..if n % 3 == 0 { 2 } else { 1 }]);
    }
    let staged = pair.map.take_staged().unwrap();
    let sorted = staged.sorted();
    pair.map.settle(&staged, &sorted);
    pair.map.place_terms(&mut pair.terms);
    pair.check();
    (0..1500_u32).step_by(2).for_each(|n| pair.remove(&text(n.wrapping_mul(7919) % 3000), 2 * n));
    for value in ["", "http", "https://host/a0000x", "zz"] {
        pair.insert(value, 1);
    }
    pair.check();
}
