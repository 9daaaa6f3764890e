//! Where documents begin and end, and that broken ones do not hide their neighbours.

use callboard_yaml::{Options, load};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{value, values};

/// Each document as JSON text, `!` for a broken one.
fn outline(input: &str) -> Vec<String> {
    values(input)
        .into_iter()
        .map(|document| document.map_or_else(|_| "!".to_owned(), |value: Value| value.to_string()))
        .collect()
}

#[rstest]
#[case::nothing("", &[])]
#[case::comments("# one\n\n  # two\n", &[])]
#[case::only_directives("%YAML 1.2\n", &[])]
#[case::bare("a", &["\"a\""])]
#[case::several("1\n---\n2\n--- 3\n", &["1", "2", "3"])]
#[case::empty_ones("---\n---\n# c\n---\n1\n---\n", &["null", "null", "1", "null"])]
#[case::ended("1\n...\n---\n2\n...\n", &["1", "2"])]
#[case::bare_after_end("1\n...\n# c\n2\n", &["1", "2"])]
#[case::stray_end("...\n1\n", &["null", "1"])]
#[case::directives("%YAML 1.2\n---\n1\n...\n%YAML 1.2\n---\n2\n", &["1", "2"])]
#[case::directive_without_end("1\n%YAML 1.2\n---\n2\n", &["\"1 %YAML 1.2\"", "2"])]
#[case::directive_then_content("%YAML 1.2\n1\n", &["!"])]
#[case::crlf("a: 1\r\n---\r\nb: 2\r\n", &["{\"a\":1}", "{\"b\":2}"])]
#[case::byte_order_marks("\u{feff}1\n...\n\u{feff}---\n2\n", &["1", "2"])]
#[case::longer_dashes("----\n", &["\"----\""])]
#[case::dashes_and_text("---a\n", &["\"---a\""])]
#[case::tab_after_marker("---\t1\n---\t\n", &["1", "null"])]
#[case::open_list("a: [\n---\n1\n", &["!", "1"])]
#[case::open_quote("a: \"\n---\n1\n--- \"b\"\n", &["!", "1", "\"b\""])]
#[case::open_literal("a: |\n  b\n---\n1\n", &["{\"a\":\"b\\n\"}", "1"])]
#[case::root_literal("--- |\nb\n---\n1\n", &["\"b\\n\"", "1"])]
#[case::indented_marker("a: |\n ---\n", &["{\"a\":\"---\\n\"}"])]
#[case::broken_in_the_middle("1\n---\n: [\n---\n3\n", &["1", "!", "3"])]
fn cutting(#[case] input: &str, #[case] expected: &[&str]) {
    assert_eq!(outline(input), expected);
}

#[test]
fn index_and_start() {
    let input = "# c\n1\n---\n: [\n...\n# c\n%YAML 1.2\n---\n3\n";
    let documents = load(input.as_bytes(), &Options::default()).expect("loads");
    let places: Vec<_> = documents.iter().map(|document| (document.index, document.start.line)).collect();
    assert_eq!(places, [(0, 2), (1, 3), (2, 8)]);
}

#[test]
fn an_anchor_ends_with_its_document() {
    assert_eq!(outline("&a 1\n---\n*a\n"), ["1", "!"]);
}

#[test]
fn a_tag_prefix_ends_with_its_document() {
    assert_eq!(outline("%TAG !e! tag:x,1:\n---\n!e!a 1\n...\n---\n!e!a 1\n"), ["\"1\"", "!"]);
}

#[test]
fn other_versions_are_read_as_1_2_with_a_warning() {
    let documents = load(b"%YAML 1.1\n---\nyes\n", &Options::default()).expect("loads");
    assert_eq!(documents[0].content.as_ref().expect("is sound").value, json!("yes"));
    assert_eq!(
        documents[0].warnings[0].message,
        "the document asks for another version of YAML, it is read as version 1.2"
    );
    assert_eq!(documents[0].warnings[0].position.line, 1);
}

#[test]
fn bad_utf8_is_replaced_with_a_warning() {
    let documents = load(b"a: 1\n---\nb: \xff\xfe\xe2\x82x\n---\n3\n", &Options::default()).expect("loads");
    assert_eq!(
        documents[1].content.as_ref().expect("is sound").value,
        json!({"b": "\u{fffd}\u{fffd}\u{fffd}x"})
    );
    let warnings: Vec<_> = documents.iter().map(|document| document.warnings.len()).collect();
    assert_eq!(warnings, [0, 1, 0]);
    let position = documents[1].warnings[0].position;
    assert_eq!((position.line, position.column), (3, 4));
}

#[test]
fn a_unicode_text_stays_as_it_is() {
    assert_eq!(
        value("a: \u{85}\u{2028}\u{e000}\u{10ffff}\n"),
        json!({"a": "\u{85}\u{2028}\u{e000}\u{10ffff}"})
    );
}
