//! Order parameters.

use callboard_index::{Direction, OrderField};
use rstest::rstest;

#[rstest]
#[case("metadata.name", "metadata.name", Direction::Asc)]
#[case("kind,asc", "kind", Direction::Asc)]
#[case("Kind,desc", "Kind", Direction::Desc)]
#[case(",asc", "", Direction::Asc)]
#[case("kind,asc,desc", "kind", Direction::Asc)]
fn order_field(#[case] text: &str, #[case] field: &str, #[case] direction: Direction) {
    assert_eq!(OrderField::parse(text).unwrap(), OrderField { field: field.to_owned(), direction });
}

#[rstest]
#[case("kind,up")]
#[case("kind,ASC")]
#[case("kind,")]
fn order_field_with_another_word(#[case] text: &str) {
    let message = OrderField::parse(text).unwrap_err().to_string();
    assert_eq!(message, "Invalid order field order, must be asc or desc");
}

#[rstest]
#[case("asc:kind", OrderField::asc("kind"))]
#[case("desc:metadata.annotations.a:b", OrderField::desc("metadata.annotations.a:b"))]
#[case("asc:kind,desc:metadata.name", OrderField::asc("kind,desc:metadata.name"))]
fn prefixed(#[case] text: &str, #[case] expected: OrderField) {
    assert_eq!(OrderField::parse_prefixed(text).unwrap(), expected);
}

#[rstest]
#[case("up:x")]
#[case("asc:")]
#[case("asc")]
#[case("ASC:kind")]
#[case("")]
fn prefixed_with_another_form(#[case] text: &str) {
    let message = OrderField::parse_prefixed(text).unwrap_err().to_string();
    assert_eq!(
        message,
        format!("Invalid order parameter \"{text}\", expected \"<asc or desc>:<field name>\"")
    );
}
