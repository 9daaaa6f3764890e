//! Answers to page queries.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::Index;
use super::rows::{After, Row, RowQuery};
use crate::cursor::Cursor;
use crate::order::{Direction, OrderField};
use crate::query::{Continuation, EntityQuery, Page, RowPosition, TotalItems};
use crate::scalar::lower;
use crate::uid::Uid;

impl Index {
    /// Answers a query with one page.
    pub fn page(&self, query: &EntityQuery) -> Page {
        let order = query.order_field();
        let key_id = match order {
            None => None,
            Some(order) => match self.key_id(&lower(&order.field)) {
                Some(key_id) => Some(key_id),
                // Nobody has the field, so nobody is listed.
                None => return self.finish(query, &[], goes_back(query), 0),
            },
        };
        let search =
            query.full_text.as_ref().and_then(|text| text.resolve(order.map(|order| order.field.as_str())));
        let permitted = self.matching([query.predicate.as_ref(), query.restriction.as_ref()]);
        let matches = match &search {
            Some(search) => Cow::Owned(self.matching_text(&permitted, search)),
            None => permitted,
        };
        let total = match query.total {
            TotalItems::Include => self.count_ordered(&matches, key_id),
            TotalItems::Exclude => 0,
            TotalItems::Known(total) => total,
        };
        let row_query = RowQuery {
            key_id,
            direction: direction(order, query.continuation.as_ref()),
            after: None,
            text: search.as_ref().filter(|search| search.on_rows).map(|search| search.term.as_str()),
            matches: &matches,
        };
        let (rows, has_more) = self.page_rows(query, row_query);
        self.finish(query, &rows, has_more, total)
    }

    fn count_ordered(&self, matches: &RoaringBitmap, key_id: Option<u32>) -> u64 {
        let Some(key_id) = key_id else { return matches.len() };
        let valued = self.keys[key_id as usize].valued();
        // The name, for one, is something that every entity has.
        if valued.len() == self.live.len() { matches.len() } else { matches.intersection_len(&valued) }
    }

    /// The rows of the page, and whether there are more in the direction of travel.
    fn page_rows<'a>(&'a self, query: &EntityQuery, row_query: RowQuery<'_>) -> (Vec<Row<'a>>, bool) {
        if query.limit == 0 {
            return (Vec::new(), false);
        }
        let Some(continuation) = &query.continuation else {
            let mut rows = self.rows(&row_query, query.offset, query.limit.saturating_add(1));
            let has_more = rows.len() > query.limit;
            rows.truncate(query.limit);
            return (rows, has_more);
        };
        let (value, uid) = match boundary(continuation, row_query.key_id.is_some()) {
            Boundary::None => ("", None),
            Boundary::After { value, uid } => (value, Some(Uid::from(uid))),
            Boundary::BehindAll => return (Vec::new(), false),
        };
        let after = uid.as_ref().map(|uid| After { value, uid });
        let row_query = RowQuery { after, ..row_query };
        if goes_back(query) {
            let mut rows = self.rows(&row_query, 0, query.limit);
            rows.reverse();
            return (rows, true);
        }
        let mut rows = self.rows(&row_query, 0, query.limit.saturating_add(1));
        let has_more = rows.len() > query.limit;
        rows.truncate(query.limit);
        (rows, has_more)
    }

    fn finish(&self, query: &EntityQuery, rows: &[Row<'_>], has_more: bool, counted: u64) -> Page {
        let total_items = match query.total {
            TotalItems::Known(total) => total,
            TotalItems::Include | TotalItems::Exclude => counted,
        };
        let cursor_to = |boundary: RowPosition, is_previous: bool, first: Option<RowPosition>| Cursor {
            order_fields: query.order.clone(),
            order_field_values: boundary,
            is_previous,
            query: query.predicate.clone(),
            full_text: query.full_text.clone(),
            first_sort_field_values: first,
            total_items: Some(total_items),
        };
        let first_row = rows.first().map(|row| self.position(row));
        let known_first = query.continuation.as_ref().and_then(|continuation| continuation.first.clone());
        let next_cursor = has_more.then(|| {
            // Without rows (nothing lies before the boundary) the next page is the first one.
            let boundary = rows.last().map(|row| self.position(row)).unwrap_or_default();
            cursor_to(boundary, false, known_first.clone().or_else(|| first_row.clone()))
        });
        let prev_cursor = match (&known_first, first_row) {
            (Some(known_first), Some(first_row)) if *known_first != first_row => {
                Some(cursor_to(first_row, true, Some(known_first.clone())))
            }
            _ => None,
        };
        Page { items: self.hits(rows.iter().map(|row| row.slot)), total_items, next_cursor, prev_cursor }
    }

    fn position(&self, row: &Row<'_>) -> RowPosition {
        let uid = Some(self.uid_text(row.slot));
        match row.value {
            Some(value) => vec![Some(value.to_owned()), uid],
            None => vec![uid],
        }
    }
}

/// Going back leaves a next page in any case: the one that the request came from.
fn goes_back(query: &EntityQuery) -> bool {
    query.limit > 0 && query.continuation.as_ref().is_some_and(|continuation| continuation.is_previous)
}

fn direction(order: Option<&OrderField>, continuation: Option<&Continuation>) -> Direction {
    let direction = order.map_or(Direction::Asc, |order| order.direction);
    if continuation.is_some_and(|continuation| continuation.is_previous) {
        direction.reversed()
    } else {
        direction
    }
}

enum Boundary<'a> {
    None,
    After { value: &'a str, uid: &'a str },
    BehindAll,
}

fn boundary(continuation: &Continuation, has_order: bool) -> Boundary<'_> {
    match (continuation.boundary.as_slice(), has_order) {
        ([Some(value), Some(uid)], true) => Boundary::After { value, uid },
        ([Some(uid)], false) => Boundary::After { value: "", uid },
        // A row without a value. Such rows are not listed, but once were the last ones.
        ([_, _], true) | ([_], false) if !continuation.is_previous => Boundary::BehindAll,
        _ => Boundary::None,
    }
}
