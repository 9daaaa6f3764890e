//! Rows in order: an entity once for each value it has of the order field.
//!
//! There are two ways to the first few rows. Walking the values in order is quick if most entities match; collecting
//! the matching entities and sorting them is quick if few do. Estimates choose, and a walk that goes on too long is
//! given up for the other way.

use std::cmp::Ordering;
use std::iter::Peekable;

use roaring::RoaringBitmap;

use super::Index;
use super::postings::Postings;
use super::value_map::{ValueRef, Values};
use crate::order::Direction;
use crate::uid::Uid;

/// What looking at one entity costs, in values walked past.
const ENTITY_COST: usize = 32;

/// Which rows, in which order.
#[derive(Clone, Copy)]
pub(super) struct RowQuery<'a> {
    /// The id of the order key. None: one row an entity, by uid.
    pub(super) key_id: Option<u32>,
    pub(super) direction: Direction,
    /// Only rows strictly after this place count.
    pub(super) after: Option<After<'a>>,
    /// Only rows whose value contains this text count.
    pub(super) text: Option<&'a str>,
    /// Only rows of these entities count.
    pub(super) matches: &'a RoaringBitmap,
}

/// The place of a row.
#[derive(Clone, Copy)]
pub(super) struct After<'a> {
    /// The value of the order field; unused without one.
    pub(super) value: &'a str,
    pub(super) uid: &'a Uid,
}

/// An entity with one of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) slot: u32,
    pub(super) value: Option<&'a str>,
}

impl Index {
    /// At most `limit` rows, from the row numbered `offset` on.
    pub(super) fn rows<'a>(&'a self, query: &RowQuery<'_>, offset: usize, limit: usize) -> Vec<Row<'a>> {
        let needed = offset.saturating_add(limit);
        let Some(key_id) = query.key_id else {
            let after = query.after.map(|after| after.uid);
            let slots = self.pick_by_uid(query.matches, query.direction, after, needed);
            return slots.into_iter().skip(offset).map(|slot| Row { slot, value: None }).collect();
        };
        let entities = to_usize(query.matches.len());
        let values = self.keys[key_id as usize].values.len();
        let collecting = entities.saturating_mul(ENTITY_COST);
        let walking = needed.saturating_mul(values).checked_div(entities).unwrap_or(0).min(values);
        if collecting > walking {
            let budget = collecting.saturating_mul(2);
            if let Some(rows) = self.walk_rows(query, key_id, Window { skip: offset, limit }, budget) {
                return rows;
            }
        }
        self.collect_rows(query, key_id, Window { skip: offset, limit })
    }

    /// The first slots in order of their uids, beginning after the given one.
    pub(super) fn pick_by_uid(
        &self,
        candidates: &RoaringBitmap,
        direction: Direction,
        after: Option<&Uid>,
        limit: usize,
    ) -> Vec<u32> {
        let entities = to_usize(candidates.len());
        let walking = limit.saturating_mul(self.len()).checked_div(entities).unwrap_or(0);
        if entities.saturating_mul(ENTITY_COST) <= walking.min(self.len()) {
            return self.collect_by_uid(candidates, direction, after, limit);
        }
        let compare = |slot: u32| after.map(|after| self.compare_uid(slot, after));
        let is_wanted = |slot: &u32| candidates.contains(*slot);
        match direction {
            Direction::Asc => {
                let later = self.uids.ascending(|slot| compare(slot).is_some_and(Ordering::is_le));
                later.filter(is_wanted).take(limit).collect()
            }
            Direction::Desc => {
                let earlier = self.uids.descending(|slot| compare(slot).is_none_or(Ordering::is_lt));
                earlier.filter(is_wanted).take(limit).collect()
            }
        }
    }

    fn collect_by_uid(
        &self,
        candidates: &RoaringBitmap,
        direction: Direction,
        after: Option<&Uid>,
        limit: usize,
    ) -> Vec<u32> {
        let mut found: Vec<(Option<&Uid>, u32)> =
            candidates.iter().map(|slot| (self.uid_of(slot), slot)).collect();
        found.retain(|(uid, _)| after.is_none_or(|after| is_after(direction, uid.cmp(&Some(after)))));
        keep_first(&mut found, limit, |a, b| directed(direction, a.cmp(b)));
        found.into_iter().map(|(_, slot)| slot).collect()
    }

