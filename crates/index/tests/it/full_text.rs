//! The full text filter.

use callboard_index::{EntityQuery, FullText, Index, OrderField};
use rstest::rstest;
use serde_json::json;

use crate::{entity, index_of, names};

fn pets() -> Index {
    index_of(&[
        entity(
            "Component",
            "pets",
            &json!({ "metadata": { "uid": "u1", "title": "Pet Shop", "tags": ["red", "blue"] } }),
        ),
        entity(
            "Component",
            "p_ts",
            &json!({ "metadata": { "uid": "u2", "title": "100% \\ done", "tags": ["red"] } }),
        ),
        entity("Component", "Ärger", &json!({ "metadata": { "uid": "u3", "tags": ["Ärger", "green"] } })),
        entity("Component", "cart", &json!({ "metadata": { "uid": "u4", "title": "x".repeat(201) } })),
    ])
}

fn found(full_text: FullText, order: Option<&str>) -> (Vec<String>, u64) {
    let order = order.map(OrderField::asc).into_iter().collect();
    let page = pets().page(&EntityQuery { order, full_text: Some(full_text), ..EntityQuery::default() });
    (names(&page.items).into_iter().map(str::to_owned).collect(), page.total_items)
}

#[rstest]
#[case("ets", &["pets"])]
#[case(" ETS ", &["pets"])]
#[case("t", &["cart", "p_ts", "pets"])]
#[case("", &["cart", "p_ts", "pets", "ärger"])]
#[case("   ", &["cart", "p_ts", "pets", "ärger"])]
// These stand for themselves.
#[case("p_t", &["p_ts"])]
#[case("%", &[])]
#[case("\\", &[])]
#[case("ÄRG", &["ärger"])]
#[case("Arg", &[])]
// Across two neighbouring values.
#[case("tsp", &[])]
fn in_the_order_field(#[case] term: &str, #[case] expected: &[&str]) {
    let (names, total) = found(FullText::term(term), Some("metadata.name"));
    assert_eq!(names, expected);
    assert_eq!(total, expected.len() as u64);
}

#[rstest]
#[case("et", &["metadata.name", "Metadata.TITLE"], &["pets"])]
#[case("shop", &["metadata.name", "metadata.title"], &["pets"])]
#[case("100% \\ d", &["metadata.title"], &["p_ts"])]
#[case("pet shop", &["metadata.title"], &["pets"])]
#[case("shop pet", &["metadata.title"], &[])]
// Too long to be searched.
#[case("xxx", &["metadata.title"], &[])]
#[case("a", &["spec.nope"], &[])]
#[case("a", &[], &[])]
#[case("", &[], &["cart", "p_ts", "pets", "ärger"])]
fn in_given_fields(#[case] term: &str, #[case] fields: &[&str], #[case] expected: &[&str]) {
    let (names, _) = found(FullText::in_fields(term, fields), Some("metadata.name"));
    assert_eq!(names, expected);
}

#[rstest]
#[case(FullText::term("u3"), &["ärger"])]
#[case(FullText::term("pets"), &[])]
#[case(FullText::in_fields("pets", &["metadata.name"]), &["pets"])]
fn without_an_order_the_uid_is_searched(#[case] full_text: FullText, #[case] expected: &[&str]) {
    assert_eq!(found(full_text, None).0, expected);
}

#[test]
fn rows_of_the_searched_field_have_to_contain_the_term() {
    assert_eq!(
        found(FullText::term("re"), Some("metadata.tags")),
        (vec!["ärger".into(), "pets".into(), "p_ts".into()], 3)
    );
    let in_both = FullText::in_fields("re", &["metadata.tags", "metadata.name"]);
    let all_rows = ["pets", "ärger", "pets", "p_ts", "ärger"].map(str::to_owned).to_vec();
    assert_eq!(found(in_both, Some("metadata.tags")), (all_rows, 3));
}
