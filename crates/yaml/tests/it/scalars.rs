//! What scalars mean, plain, quoted, in blocks and tagged.

use callboard_yaml::{Options, load};
use rstest::rstest;
use serde_json::json;

use crate::value;

/// Compares the JSON text, in which `1` and `1.0` differ.
#[track_caller]
fn check(scalar: &str, expected: &str) {
    assert_eq!(value(&format!("[{scalar}]\n")).to_string(), format!("[{expected}]"), "{scalar}");
}

#[rstest]
#[case("1", "1")]
#[case("+1", "1")]
#[case("-12", "-12")]
#[case("-0", "0")]
#[case("0755", "755")]
#[case("0o17", "15")]
#[case("0x1F", "31")]
#[case("-0x1F", "\"-0x1F\"")]
#[case("0o18", "\"0o18\"")]
#[case("0x", "\"0x\"")]
#[case("0b11", "\"0b11\"")]
#[case("1_000", "\"1_000\"")]
#[case("1:30", "\"1:30\"")]
#[case("9007199254740991", "9007199254740991")]
#[case("9007199254740993", "9007199254740992")]
#[case("9223372036854775807", "9223372036854776000")]
#[case("18446744073709551616", "1.8446744073709552e+19")]
fn integers(#[case] scalar: &str, #[case] expected: &str) {
    check(scalar, expected);
}

#[rstest]
#[case("1.0", "1")]
#[case("1.", "1")]
#[case(".5", "0.5")]
#[case("-.5", "-0.5")]
#[case("1e3", "1000")]
#[case("1E-2", "0.01")]
#[case("1.5e+1", "15")]
#[case("5.e3", "5000")]
#[case("0.10", "0.1")]
#[case("1e400", "null")]
#[case(".inf", "null")]
#[case("-.INF", "null")]
#[case(".nan", "null")]
#[case(".Nan", "\".Nan\"")]
#[case("1e", "\"1e\"")]
#[case("e3", "\"e3\"")]
#[case(".", "\".\"")]
#[case("1.2.3", "\"1.2.3\"")]
#[case("infinity", "\"infinity\"")]
fn floats(#[case] scalar: &str, #[case] expected: &str) {
    check(scalar, expected);
}

#[rstest]
#[case("true", "true")]
#[case("True", "true")]
#[case("FALSE", "false")]
#[case("tRUE", "\"tRUE\"")]
#[case("yes", "\"yes\"")]
#[case("on", "\"on\"")]
#[case("n", "\"n\"")]
#[case("null", "null")]
#[case("~", "null")]
#[case("NULL", "null")]
#[case("nUll", "\"nUll\"")]
#[case("'null'", "\"null\"")]
#[case("\"1\"", "\"1\"")]
#[case("2020-01-02", "\"2020-01-02\"")]
#[case("2020-01-02T03:04:05Z", "\"2020-01-02T03:04:05Z\"")]
fn words(#[case] scalar: &str, #[case] expected: &str) {
    check(scalar, expected);
}

#[rstest]
#[case("!!str 5", "\"5\"")]
#[case("! 5", "\"5\"")]
#[case("!!int '5'", "5")]
#[case("!!int 0x10", "16")]
#[case("!!float 1.5", "1.5")]
#[case("!!bool 'true'", "true")]
#[case("!!null ''", "null")]
#[case("!<tag:yaml.org,2002:str> 5", "\"5\"")]
fn core_tags(#[case] scalar: &str, #[case] expected: &str) {
    check(scalar, expected);
}

#[rstest]
#[case("!!int five", json!("five"), "the tag !!int is unknown or does not fit, the value is read as text")]
#[case("!mine 5", json!("5"), "the tag !mine is unknown or does not fit, the value is read as text")]
#[case("!!binary aGk=", json!("aGk="), "the tag !!binary is unknown or does not fit, the value is read as text")]
#[case("!mine {a: 1}", json!({"a": 1}), "the tag !mine is unknown or does not fit, it is left out of account")]
#[case("!!map [1]", json!([1]), "the tag !!map is unknown or does not fit, it is left out of account")]
fn other_tags_are_a_warning(
    #[case] tagged: &str,
    #[case] expected: serde_json::Value,
    #[case] warning: &str,
) {
    let input = format!("- 1\n- {tagged}\n");
    let documents = load(input.as_bytes(), &Options::default()).expect("loads");
    assert_eq!(documents[0].content.as_ref().expect("is sound").value[1], expected);
    let [only] = documents[0].warnings.as_slice() else { panic!("one warning") };
    assert_eq!(only.message, warning);
    assert_eq!((only.position.line, only.position.column), (2, 3));
}

#[test]
fn block_and_folded_texts() {
    let input = "folded: >\n  one\n  two\n\n  three\nliteral: |\n  one\n  --- not a marker\nstripped: |-\n  x\n\
                 kept: |+\n  x\n\nescaped: \"a\\tb\\u00e5\\x41\"\nquoted: 'it''s'\nunicode: 漢字 🎉\n";
    let expected = json!({
        "folded": "one two\nthree\n",
        "literal": "one\n--- not a marker\n",
        "stripped": "x",
        "kept": "x\n\n",
        "escaped": "a\tbåA",
        "quoted": "it's",
        "unicode": "漢字 🎉",
    });
    assert_eq!(value(input), expected);
}

#[rstest]
#[case("kind:\tComponent\nb: 1\n", json!({"kind": "Component", "b": 1}))]
#[case("a:\t\t-1\nb: \tx y\n", json!({"a": -1, "b": "x y"}))]
#[case("text: |\n  x:\ty\nb:\tz\n", json!({"text": "x:\ty\n", "b": "z"}))]
#[case("é: 漢字\nü:\tx\n", json!({"é": "漢字", "ü": "x"}))]
#[case("%FOO ééé\n---\n# é\na: # é\n  b:\tx\n", json!({"a": {"b": "x"}}))]
#[case("{a:\tb}", json!({"a": "b"}))]
fn tabs_between_key_and_value(#[case] input: &str, #[case] expected: serde_json::Value) {
    assert_eq!(value(input), expected);
}

#[rstest]
#[case("|\n  b\n  ", "b\n")]
#[case("|\r\n  b\r\n  ", "b\n")]
#[case("|+\n  b\n\n  ", "b\n\n")]
#[case(">-\n  b\n  ", "b")]
#[case("|\n  b\n ", "b\n")]
#[case("|\n  b\n    ", "b\n  \n")]
#[case("\n  b\n  ", "b")]
fn spaces_at_the_end_of_the_file(#[case] scalar: &str, #[case] expected: &str) {
    assert_eq!(value(&format!("a: {scalar}")), json!({ "a": expected }));
}

#[test]
fn json_is_yaml() {
    let text = r#"{"kind": "Component", "tags": ["a", 1, 1.5, true, null], "s": {"\u00e5": "\"\/\n"}}"#;
    let expected: serde_json::Value = serde_json::from_str(text).expect("is JSON");
    assert_eq!(value(text), expected);
}
