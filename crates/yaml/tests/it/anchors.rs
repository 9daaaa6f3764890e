//! Anchors and aliases.

use rstest::rstest;
use serde_json::{Value, json};

use crate::{error, value, values};

#[rstest]
#[case("a: &x {k: [1]}\nb: *x\n", json!({"a": {"k": [1]}, "b": {"k": [1]}}))]
#[case("- &x 0o17\n- *x\n", json!([15, 15]))]
#[case("- &x\n- *x\n", json!([null, null]))]
#[case("- &x 1\n- &x 2\n- *x\n", json!([1, 2, 2]))]
#[case("&k key: 1\nother: *k\n", json!({"key": 1, "other": "key"}))]
#[case("a: &k key\n*k : 1\n", json!({"a": "key", "key": 1}))]
#[case("- &x [1, &y [2]]\n- [*y, *x]\n", json!([[1, [2]], [[2], [1, [2]]]]))]
#[case("- !!str &x 5\n- *x\n", json!(["5", "5"]))]
#[case("- &n 1\n- *n : 2\n", json!([1, {"1": 2}]))]
fn are_copied(#[case] input: &str, #[case] expected: Value) {
    assert_eq!(value(input), expected);
}

#[test]
fn inside_of_themselves_are_refused() {
    let expected = "an alias stands inside of the very node it repeats, at line 1, column 8; \
                    repeat something else, or write it out";
    assert_eq!(error("a: &x [*x]\n"), expected);
    // The anchor set last counts, finished or not.
    assert!(values("- &x 1\n- &x [*x]\n")[0].is_err());
}

#[test]
fn unknown_ones_are_refused() {
    assert!(values("- *x\n- &x 1\n")[0].is_err());
}

/// The reference counts a node as its first repeat, and so do we: 100 allow 99 aliases.
#[rstest]
#[case(99, true)]
#[case(100, false)]
fn one_anchor_is_repeated_so_often(#[case] aliases: usize, #[case] allowed: bool) {
    let input = format!("a: &x [1]\nb: [{}]\n", vec!["*x"; aliases].join(", "));
    assert_eq!(values(&input)[0].is_ok(), allowed);
}

#[test]
fn many_anchors_with_few_aliases_are_fine() {
    let lines: String = (0..5000).map(|index| format!("- &a{index} [x, y]\n- *a{index}\n")).collect();
    assert_eq!(value(&lines).as_array().map(Vec::len), Some(10_000));
}

#[test]
fn repeats_inside_of_repeats_multiply() {
    let ten = |name: &str| vec![format!("*{name}"); 10].join(", ");
    let input = format!("- &a [x]\n- &b [{}]\n- [{}]\n", ten("a"), ten("b"));
    assert!(error(&input).starts_with("aliases repeat an anchor too often (the limit is 100), at line 3"));
}
