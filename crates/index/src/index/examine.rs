//! Whether the index answers what it should: what is kept of each entity is what follows from its JSON, and each set of
//! entities that a query reads has exactly those it should have.

use std::collections::BTreeSet;

use super::postings::Postings;
use super::term_list::NULL_TERM;
use super::{Index, Key, Slot};
use crate::entity::IndexedEntity;
use crate::uid::Uid;

/// How many postings are looked at for one call; a value of more entities than that is looked at whole.
const POSTINGS_AT_ONCE: usize = 10_000;

/// Where [`Index::stray_postings`] goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExaminationPlace {
    key: usize,
    /// The last value that was looked at, in lower case.
    value: Option<String>,
}

/// A key with a value or none, as it is kept of an entity.
type KeptTerm<'a> = (&'a str, Option<(&'a str, &'a str)>);

impl Index {
    /// What is wrong with what the index has of an entity, for people to read: how it differs from `entity`, which was
    /// derived anew, and which queries would not find it. Empty if nothing is.
    pub fn faults_of(&self, entity: &IndexedEntity) -> Vec<String> {
        let name = &entity.entity_ref;
        let Some((number, slot)) =
            self.slot_of_ref(name.as_str()).and_then(|number| Some((number, self.slot(number)?)))
        else {
            return vec![format!("{name} is missing")];
        };
        let mut faults = Vec::new();
        if slot.body != entity.body {
            faults.push(format!("{name} is not the stored one"));
        }
        let uid = Uid::from(&*entity.uid);
        if slot.entity_ref != *name || slot.uid != uid {
            faults.push(format!("{name} has another ref or uid"));
        }
        if !self.live.contains(number) {
            faults.push(format!("{name} is not among all entities"));
        }
        let mut same_uid = self.uids.ascending(|other| self.compare_uid(other, &uid).is_lt());
        if same_uid.find(|other| *other == number || self.uid_of(*other) != Some(&uid)) != Some(number) {
            faults.push(format!("{name} cannot be found by its uid"));
        }
        self.compare_terms(number, slot, entity, &mut faults);
        faults
    }

    fn compare_terms(&self, number: u32, slot: &Slot, entity: &IndexedEntity, faults: &mut Vec<String>) {
        let name = &entity.entity_ref;
        let kept: BTreeSet<KeptTerm<'_>> =
            slot.terms.iter().filter_map(|(key, term)| self.kept_term(key, term)).collect();
        if kept.len() != slot.terms.len() {
            faults.push(format!("{name} is kept with terms that do not exist"));
        }
        let derived: BTreeSet<KeptTerm<'_>> =
            entity.terms.iter().map(|term| (term.key(), term.value().zip(term.original()))).collect();
        for (key, value) in derived.difference(&kept) {
            faults.push(format!("{name} is kept without {}", shown(key, *value)));
        }
        for (key, value) in kept.difference(&derived) {
            faults.push(format!("{name} is kept with {}, which it does not have", shown(key, *value)));
        }
        for (key, value) in &derived {
            if !self.key(key).is_some_and(|key| key.is_found(number, *value)) {
                faults.push(format!("{name} cannot be found by {}", shown(key, *value)));
            }
        }
    }

