//! Names, namespaces, versions, labels, annotations, tags and links.

use callboard_model::{FieldFormatValidators, FormatValidator, policy};
use rstest::rstest;
use serde_json::{Value, json};

use crate::fixtures::{document, with_metadata};

const HELP: &str = "To learn more about catalog file format, visit: https://github.com/backstage/backstage/blob/master/docs/architecture-decisions/adr002-default-catalog-file-format.md";

/// Texts that each format accepts and rejects. `a*63` stands for 63 times the letter.
fn check_texts(validator: &FormatValidator, accepted: &[&str], rejected: &[&str]) {
    let long = |text: &str| match text.split_once('*') {
        Some((letter, times)) => letter.repeat(times.parse().unwrap()),
        None => text.to_owned(),
    };
    for text in accepted {
        assert!(validator.is_valid(&long(text)), "{text:?} must be accepted");
    }
    for text in rejected {
        assert!(!validator.is_valid(&long(text)), "{text:?} must be rejected");
    }
}

#[test]
fn default_formats() {
    let formats = FieldFormatValidators::default();
    let names = ["a", "A", "0", "1", "a-b", "a_b", "a.b", "a-_.b", "aB9", "a--b", "a*63"];
    let bad_names = ["-a", "a-", ".a", "a.", "_a", "a_", "_", "a b", "a/b", "a:b", "å", "", "a*64", "a\n"];
    check_texts(&formats.entity_name, &names, &bad_names);
    check_texts(&formats.label_value, &[&names[..], &[""]].concat(), &["-a", "b c", "b/c", "a*64"]);
    check_texts(
        &formats.namespace,
        &["default", "a-b", "a--b", "a1", "1", "a*63"],
        &["A", "a_b", "a.b", "-a", "a-", "-", "", "a b", "a*64", "å"],
    );
    check_texts(
        &formats.api_version,
        &["v1", "backstage.io/v1", "a.b/v1", "V1", "v*63"],
        &["a/b/c", "Back.io/v1", "x.y/", "x.y/v-1", "/v1", "back stage/v1", "", "a..b/v1", "v*64"],
    );
    check_texts(&formats.kind, &["Component", "a", "A1", "K*63"], &["My-Kind", "1a", "", "K*64", "K K"]);
    let keys = ["a", "acme.test/a", "a.b-c_d", "a--b.c/x"];
    let bad_keys = ["a b", "a/b/c", "Acme.test/a", "a*64", "/a", "a/", "", "a_b/c"];
    check_texts(&formats.label_key, &keys, &bad_keys);
    check_texts(&formats.annotation_key, &keys, &bad_keys);
    check_texts(&formats.annotation_value, &["", "any text,\neven lines"], &[]);
    check_texts(
        &formats.tag,
        &["a", "java", "a-b", "a1", "c++", "c#", "a:b", "#a", "a+b", "a*63"],
        &["A", "Java", "a b", "a_b", "a.b", "-a", "a-", "a--b", "", "å", "a*64"],
    );
}

#[test]
fn a_prefix_has_at_most_253_characters() {
    let formats = FieldFormatValidators::default();
    let prefix = format!("{}{}", format!("{}.", "a".repeat(62)).repeat(4), "a");
    assert_eq!(prefix.len(), 253);
    assert!(formats.label_key.is_valid(&format!("{prefix}/a")));
    assert!(!formats.label_key.is_valid(&format!("{prefix}a/a")));
}

