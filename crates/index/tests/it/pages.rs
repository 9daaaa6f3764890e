//! Pages: order, limits, cursors both ways, totals.

use callboard_index::{
    Continuation, Cursor, DEFAULT_PAGE_LIMIT, EntityQuery, Index, OrderField, Page, Predicate, TotalItems,
};
use serde_json::json;

use crate::{entity, index_of, names};

fn theatre() -> Index {
    index_of(&[
        entity("Component", "b", &json!({ "metadata": { "uid": "1", "title": "Same", "tags": ["x", "y"] } })),
        entity("Component", "a", &json!({ "metadata": { "uid": "2", "title": "same", "tags": ["y"] } })),
        entity("Component", "c", &json!({ "metadata": { "uid": "3", "title": "Other" } })),
        entity("API", "d", &json!({ "metadata": { "uid": "4", "title": null } })),
        entity("API", "e", &json!({ "metadata": { "uid": "5", "title": "t".repeat(201) } })),
    ])
}

fn by(field: &str) -> EntityQuery {
    EntityQuery { order: vec![OrderField::asc(field)], ..EntityQuery::default() }
}

fn follow(cursor: Option<Cursor>, limit: usize) -> EntityQuery {
    EntityQuery::from_cursor(Cursor::decode(&cursor.unwrap().encode()).unwrap(), limit)
}

fn summary(page: &Page) -> (Vec<&str>, u64, bool, bool) {
    (names(&page.items), page.total_items, page.next_cursor.is_some(), page.prev_cursor.is_some())
}

#[test]
fn without_an_order_entities_come_by_uid() {
    let page = theatre().page(&EntityQuery::default());
    assert_eq!(summary(&page), (vec!["b", "a", "c", "d", "e"], 5, false, false));
    assert_eq!(EntityQuery::default().limit, DEFAULT_PAGE_LIMIT);
}

#[test]
fn entities_without_a_value_are_neither_listed_nor_counted() {
    let page = theatre().page(&by("metadata.TITLE"));
    assert_eq!(summary(&page), (vec!["c", "b", "a"], 3, false, false));
    let page = theatre()
        .page(&EntityQuery { order: vec![OrderField::desc("metadata.title")], ..EntityQuery::default() });
    // Ties go by uid in the same direction.
    assert_eq!(summary(&page), (vec!["a", "b", "c"], 3, false, false));
    assert_eq!(summary(&theatre().page(&by("spec.nope"))), (vec![], 0, false, false));
}

#[test]
fn only_the_first_order_field_counts_and_cursors_repeat_all() {
    let order = vec![OrderField::desc("Metadata.Name"), OrderField::asc("kind")];
    let page = theatre().page(&EntityQuery { order: order.clone(), limit: 2, ..EntityQuery::default() });
    assert_eq!(names(&page.items), ["e", "d"]);
    assert_eq!(page.next_cursor.unwrap().order_fields, order);
}

#[test]
fn an_entity_has_a_row_for_each_value() {
    let page = theatre().page(&by("metadata.tags"));
    assert_eq!(summary(&page), (vec!["b", "b", "a"], 2, false, false));
}

#[test]
fn there_and_back() {
    let index = theatre();
    let first = index.page(&EntityQuery { limit: 2, ..by("metadata.name") });
    assert_eq!(summary(&first), (vec!["a", "b"], 5, true, false));
    let second = index.page(&follow(first.next_cursor, 2));
    assert_eq!(summary(&second), (vec!["c", "d"], 5, true, true));
    let third = index.page(&follow(second.next_cursor, 2));
    assert_eq!(summary(&third), (vec!["e"], 5, false, true));
    let back = index.page(&follow(third.prev_cursor, 2));
    assert_eq!(summary(&back), (vec!["c", "d"], 5, true, true));
    let start = index.page(&follow(back.prev_cursor, 2));
    assert_eq!(summary(&start), (vec!["a", "b"], 5, true, false));
}

#[test]
fn the_limit_may_change_on_the_way() {
    let index = theatre();
    let first = index.page(&EntityQuery { limit: 3, ..by("metadata.name") });
    let second = index.page(&follow(first.next_cursor, 1));
    assert_eq!(summary(&second), (vec!["d"], 5, true, true));
    // Going back by less than a page does not reach the beginning.
    let back = index.page(&follow(second.prev_cursor.clone(), 2));
    assert_eq!(summary(&back), (vec!["b", "c"], 5, true, true));
    let count = index.page(&follow(second.prev_cursor, 0));
    assert_eq!(summary(&count), (vec![], 5, false, false));
}