    fn kept_term(&self, key: u32, term: u32) -> Option<KeptTerm<'_>> {
        let key = self.keys.get(key as usize)?;
        if term == NULL_TERM {
            return Some((&key.name, None));
        }
        let found = key.values.get(term, &self.terms)?;
        Some((&key.name, Some((found.value, found.original))))
    }

    /// Looks at some of the sets that queries read, beginning at `place`, which moves on: adds what is wrong to
    /// `faults`. Returns whether there is more to look at. The index may change between two calls.
    pub fn stray_postings(&self, place: &mut ExaminationPlace, faults: &mut Vec<String>) -> bool {
        let mut budget = POSTINGS_AT_ONCE;
        while let Some(key) = self.keys.get(place.key) {
            if place.value.is_none() {
                self.examine_key(key, faults);
            }
            let start = place.value.take();
            let mut walk = key.values.ascending(start.as_deref()).peekable();
            while let Some(found) = walk.next() {
                // Spellings of one value are neighbours, and are looked at together.
                if start.as_deref() == Some(found.value) {
                    continue;
                }
                let term = key.values.term_of_spelling(found.value, found.original);
                for number in found.postings.iter() {
                    let is_kept = term.is_some_and(|term| self.keeps(number, place.key, term));
                    if !is_kept {
                        faults.push(self.stray(number, key, Some((found.value, found.original))));
                    }
                }
                let length = usize::try_from(found.postings.len()).unwrap_or(usize::MAX);
                budget = budget.saturating_sub(length.max(1));
                if budget == 0 && walk.peek().is_none_or(|next| next.value != found.value) {
                    place.value = Some(found.value.to_owned());
                    return true;
                }
            }
            place.key += 1;
        }
        self.examine_names(faults);
        false
    }

    fn examine_key(&self, key: &Key, faults: &mut Vec<String>) {
        let Some(id) = self.key_id(&key.name).filter(|_| !key.is_empty()) else { return };
        for number in key.nulls.postings().iter() {
            if !self.keeps(number, id as usize, NULL_TERM) {
                faults.push(self.stray(number, key, None));
            }
        }
        let without_value = |number: &u32| self.terms_of(*number, id).iter().all(|term| *term == NULL_TERM);
        for number in key.valued.iter().flat_map(|valued| valued.iter()).filter(without_value) {
            faults.push(format!("{} is found by any value of {}", self.name_of(number), key.name));
        }
    }

    /// Refs and uids lead to each entity once, in order.
    fn examine_names(&self, faults: &mut Vec<String>) {
        let places = self.refs.numbers().count();
        let refs_are_sorted = self.refs_in_order.ascending(|_| false).is_sorted_by(|left, right| {
            let refs = self.slot(*left).zip(self.slot(*right));
            refs.is_some_and(|(left, right)| left.entity_ref < right.entity_ref)
        });
        let in_order = self.refs_in_order.ascending(|_| false).count();
        if places != self.len() || in_order != self.len() || !refs_are_sorted {
            faults.push("the refs do not lead to each entity once".to_owned());
        }
        let uids_are_sorted = self.uids.ascending(|_| false).is_sorted_by(|left, right| {
            self.slot(*left).is_some() && (self.uid_of(*left), left) < (self.uid_of(*right), right)
        });
        if self.uids.ascending(|_| false).count() != self.len() || !uids_are_sorted {
            faults.push("the uids do not lead to each entity once".to_owned());
        }
        if self.live.len() != self.len() as u64 || self.live.iter().any(|slot| self.slot(slot).is_none()) {
            faults.push("there are entities among all that do not exist".to_owned());
        }
    }

    fn keeps(&self, number: u32, key: usize, term: u32) -> bool {
        let Ok(key) = u32::try_from(key) else { return false };
        self.slot(number).is_some_and(|slot| slot.terms.contains(key, term))
    }

    fn stray(&self, number: u32, key: &Key, value: Option<(&str, &str)>) -> String {
        let name = self.name_of(number);
        format!("{name} is found by {}, which it does not have", shown(&key.name, value))
    }

    fn name_of(&self, number: u32) -> &str {
        self.slot(number).map_or("an entity that does not exist", |slot| slot.entity_ref.as_str())
    }
}

impl Key {
    /// Whether queries for a value, or for a term without one, find an entity.
    fn is_found(&self, number: u32, value: Option<(&str, &str)>) -> bool {
        let Some((value, original)) = value else { return self.nulls.postings().contains(number) };
        let by_value = self
            .values
            .equal_to(value)
            .any(|found| found.original == original && found.postings.contains(number));
        by_value && self.valued.as_ref().is_none_or(|valued| valued.contains(number))
    }
}

impl<'a> Postings<'a> {
    fn contains(self, number: u32) -> bool {
        match self {
            Self::One(only) => only == number,
            Self::Few(few) => few.binary_search(&number).is_ok(),
            Self::Many(many) => many.contains(number),
        }
    }

    fn iter(self) -> Box<dyn Iterator<Item = u32> + 'a> {
        match self {
            Self::One(only) => Box::new(std::iter::once(only)),
            Self::Few(few) => Box::new(few.iter().copied()),
            Self::Many(many) => Box::new(many.iter()),
        }
    }
}

fn shown(key: &str, value: Option<(&str, &str)>) -> String {
    match value {
        Some((_, original)) => format!("{key}={original}"),
        None => format!("{key} without a value"),
    }
}

#[cfg(test)]
mod tests;
