//! JSON text and hashes as JavaScript makes them.

use callboard_model::javascript::{compare_strings, trim};
use callboard_model::{canonical_json, content_hash, js_number, sha1_hex, to_json_bytes};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Map, Number, Value, json};

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[rstest]
#[case("1.0", "1")]
#[case("-0.0", "0")]
#[case("-0", "0")]
#[case("0.1", "0.1")]
#[case("1e21", "1e+21")]
#[case("1e20", "100000000000000000000")]
#[case("1.5e-7", "1.5e-7")]
#[case("0.000001", "0.000001")]
#[case("9007199254740992", "9007199254740992")]
#[case("9007199254740993", "9007199254740992")]
#[case("-9007199254740993", "-9007199254740992")]
#[case("18446744073709551615", "18446744073709552000")]
#[case("-5", "-5")]
#[case("-31907376920497.094", "-31907376920497.094")]
fn numbers_print_as_doubles(#[case] input: &str, #[case] expected: &str) {
    let number: Number = serde_json::from_str(input).unwrap();
    assert_eq!(js_number(&number), expected);
    assert_eq!(text(to_json_bytes(&Value::Number(number))), expected);
}

#[rstest]
#[case("a\"b\\c", r#""a\"b\\c""#)]
#[case("\u{8}\t\n\u{c}\r", r#""\b\t\n\f\r""#)]
#[case("\u{0}\u{1f}\u{7f}\u{2028}", "\"\\u0000\\u001f\u{7f}\u{2028}\"")]
#[case("", "\"\"")]
#[case("Ångström 😀", "\"Ångström 😀\"")]
fn strings_are_escaped_no_more_than_needed(#[case] input: &str, #[case] expected: &str) {
    assert_eq!(text(to_json_bytes(&json!(input))), expected);
}

#[test]
fn canonical_text_sorts_keys_and_keeps_lists() {
    let value = json!({ "b": [3, 1, { "z": null, "a": true }], "a": {}, "B": [], "10": 1.0, "9": false });
    assert_eq!(
        text(canonical_json(&value)),
        r#"{"10":1,"9":false,"B":[],"a":{},"b":[3,1,{"a":true,"z":null}]}"#
    );
    assert_eq!(
        text(to_json_bytes(&value)),
        r#"{"b":[3,1,{"z":null,"a":true}],"a":{},"B":[],"10":1,"9":false}"#
    );
}

#[rstest]
#[case("a", "b")]
#[case("", "a")]
#[case("a", "aa")]
#[case("B", "a")]
#[case("\u{d7ff}", "😀")]
#[case("😀", "\u{e000}")]
#[case("x😀", "x\u{ffff}")]
#[case("😀", "😁")]
fn keys_sort_by_utf16_units(#[case] first: &str, #[case] second: &str) {
    assert!(compare_strings(first, second).is_lt());
    assert!(compare_strings(second, first).is_gt());
    assert!(compare_strings(first, first).is_eq());
    let value = json!({ second: 1, first: 2 });
    let keys: Vec<String> = serde_json::from_slice::<Map<String, Value>>(&canonical_json(&value))
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(keys, [first, second]);
}

#[test]
fn hashes_are_sha1_of_the_canonical_text() {
    assert_eq!(sha1_hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(content_hash(&json!({ "b": 1, "a": [] })), sha1_hex(br#"{"a":[],"b":1}"#));
}

#[rstest]
#[case(" \t\n\u{b}\u{c}\r\u{a0}\u{feff}\u{2028}\u{2029}\u{3000}a b ", "a b")]
#[case("\u{85}a\u{200b}", "\u{85}a\u{200b}")]
fn trims_as_javascript_does(#[case] input: &str, #[case] expected: &str) {
    assert_eq!(trim(input), expected);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e15..1e15).prop_map(Value::from),
        "\\PC{0,8}|[\u{0}-\u{ff}]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-cÀ😀\u{ffff}]{0,3}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().rev().map(|(key, member)| (key.clone(), reversed(member))).collect())
        }
        other => other.clone(),
    }
}

/// Whole doubles are written like integers, so they come back as such.
fn with_whole_numbers(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(with_whole_numbers).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(key, member)| (key.clone(), with_whole_numbers(member))).collect(),
        ),
        Value::Number(number) => serde_json::from_str(&js_number(number)).unwrap(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn canonical_text_does_not_depend_on_key_order(value in any_json()) {
        let canonical = canonical_json(&value);
        prop_assert_eq!(&canonical, &canonical_json(&reversed(&value)));
        let parsed: Value = serde_json::from_slice(&canonical).unwrap();
        prop_assert_eq!(&parsed, &with_whole_numbers(&value));
        prop_assert_eq!(canonical_json(&parsed), canonical);
    }

    #[test]
    fn plain_text_keeps_key_order(value in any_json()) {
        let parsed: Value = serde_json::from_slice(&to_json_bytes(&value)).unwrap();
        prop_assert_eq!(to_json_bytes(&parsed), to_json_bytes(&value));
        prop_assert_eq!(parsed, with_whole_numbers(&value));
    }

    #[test]
    fn strings_compare_like_their_utf16_units(left in "[\u{e000}-\u{ffff}😀-😂a-c]{0,3}", right in "[\u{e000}-\u{ffff}😀-😂a-c]{0,3}") {
        let units = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        prop_assert_eq!(compare_strings(&left, &right), units(&left).cmp(&units(&right)));
    }
}