#[test]
fn an_offset_page_is_a_first_page() {
    let index = theatre();
    let first = index.page(&EntityQuery { limit: 2, offset: 2, ..by("metadata.name") });
    assert_eq!(summary(&first), (vec!["c", "d"], 5, true, false));
    let second = index.page(&follow(first.next_cursor, 2));
    let back = index.page(&follow(second.prev_cursor, 2));
    assert_eq!(summary(&back), (vec!["c", "d"], 5, true, false));
    let beyond = index.page(&EntityQuery { offset: 100, ..by("metadata.name") });
    assert_eq!(summary(&beyond), (vec![], 5, false, false));
}

#[test]
fn totals_are_counted_once_or_not_at_all() {
    let index = theatre();
    let excluded = index.page(&EntityQuery { limit: 2, total: TotalItems::Exclude, ..by("metadata.name") });
    assert_eq!(excluded.total_items, 0);
    assert_eq!(index.page(&follow(excluded.next_cursor, 2)).total_items, 0);
    let mut cursor = index.page(&EntityQuery { limit: 2, ..by("metadata.name") }).next_cursor.unwrap();
    cursor.total_items = Some(77);
    assert_eq!(index.page(&EntityQuery::from_cursor(cursor.clone(), 2)).total_items, 77);
    cursor.total_items = None;
    assert_eq!(index.page(&EntityQuery::from_cursor(cursor, 2)).total_items, 0);
    let count = index.page(&EntityQuery { limit: 0, ..by("metadata.title") });
    assert_eq!(summary(&count), (vec![], 3, false, false));
}

#[test]
fn cursors_carry_the_predicate_but_not_the_restriction() {
    let index = theatre();
    let query = EntityQuery {
        predicate: Some(Predicate::parse(&json!({})).unwrap()),
        restriction: Some(Predicate::equals("kind", "component")),
        limit: 2,
        ..by("metadata.name")
    };
    let page = index.page(&query);
    assert_eq!(summary(&page), (vec!["a", "b"], 3, true, false));
    let cursor = page.next_cursor.unwrap();
    assert_eq!(cursor.query.as_ref().unwrap().to_json(), json!({}));
    let next = EntityQuery { restriction: query.restriction, ..EntityQuery::from_cursor(cursor, 2) };
    assert_eq!(summary(&index.page(&next)), (vec!["c"], 3, false, true));
}

#[test]
fn odd_boundaries() {
    let index = theatre();
    let at = |boundary: &[Option<&str>], is_previous: bool, order: &[OrderField]| EntityQuery {
        order: order.to_vec(),
        limit: 2,
        total: TotalItems::Known(9),
        continuation: Some(Continuation {
            boundary: boundary.iter().map(|part| part.map(str::to_owned)).collect(),
            is_previous,
            first: None,
        }),
        ..EntityQuery::default()
    };
    let by_name = [OrderField::asc("metadata.name")];
    // Rows that are gone, or never were, still are places in the order.
    let page = index.page(&at(&[Some("bb"), Some("")], false, &by_name));
    assert_eq!(summary(&page), (vec!["c", "d"], 9, true, false));
    let page = index.page(&at(&[Some("c"), Some("")], false, &by_name));
    assert_eq!(names(&page.items), ["c", "d"]);
    // A list of another length is no boundary; one without a value lies behind all rows.
    assert_eq!(names(&index.page(&at(&[], false, &by_name)).items), ["a", "b"]);
    assert_eq!(names(&index.page(&at(&[Some("1")], false, &by_name)).items), ["a", "b"]);
    assert_eq!(summary(&index.page(&at(&[None, Some("1")], false, &by_name))), (vec![], 9, false, false));
    assert_eq!(names(&index.page(&at(&[None, Some("1")], true, &by_name)).items), ["d", "e"]);
    let page = index.page(&at(&[Some("x"), Some("1")], true, &[OrderField::asc("spec.nope")]));
    assert_eq!(summary(&page), (vec![], 9, true, false));
    assert_eq!(names(&index.page(&at(&[Some("2")], false, &[])).items), ["c", "d"]);
    assert_eq!(names(&index.page(&at(&[Some("2")], true, &[])).items), ["b"]);
    // Nothing lies before: the next page is the first one.
    let page = index.page(&at(&[Some("a"), Some("2")], true, &by_name));
    assert_eq!(summary(&page), (vec![], 9, true, false));
    assert_eq!(names(&index.page(&follow(page.next_cursor, 3)).items), ["a", "b", "c"]);
}

#[test]
fn the_largest_limit_is_no_limit() {
    let page = theatre().page(&EntityQuery { limit: usize::MAX, offset: 1, ..by("metadata.name") });
    assert_eq!(summary(&page), (vec!["b", "c", "d", "e"], 5, false, false));
    let page = theatre().page(&EntityQuery { limit: usize::MAX, offset: usize::MAX, ..by("metadata.name") });
    assert_eq!(summary(&page), (vec![], 5, false, false));
}