#[rstest]
#[case(json!({ "name": "a b" }), r#""metadata.name" is not valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total but found "a b"."#)]
#[case(json!({ "name": "a", "namespace": "A" }), r#""metadata.namespace" is not valid; expected a string that is sequences of [a-z0-9] separated by [-], at most 63 characters in total but found "A"."#)]
#[case(json!({ "name": "a", "labels": { "a b": "c" } }), r#""labels.a b" is not valid; expected a valid prefix and/or suffix but found "a b"."#)]
#[case(json!({ "name": "a", "labels": { "a": "b c" } }), r#""labels.a" is not valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total but found "b c"."#)]
#[case(json!({ "name": "a", "labels": { "a": 1.0 } }), r#""labels.a" is not valid; expected a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total but found "1"."#)]
#[case(json!({ "name": "a", "annotations": { "a/b/c": "" } }), r#""annotations.a/b/c" is not valid; expected a valid prefix and/or suffix but found "a/b/c"."#)]
#[case(json!({ "name": "a", "tags": ["a", "B"] }), r#""tags.1" is not valid; expected a string that is sequences of [a-z0-9+#] separated by [-], at most 63 characters in total but found "B"."#)]
#[case(json!({ "name": "a", "links": [{ "url": "/a" }] }), r#""links.0.url" is not valid; expected a string that is a valid url but found "/a"."#)]
#[case(json!({ "name": "a", "links": [{ "url": "https://a.test", "title": " " }] }), r#""links.0.title" is not valid; expected a non empty string but found " "."#)]
#[case(json!({ "name": "a", "links": [{ "url": "https://a.test", "icon": "\u{feff}" }] }), "\"links.0.icon\" is not valid; expected a non empty string but found \"\u{feff}\".")]
fn the_first_bad_field_is_reported(#[case] metadata: Value, #[case] expected: &str) {
    let error = policy::check_field_format(&with_metadata(&metadata), &FieldFormatValidators::default());
    assert_eq!(error.unwrap_err().to_string(), format!("Error: {expected} {HELP}"));
}

#[rstest]
#[case(json!({ "name": "a", "labels": { "a": null } }), "labels.a must have a value")]
#[case(json!({ "name": "a", "annotations": { "a": null } }), "annotations.a must have a value")]
#[case(json!({ "name": "a", "tags": [null] }), "tags.0 must have a value")]
#[case(json!({ "name": "a", "links": [{}] }), "links.0.url must have a value")]
fn nothing_is_no_value(#[case] metadata: Value, #[case] expected: &str) {
    let error = policy::check_field_format(&with_metadata(&metadata), &FieldFormatValidators::default());
    assert_eq!(error.unwrap_err().message, expected);
}

#[rstest]
#[case(json!({ "name": "a" }))]
#[case(json!({ "name": "a", "labels": null, "tags": [], "links": [] }))]
#[case(json!({ "name": "a", "links": [{ "url": "mailto:a@b.test", "icon": "a b", "extra": 1 }, { "url": "javascript:alert(1)" }] }))]
#[case(json!({ "name": "a", "labels": { "a": "" }, "annotations": { "acme.test/a": "any\ntext" }, "tags": ["a", "a"] }))]
fn everything_else_passes(#[case] metadata: Value) {
    policy::check_field_format(&with_metadata(&metadata), &FieldFormatValidators::default()).unwrap();
}

#[rstest]
#[case(json!({ "apiVersion": "a b", "kind": "K", "metadata": { "name": "a" } }), "\"apiVersion\" is not valid; expected a valid prefix and/or suffix but found \"a b\".")]
#[case(json!({ "apiVersion": "v1", "kind": "K-K", "metadata": { "name": "a" } }), "\"kind\" is not valid; expected a string that is a sequence of [a-zA-Z][a-z0-9A-Z], at most 63 characters in total but found \"K-K\".")]
fn the_envelope_is_checked_too(#[case] value: Value, #[case] expected: &str) {
    let error = policy::check_field_format(&document(value), &FieldFormatValidators::default()).unwrap_err();
    assert_eq!(error.message, format!("{expected} {HELP}"));
}

#[test]
fn formats_can_be_replaced() {
    let only_upper_case = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
    let silent = FieldFormatValidators {
        tag: FormatValidator::new(only_upper_case),
        ..FieldFormatValidators::default()
    };
    policy::check_field_format(&with_metadata(&json!({ "name": "a", "tags": ["JAVA"] })), &silent).unwrap();
    let lower_case = with_metadata(&json!({ "name": "a", "tags": ["java"] }));
    let error = policy::check_field_format(&lower_case, &silent).unwrap_err();
    assert_eq!(error.message, format!("\"tags.0\" is not valid; {HELP}"));

    let explained = FieldFormatValidators {
        tag: FormatValidator::new(only_upper_case).expecting("shouting"),
        ..FieldFormatValidators::default()
    };
    let error = policy::check_field_format(&lower_case, &explained).unwrap_err();
    assert_eq!(
        error.message,
        format!("\"tags.0\" is not valid; expected shouting but found \"java\". {HELP}")
    );
    assert!(format!("{explained:?}").contains("shouting"));
}
