//! The older list of entities: offset pages, and an order with several fields.

use crate::entity::Hit;
use crate::order::OrderField;
use crate::predicate::Predicate;

/// A query for an offset page of the older list route.
///
/// The unpaged form of that route is an [`EntityQuery`](crate::EntityQuery) with the first order field, read page by
/// page. The two differ: here every order field counts and must be spelled in lower case to be found, entities without
/// a value come last in both directions, and ties are settled by ascending uid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// What the request asks for.
    pub predicate: Option<Predicate>,
    /// What the caller may see; holds in addition.
    pub restriction: Option<Predicate>,
    /// Without any, entities come in order of their refs.
    pub order: Vec<OrderField>,
    /// The most rows to return; none: all of them.
    pub limit: Option<usize>,
    /// The rows to leave out at the start.
    pub offset: usize,
}

/// An offset page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The entities. One that has several values of an order field may be here several times.
    pub items: Vec<Hit>,
    /// The offset of the next page, if there is one.
    pub next_offset: Option<usize>,
}
