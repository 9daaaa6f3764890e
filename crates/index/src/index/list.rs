//! Answers to the older list route.

use std::cmp::Ordering;

use roaring::RoaringBitmap;

use super::Index;
use super::rows::{directed, keep_first, to_usize};
use crate::legacy::{ListPage, ListQuery};
use crate::order::{Direction, OrderField};

/// With several multi-valued order fields an entity has a row for every combination of values. Nobody can mean more
/// than this many, and a hostile request must not exhaust memory.
const ROWS_PER_ENTITY_LIMIT: usize = 1000;

/// What looking at one entity costs, in refs or values walked past.
const ENTITY_COST: usize = 32;

/// An entity with a value for each order field, none where it has none.
type ListRow<'a> = (Vec<Option<&'a str>>, u32);

impl Index {
    /// Answers a query of the older list route with one offset page.
    pub fn list(&self, query: &ListQuery) -> ListPage {
        let matches = self.matching([query.predicate.as_ref(), query.restriction.as_ref()]);
        let limit = query.limit.unwrap_or(usize::MAX);
        // One more, to see whether there is a further page.
        let needed = query.offset.saturating_add(limit).saturating_add(1);
        let mut slots = if query.order.is_empty() {
            self.slots_by_ref(&matches, needed)
        } else {
            self.slots_by_fields(&matches, &query.order, needed)
        };
        slots.drain(..query.offset.min(slots.len()));
        let has_more = slots.len() > limit;
        slots.truncate(limit);
        let next_offset = has_more.then(|| query.offset.saturating_add(limit));
        ListPage { items: self.hits(slots), next_offset }
    }

    fn slots_by_ref(&self, matches: &RoaringBitmap, needed: usize) -> Vec<u32> {
        let entities = to_usize(matches.len());
        let walking = needed.saturating_mul(self.len()).checked_div(entities).unwrap_or(0);
        if entities.saturating_mul(ENTITY_COST) < walking.min(self.len()) {
            let mut slots: Vec<u32> = matches.iter().collect();
            keep_first(&mut slots, needed, |a, b| self.entity_ref_of(*a).cmp(self.entity_ref_of(*b)));
            return slots;
        }
        let all = self.refs_in_order.ascending(|_| false);
        all.filter(|slot| matches.contains(*slot)).take(needed).collect()
    }

    fn slots_by_fields(&self, matches: &RoaringBitmap, order: &[OrderField], needed: usize) -> Vec<u32> {
        let Some((first, rest)) = order.split_first() else {
            return self.pick_by_uid(matches, Direction::Asc, None, needed);
        };
        // Keys are lower-cased and fields are not, on purpose: that is how this route behaves.
        let Some(key) = self.key(&first.field) else {
            return self.slots_by_fields(matches, rest, needed);
        };
        if to_usize(matches.len()).saturating_mul(ENTITY_COST) < key.values.len() {
            return self.sorted_rows(matches, order, needed);
        }
        // Value by value, until there are enough rows.
        let mut slots = Vec::new();
        let mut walk = key.values.walk(first.direction, None).peekable();
        while let Some(found) = walk.next() {
            if slots.len() >= needed {
                return slots;
            }
            let mut having = RoaringBitmap::new();
            found.postings.add_intersection(matches, &mut having);
            while let Some(spelling) = walk.next_if(|next| next.value == found.value) {
                spelling.postings.add_intersection(matches, &mut having);
            }
            if having.is_empty() {
                continue;
            }
            slots.extend(self.slots_by_fields(&having, rest, needed - slots.len()));
        }
        // Then all without a value: those without the key, and those with it as null, whatever else they have.
        let mut lacking = matches - key.valued().as_ref();
        key.nulls.postings().add_intersection(matches, &mut lacking);
        if slots.len() < needed {
            slots.extend(self.slots_by_fields(&lacking, rest, needed - slots.len()));
        }
        slots
    }

    /// The first rows of some entities, by the fields and then by uid.
    fn sorted_rows(&self, slots: &RoaringBitmap, order: &[OrderField], needed: usize) -> Vec<u32> {
        let mut rows: Vec<ListRow<'_>> = Vec::new();
        for slot in slots {
            self.add_rows(slot, order, &mut rows);
        }
        keep_first(&mut rows, needed, |a, b| self.compare_rows(order, a, b));
        rows.into_iter().map(|(_, slot)| slot).collect()
    }

    fn add_rows<'a>(&'a self, slot: u32, order: &[OrderField], rows: &mut Vec<ListRow<'a>>) {
        let mut combinations: Vec<Vec<Option<&str>>> = vec![Vec::with_capacity(order.len())];
        for OrderField { field, .. } in order {
            let values = self.list_values(slot, field);
            let extended = combinations.iter().flat_map(|combination| {
                values.iter().map(|value| combination.iter().copied().chain([*value]).collect())
            });
            combinations = extended.take(ROWS_PER_ENTITY_LIMIT).collect();
        }
        rows.extend(combinations.into_iter().map(|combination| (combination, slot)));
    }

    /// The values of a field, with none for `null`, and just none if the entity lacks the field.
    fn list_values(&self, slot: u32, field: &str) -> Vec<Option<&str>> {
        let Some(key_id) = self.key_id(field) else { return vec![None] };
        let values = &self.keys[key_id as usize].values;
        let terms = self.terms_of(slot, key_id);
        if terms.is_empty() {
            return vec![None];
        }
        terms.iter().map(|term| values.get(*term, &self.terms).map(|found| found.value)).collect()
    }

    fn compare_rows(&self, order: &[OrderField], left: &ListRow<'_>, right: &ListRow<'_>) -> Ordering {
        let columns = order.iter().zip(left.0.iter().zip(&right.0));
        for (OrderField { direction, .. }, values) in columns {
            let ordering = match values {
                (Some(left), Some(right)) => directed(*direction, left.cmp(right)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        self.uid_of(left.1).cmp(&self.uid_of(right.1))
    }

    fn entity_ref_of(&self, slot: u32) -> &str {
        self.slot(slot).map_or("", |entity| entity.entity_ref.as_str())
    }
}