    fn walk_rows<'a>(
        &'a self,
        query: &RowQuery<'_>,
        key_id: u32,
        mut window: Window,
        budget: usize,
    ) -> Option<Vec<Row<'a>>> {
        let values = &self.keys[key_id as usize].values;
        let mut walk = values.walk(query.direction, query.after.map(|after| after.value)).peekable();
        let mut rows = Vec::new();
        let mut visited = 0;
        while window.limit > 0 {
            let Some(first) = walk.next() else { break };
            visited += 1;
            if visited > budget {
                return None;
            }
            let after_uid = query.after.filter(|after| after.value == first.value).map(|after| after.uid);
            let contains_text = query.text.is_none_or(|text| first.value.contains(text));
            let slots = match (first.postings, walk.peek()) {
                _ if !contains_text => continue,
                // The usual case, without any set: a value of a single entity.
                (Postings::One(slot), next) if next.is_none_or(|next| next.value != first.value) => {
                    let is_row = query.matches.contains(slot)
                        && after_uid.is_none_or(|uid| is_after(query.direction, self.compare_uid(slot, uid)));
                    if !is_row {
                        continue;
                    }
                    vec![slot]
                }
                _ => {
                    let candidates = spellings_matching(first, &mut walk, query.matches);
                    let count = to_usize(candidates.len());
                    if after_uid.is_none() && count <= window.skip {
                        window.skip -= count;
                        continue;
                    }
                    let needed = window.skip.saturating_add(window.limit);
                    self.pick_by_uid(&candidates, query.direction, after_uid, needed)
                }
            };
            let skipped = window.skip.min(slots.len());
            window.skip -= skipped;
            let added = slots.into_iter().skip(skipped).take(window.limit);
            let length_before = rows.len();
            rows.extend(added.map(|slot| Row { slot, value: Some(first.value) }));
            window.limit -= rows.len() - length_before;
        }
        Some(rows)
    }

    fn collect_rows<'a>(&'a self, query: &RowQuery<'_>, key_id: u32, window: Window) -> Vec<Row<'a>> {
        let mut found: Vec<(&str, Option<&Uid>, u32)> = Vec::new();
        for slot in query.matches {
            let uid = self.uid_of(slot);
            for value in self.values_of(slot, key_id).map(|found| found.value) {
                let is_later = query.after.is_none_or(|after| {
                    is_after(query.direction, (value, uid).cmp(&(after.value, Some(after.uid))))
                });
                if is_later && query.text.is_none_or(|text| value.contains(text)) {
                    found.push((value, uid, slot));
                }
            }
        }
        let needed = window.skip.saturating_add(window.limit);
        keep_first(&mut found, needed, |a, b| directed(query.direction, a.cmp(b)));
        let rows = found.into_iter().skip(window.skip);
        rows.map(|(value, _, slot)| Row { slot, value: Some(value) }).collect()
    }
}

/// How many rows to leave out and how many to take.
#[derive(Clone, Copy)]
struct Window {
    skip: usize,
    limit: usize,
}

/// The matching entities that have the first value in any spelling. Takes the other spellings off the walk.
fn spellings_matching(
    first: ValueRef<'_>,
    walk: &mut Peekable<Values<'_>>,
    matches: &RoaringBitmap,
) -> RoaringBitmap {
    let mut slots = RoaringBitmap::new();
    first.postings.add_intersection(matches, &mut slots);
    while let Some(spelling) = walk.next_if(|next| next.value == first.value) {
        spelling.postings.add_intersection(matches, &mut slots);
    }
    slots
}

/// Sorts, and drops everything beyond the limit without sorting it.
pub(super) fn keep_first<T>(found: &mut Vec<T>, limit: usize, compare: impl Fn(&T, &T) -> Ordering) {
    if limit == 0 {
        found.clear();
    } else if found.len() > limit {
        found.select_nth_unstable_by(limit - 1, &compare);
        found.truncate(limit);
    }
    found.sort_unstable_by(compare);
}

pub(super) fn directed(direction: Direction, ordering: Ordering) -> Ordering {
    match direction {
        Direction::Asc => ordering,
        Direction::Desc => ordering.reverse(),
    }
}

fn is_after(direction: Direction, ordering: Ordering) -> bool {
    directed(direction, ordering) == Ordering::Greater
}

/// Numbers of entities fit: each takes far more than one byte of memory.
pub(super) fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
