//! Messages: what, where, how to mend it.

use callboard_yaml::{Limits, Options, load};
use insta::assert_snapshot;

use crate::error;

/// The errors of several broken inputs, one a line.
fn messages(inputs: &[&str]) -> String {
    inputs.iter().map(|input| format!("{}\n", error(input))).collect()
}

#[test]
fn of_indentation() {
    assert_snapshot!(messages(&[
        "metadata:\n\tname: a\n",
        "a:\n  b: 1\n c: 2\n",
        "a:\n  - 1\n - 2\n",
        "a: |\n    x\n  y\n",
        "a: b: c\n",
        "a: - b\n",
        "a: 1\nb\nc: 2\n",
    ]));
}

#[test]
fn of_what_is_not_closed() {
    assert_snapshot!(messages(&[
        "a: [1\n",
        "a: [1 {\n",
        "a: {b: 1\nc: 2\n",
        "a: \"x\n",
        "a: \"x\nb: 1\n",
        "a: 'x\n",
        "a: 1]\nb: ]\n",
        "a: [\n",
    ]));
}

#[test]
fn of_texts_that_need_quotes() {
    assert_snapshot!(messages(&["a: @b\n", "a: `b`\n", "a: %b\n", "a: *b\n", "a: \"\\d\"\n", "a: x\0y\n"]));
}

#[test]
fn of_tags_and_directives() {
    assert_snapshot!(messages(&[
        "!e!a 1\n",
        "%YAML 1.2\na: 1\n",
        "%YAML x\n---\n",
        "%YAML ééééé\n---\n",
        "a: !<x\n"
    ]));
}

#[test]
fn of_keys_and_anchors() {
    assert_snapshot!(messages(&[
        "a: 1\n\"a\": 2\n",
        &format!("{0}: 1\n{0}: 2\n", "long".repeat(50)),
        "&a [*a]\n",
        "a:\n  b\n  c: 1\n",
    ]));
}

#[test]
fn of_limits() {
    let limits = Limits { bytes: 30, documents: 2, depth: 3, nodes: 4, total_nodes: 6, aliases: 2 };
    let options = Options { limits, ..Options::default() };
    let inputs = [
        "an input that is longer than 30 bytes\n",
        "1\n---\n2\n---\n3\n",
        "[[[[1]]]]",
        "[1, 2, 3, 4]",
        "[1, 2]\n---\n[1, 2, 3]\n",
        "[&a 1, *a, *a]",
        "[&a eight888, *a, *a, *a]",
    ];
    let messages: String = inputs
        .into_iter()
        .map(|input| match load(input.as_bytes(), &options) {
            Err(error) => format!("whole input: {error}\n"),
            Ok(documents) => documents
                .into_iter()
                .filter_map(|document| document.content.err())
                .map(|error| format!("{error}\n"))
                .collect(),
        })
        .collect();
    assert_snapshot!(messages);
}

#[test]
fn of_merge_keys() {
    let options = Options { merge_keys: true, ..Options::default() };
    let mut documents = load(b"a:\n  <<: text\n", &options).expect("loads");
    let error = documents.remove(0).content.expect_err("is broken");
    assert_snapshot!(error.to_string());
    assert_eq!(error.message(), error.kind.to_string());
    assert!(error.hint().is_some());
}
