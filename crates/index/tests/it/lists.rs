//! The older list route.

use callboard_index::{EntityQuery, Index, ListQuery, OrderField, Predicate};
use rstest::rstest;
use serde_json::json;

use crate::{entity, index_of, names};

fn sample() -> Index {
    index_of(
        &[
            entity("User", "a", &json!({ "metadata": { "uid": "4", "title": "B" } })),
            entity("API", "b", &json!({ "metadata": { "uid": "3", "title": "A", "tags": ["x", "y", "X"] } })),
            entity("API", "c", &json!({ "metadata": { "uid": "2", "title": null, "tags": ["y", null] } })),
            entity("User", "d", &json!({ "metadata": { "uid": "1" } })),
        ]
        .map(|mut entity| {
            // A list that mixes words and null.
            if entity["metadata"]["name"] == "b" {
                entity["spec"] = json!({ "zone": ["q", null] });
            }
            entity
        }),
    )
}

#[rstest]
#[case(&[], &["b", "c", "a", "d"])]
#[case(&["asc:metadata.title"], &["b", "a", "d", "c"])]
// Entities without the field are last in both directions, by ascending uid.
#[case(&["desc:metadata.title"], &["a", "b", "d", "c"])]
#[case(&["desc:kind", "desc:metadata.name"], &["d", "a", "c", "b"])]
#[case(&["asc:kind", "asc:metadata.title"], &["b", "c", "a", "d"])]
// Fields are not lower-cased here, so nobody has this one.
#[case(&["asc:METADATA.title"], &["d", "c", "b", "a"])]
#[case(&["asc:METADATA.title", "desc:metadata.name"], &["d", "c", "b", "a"])]
#[case(&["asc:metadata.tags"], &["b", "c", "b", "d", "c", "a"])]
#[case(&["asc:spec.zone", "asc:metadata.name"], &["b", "a", "b", "c", "d"])]
fn ordered_by(#[case] order: &[&str], #[case] expected: &[&str]) {
    let order = order.iter().map(|text| OrderField::parse_prefixed(text).unwrap()).collect();
    let page = sample().list(&ListQuery { order, ..ListQuery::default() });
    assert_eq!(names(&page.items), expected);
    assert_eq!(page.next_offset, None);
}

#[rstest]
#[case(Some(2), 0, &["b", "c"], Some(2))]
#[case(Some(2), 2, &["a", "d"], None)]
#[case(Some(3), 2, &["a", "d"], None)]
#[case(Some(1), 2, &["a"], Some(3))]
#[case(None, 3, &["d"], None)]
#[case(Some(2), 9, &[], None)]
fn limit_and_offset(
    #[case] limit: Option<usize>,
    #[case] offset: usize,
    #[case] expected: &[&str],
    #[case] next_offset: Option<usize>,
) {
    let page = sample().list(&ListQuery { limit, offset, ..ListQuery::default() });
    assert_eq!((names(&page.items), page.next_offset), (expected.to_vec(), next_offset));
}

#[test]
fn predicate_and_restriction() {
    let page = sample().list(&ListQuery {
        predicate: Some(Predicate::equals("kind", "api")),
        restriction: Some(Predicate::exists("spec.zone")),
        ..ListQuery::default()
    });
    assert_eq!(names(&page.items), ["b"]);
}

#[test]
fn the_unpaged_form_is_read_page_by_page() {
    let index = sample();
    let mut query =
        EntityQuery { order: vec![OrderField::desc("Metadata.Name")], limit: 3, ..EntityQuery::default() };
    let first = index.page(&query);
    assert_eq!(names(&first.items), ["d", "c", "b"]);
    query = EntityQuery::from_cursor(first.next_cursor.unwrap(), 3);
    let second = index.page(&query);
    assert_eq!((names(&second.items), second.next_cursor.is_some()), (vec!["a"], false));
}

#[test]
fn many_combinations_of_values_are_cut_off() {
    let tags: Vec<String> = (0..300).map(|n| format!("t{n}")).collect();
    let index =
        index_of(&[entity("API", "a", &json!({ "metadata": { "tags": tags }, "spec": { "list": tags } }))]);
    let order = vec![OrderField::asc("metadata.tags"), OrderField::asc("spec.list")];
    let page = index.list(&ListQuery { order, limit: Some(5), offset: 995, ..ListQuery::default() });
    assert!(page.items.len() <= 5);
}
