//! Predicates as bitmap algebra.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::postings::Postings;
use super::slot_set_builder::SlotSetBuilder;
use super::{Index, Key};
use crate::predicate::{Predicate, Test};

impl Index {
    /// The slots that fulfil all the given predicates.
    pub(super) fn matching(&self, predicates: [Option<&Predicate>; 2]) -> Cow<'_, RoaringBitmap> {
        let mut tests: Vec<Test> =
            predicates.into_iter().flatten().map(|predicate| predicate.matcher().0).collect();
        match tests.len() {
            0 => Cow::Borrowed(&self.live),
            1 => self.evaluate(&tests.remove(0)),
            _ => self.evaluate(&Test::All(tests)),
        }
    }

    /// The number of entities that fulfil a predicate.
    pub fn count(&self, predicate: Option<&Predicate>) -> u64 {
        self.matching([predicate, None]).len()
    }

    /// Whether one entity passes a test: the same answer as [`Index::matching`], without building sets.
    pub(super) fn slot_passes(&self, slot: u32, test: &Test) -> bool {
        match test {
            Test::All(parts) => parts.iter().all(|part| self.slot_passes(slot, part)),
            Test::Any(parts) => parts.iter().any(|part| self.slot_passes(slot, part)),
            Test::Not(part) => !self.slot_passes(slot, part),
            Test::Exists { key } => {
                self.key_id(key).is_some_and(|key_id| !self.terms_of(slot, key_id).is_empty())
            }
            Test::In { key, values } => {
                self.slot_has(slot, key, |value| values.iter().any(|listed| listed == value))
            }
            Test::Prefix { key, prefix } => self.slot_has(slot, key, |value| value.starts_with(prefix)),
        }
    }

    fn slot_has(&self, slot: u32, key: &str, passes: impl Fn(&str) -> bool) -> bool {
        let Some(key_id) = self.key_id(key) else { return false };
        self.values_of(slot, key_id).any(|found| passes(found.value))
    }

    fn evaluate(&self, test: &Test) -> Cow<'_, RoaringBitmap> {
        match test {
            Test::All(parts) => self.all(parts),
            Test::Any(parts) => self.any(parts),
            Test::Not(part) => Cow::Owned(&self.live - self.evaluate(part).as_ref()),
            Test::Exists { key } => self.key(key).map_or_else(nothing, Key::existing),
            Test::In { key, values } => self.key(key).map_or_else(nothing, |key| key.having_any(values)),
            Test::Prefix { key, prefix } => {
                self.key(key).map_or_else(nothing, |key| key.having_prefix(prefix))
            }
        }
    }

    fn all(&self, parts: &[Test]) -> Cow<'_, RoaringBitmap> {
        let mut required = Vec::new();
        let mut excluded = Vec::new();
        for part in parts {
            match part {
                Test::Not(negated) => excluded.push(self.evaluate(negated)),
                _ => required.push(self.evaluate(part)),
            }
        }
        // The smallest set first, so that the intermediate results are small.
        required.sort_by_key(|set| set.len());
        let mut sets = required.into_iter();
        let mut result = sets.next().unwrap_or(Cow::Borrowed(&self.live));
        for set in sets {
            result = Cow::Owned(result.as_ref() & set.as_ref());
        }
        for set in excluded {
            *result.to_mut() -= set.as_ref();
        }
        result
    }

    fn any(&self, parts: &[Test]) -> Cow<'_, RoaringBitmap> {
        let mut result = nothing();
        for part in parts {
            let set = self.evaluate(part);
            if result.is_empty() {
                result = set;
            } else {
                *result.to_mut() |= set.as_ref();
            }
        }
        result
    }
}

impl Key {
    /// The entities with any term of this key.
    pub(super) fn existing(&self) -> Cow<'_, RoaringBitmap> {
        let valued = self.valued();
        if self.nulls.is_empty() {
            return valued;
        }
        let mut builder = SlotSetBuilder::new();
        self.nulls.postings().add_to(&mut builder);
        Cow::Owned(valued.as_ref() | builder.finish())
    }

    /// The entities with a value of this key.
    pub(super) fn valued(&self) -> Cow<'_, RoaringBitmap> {
        match &self.valued {
            Some(valued) => Cow::Borrowed(valued),
            None => self.having_prefix(""),
        }
    }

    fn having_any(&self, values: &[String]) -> Cow<'_, RoaringBitmap> {
        let mut found = values.iter().flat_map(|value| self.values.equal_to(value));
        union(&mut found)
    }

    fn having_prefix(&self, prefix: &str) -> Cow<'_, RoaringBitmap> {
        match &self.valued {
            Some(valued) if prefix.is_empty() => Cow::Borrowed(valued),
            _ => {
                let mut found =
                    self.values.ascending(Some(prefix)).take_while(|found| found.value.starts_with(prefix));
                union(&mut found)
            }
        }
    }
}

/// The union of the postings; borrowed if it is a single bitmap.
fn union<'a>(found: &mut dyn Iterator<Item = super::value_map::ValueRef<'a>>) -> Cow<'a, RoaringBitmap> {
    let Some(first) = found.next() else { return nothing() };
    let Some(second) = found.next() else {
        if let Postings::Many(bitmap) = first.postings {
            return Cow::Borrowed(bitmap);
        }
        let mut builder = SlotSetBuilder::new();
        first.postings.add_to(&mut builder);
        return Cow::Owned(builder.finish());
    };
    let mut builder = SlotSetBuilder::new();
    first.postings.add_to(&mut builder);
    second.postings.add_to(&mut builder);
    found.for_each(|value| value.postings.add_to(&mut builder));
    Cow::Owned(builder.finish())
}

fn nothing<'a>() -> Cow<'a, RoaringBitmap> {
    Cow::Owned(RoaringBitmap::new())
}
