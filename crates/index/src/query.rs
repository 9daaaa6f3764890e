//! Queries for pages of entities, and their answers.

use crate::cursor::Cursor;
use crate::entity::Hit;
use crate::full_text::FullText;
use crate::order::OrderField;
use crate::predicate::Predicate;

/// How many entities a page has if the request does not say.
pub const DEFAULT_PAGE_LIMIT: usize = 200;

/// A query for one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityQuery {
    /// What the request asks for. Goes into cursors.
    pub predicate: Option<Predicate>,
    /// What the caller may see. Holds in addition, and never goes into cursors.
    pub restriction: Option<Predicate>,
    /// Only the first one counts. Without any, entities come in order of their uids.
    pub order: Vec<OrderField>,
    /// The substring to look for.
    pub full_text: Option<FullText>,
    /// The most rows to return. 0 asks for the total alone.
    pub limit: usize,
    /// The rows to leave out at the start. Read on first pages only.
    pub offset: usize,
    /// Whether to count.
    pub total: TotalItems,
    /// Where an earlier page ended; none on first pages.
    pub continuation: Option<Continuation>,
}

impl Default for EntityQuery {
    fn default() -> Self {
        Self {
            predicate: None,
            restriction: None,
            order: Vec::new(),
            full_text: None,
            limit: DEFAULT_PAGE_LIMIT,
            offset: 0,
            total: TotalItems::Include,
            continuation: None,
        }
    }
}

impl EntityQuery {
    /// The query for the page that a cursor leads to. Restrictions are the caller's to add again.
    pub fn from_cursor(cursor: Cursor, limit: usize) -> Self {
        Self {
            predicate: cursor.query,
            restriction: None,
            order: cursor.order_fields,
            full_text: cursor.full_text,
            limit,
            offset: 0,
            total: TotalItems::Known(cursor.total_items.unwrap_or(0)),
            continuation: Some(Continuation {
                boundary: cursor.order_field_values,
                is_previous: cursor.is_previous,
                first: cursor.first_sort_field_values,
            }),
        }
    }

    pub(crate) fn order_field(&self) -> Option<&OrderField> {
        self.order.first()
    }
}

/// Whether a page says how many entities there are in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TotalItems {
    /// Count them.
    #[default]
    Include,
    /// Say 0.
    Exclude,
    /// Repeat what the first page said.
    Known(u64),
}

/// The place of a row among others: `[value, uid]` with an order field, `[uid]` without.
pub type RowPosition = Vec<Option<String>>;

/// Where to go on after an earlier page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// The row to go on from. A list of another length than the order calls for means none.
    pub boundary: RowPosition,
    /// Whether to go towards the beginning.
    pub is_previous: bool,
    /// The very first row of the first page, to know when the beginning is reached.
    pub first: Option<RowPosition>,
}

/// A page of entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The entities. One that has several values of the order field may be here several times.
    pub items: Vec<Hit>,
    /// The number of entities (not rows) in all pages.
    pub total_items: u64,
    /// Leads to the next page, if there is one.
    pub next_cursor: Option<Cursor>,
    /// Leads to the previous page, if there is one.
    pub prev_cursor: Option<Cursor>,
}
