//! Keys: how they become text, that they are unique, and the merge key.

use callboard_yaml::{ErrorKind, Options, load};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{value, values};

#[rstest]
#[case("1: a", "1")]
#[case("1.0: a", "1")]
#[case("0x10: a", "16")]
#[case("1e21: a", "1e+21")]
#[case("-0: a", "0")]
#[case(".inf: a", "Infinity")]
#[case(".nan: a", "NaN")]
#[case("true: a", "true")]
#[case("null: a", "")]
#[case("~: a", "")]
#[case(": a", "")]
#[case("'1': a", "1")]
#[case("!!str 1.0: a", "1.0")]
#[case("? [a, b]\n: a", "[ a, b ]")]
#[case("? {a: 1, b: {c: x}}\n: a", "{ a: 1, b: { c: x } }")]
#[case("? []\n: a", "[]")]
#[case("[]: a", "[]")]
#[case("? ['1', \"true\", ': ', 5]\n: a", r#"[ "1", "true", ": ", 5 ]"#)]
#[case("<<: a", "<<")]
#[case("__proto__: a", "__proto__")]
fn become_text(#[case] input: &str, #[case] expected: &str) {
    assert_eq!(value(input), json!({ expected: "a" }));
}

#[test]
fn an_unfilled_template_is_a_mapping_as_key() {
    assert_eq!(value("owner: {{ values.owner }}\n"), json!({"owner": {"{ values.owner }": null}}));
}

#[rstest]
#[case("a: 1\nb: 2\na: 3\n", "a", (1, 1), (3, 1))]
#[case("x:\n  - {k: 1, 'k': 2}\n", "k", (2, 6), (2, 12))]
#[case("1: a\n1.0: b\n", "1", (1, 1), (2, 1))]
#[case("null: a\n~: b\n", "", (1, 1), (2, 1))]
#[case("a: {a: {a: 1}}\nb: 1\na: 1\n", "a", (1, 1), (3, 1))]
fn duplicates_are_refused(
    #[case] input: &str,
    #[case] key: &str,
    #[case] first: (u32, u32),
    #[case] second: (u32, u32),
) {
    for positions in [true, false] {
        let options = Options { positions, ..Options::default() };
        let documents = load(input.as_bytes(), &options).expect("loads");
        let error = documents[0].content.as_ref().expect_err("has a duplicate");
        let at = error.position.expect("is positioned");
        assert_eq!((at.line, at.column), second);
        let ErrorKind::DuplicateKey { key: found, first: at } = &error.kind else { panic!("{error}") };
        assert_eq!((found.as_str(), (at.line, at.column)), (key, first));
    }
}

/// Keys of different types that read the same are different keys in YAML; JSON keeps the last.
#[rstest]
#[case("1: a\n'1': b\n", json!({"1": "b"}))]
#[case("'true': a\nx: 0\ntrue: b\n", json!({"true": "b", "x": 0}))]
#[case("? [a]\n: 1\n? [a]\n: 2\n", json!({"[ a ]": 2}))]
#[case(".nan: 1\n.nan: 2\n", json!({"NaN": 2}))]
#[case("&k a: 1\n*k : 2\n", json!({"a": 2}))]
fn same_text_of_other_type_replaces(#[case] input: &str, #[case] expected: Value) {
    assert_eq!(value(input), expected);
}

#[test]
fn three_keys_of_the_same_text() {
    assert!(values("1: a\n'1': b\n1: c\n")[0].is_err());
    assert!(values("1: a\n'1': b\n'1': c\n")[0].is_err());
}

fn merged(input: &str) -> Result<Value, String> {
    let options = Options { merge_keys: true, ..Options::default() };
    let mut documents = load(input.as_bytes(), &options).expect("loads");
    documents.remove(0).content.map(|content| content.value).map_err(|error| error.to_string())
}

#[rstest]
#[case::off_text("a: &a {x: 1}\nb: {'<<': *a}\n", json!({"<<": {"x": 1}}))]
#[case::before("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", json!({"x": 1, "y": 3}))]
#[case::after("a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\n", json!({"y": 3, "x": 1}))]
#[case::list("a: &a {x: 1}\nc: &c {x: 2, z: 3}\nb: {<<: [*a, *c]}\n", json!({"x": 1, "z": 3}))]
#[case::twice("b: {<<: {x: 1}, <<: {y: 2}}\n", json!({"x": 1, "y": 2}))]
#[case::nested("a: &a {<<: {x: 1}, y: 2}\nb: {<<: *a}\n", json!({"x": 1, "y": 2}))]
#[case::empty_list("b: {<<: []}\n", json!({}))]
fn merge_key_pours(#[case] input: &str, #[case] expected: Value) {
    assert_eq!(merged(input).expect("is sound")["b"], expected);
}

#[rstest]
#[case("<<: 5\n")]
#[case("<<:\n")]
#[case("<<: [1]\n")]
#[case("<<: {a: 1}\na: 2\na: 3\n")]
fn merge_key_refuses(#[case] input: &str) {
    assert!(merged(input).is_err());
}

#[test]
fn merged_entries_have_positions() {
    let input = "a: &a\n  x: 1\n  y: {z: 2}\nb:\n  y: 0\n  <<: *a\n";
    let options = Options { merge_keys: true, ..Options::default() };
    let documents = load(input.as_bytes(), &options).expect("loads");
    let content = documents[0].content.as_ref().expect("is sound");
    let line = |pointer: &str| content.key_position(pointer).map(|at| at.line);
    assert_eq!(line("/b/x"), Some(2));
    assert_eq!(line("/b/y"), Some(5));
    assert_eq!(line("/b/y/z"), None);
    assert_eq!(line("/b/<<"), None);
}
