//! Every limit is held, at its edge.

use callboard_yaml::{ErrorKind, Limits, Options, load};
use rstest::rstest;

fn with(limits: Limits) -> Options {
    Options { limits, ..Options::default() }
}

/// Whether every document of the input is within the limits.
fn fits(input: &str, limits: Limits) -> bool {
    load(input.as_bytes(), &with(limits)).is_ok_and(|documents| {
        documents.iter().all(|document| match &document.content {
            Ok(_) => true,
            Err(error) if matches!(error.kind, ErrorKind::Limit { .. }) => {
                assert!(error.position.is_some());
                false
            }
            Err(error) => panic!("{error}"),
        })
    })
}

#[rstest]
#[case(5, true)]
#[case(4, false)]
fn limit_of_bytes(#[case] bytes: usize, #[case] expected: bool) {
    assert_eq!(fits("a: bc", Limits { bytes, ..Limits::default() }), expected);
}

#[rstest]
#[case(3, true)]
#[case(2, false)]
fn limit_of_documents(#[case] documents: usize, #[case] expected: bool) {
    assert_eq!(fits("1\n---\n2\n---\n3\n", Limits { documents, ..Limits::default() }), expected);
}

#[rstest]
#[case("[[[1]]]", 3, true)]
#[case("[[[1]]]", 2, false)]
#[case("{a: [{b: 1}]}", 3, true)]
#[case("{a: [{b: 1}]}", 2, false)]
#[case("- - - 1\n", 2, false)]
#[case("[&a [[1]], *a]", 3, true)]
#[case("[&a [[1]], [*a]]", 3, false)]
#[case("? [[1]]\n: 1\n", 2, false)]
#[case("1", 0, true)]
fn limit_of_depth(#[case] input: &str, #[case] depth: usize, #[case] expected: bool) {
    assert_eq!(fits(input, Limits { depth, ..Limits::default() }), expected);
}

#[test]
fn depth_has_a_ceiling() {
    let nested = |levels: usize| format!("{}1{}", "- ".repeat(levels), "\n");
    let limits = || Limits { depth: usize::MAX, ..Limits::default() };
    assert!(fits(&nested(500), limits()));
    assert!(!fits(&nested(501), limits()));
}

#[rstest]
#[case("[1, 2, {a: 3}]", 5, true)]
#[case("[1, 2, {a: 3}]", 4, false)]
#[case("[1, 2]\n---\n[3, 4]\n", 3, true)]
// The list, the anchored node twice, its item twice, and the alias with its item.
#[case("[&a [1], *a]", 7, true)]
#[case("[&a [1], *a]", 6, false)]
fn limit_of_nodes(#[case] input: &str, #[case] nodes: usize, #[case] expected: bool) {
    assert_eq!(fits(input, Limits { nodes, ..Limits::default() }), expected);
}

#[rstest]
#[case(6, true)]
#[case(5, false)]
fn limit_of_total_nodes(#[case] total_nodes: usize, #[case] expected: bool) {
    assert_eq!(fits("[1, 2]\n---\n[3, 4]\n", Limits { total_nodes, ..Limits::default() }), expected);
}

#[test]
fn total_nodes_leave_the_documents_before_alone() {
    let limits = Limits { total_nodes: 4, ..Limits::default() };
    let documents = load(b"[1, 2]\n---\n[3, 4]\n---\n5\n", &with(limits)).expect("loads");
    let sound: Vec<_> = documents.iter().map(|document| document.content.is_ok()).collect();
    assert_eq!(sound, [true, false, false]);
}

#[rstest]
#[case(3, true)]
#[case(2, false)]
fn limit_of_aliases(#[case] aliases: usize, #[case] expected: bool) {
    assert_eq!(fits("[&a 1, *a, *a]", Limits { aliases, ..Limits::default() }), expected);
}

/// What aliases repeat counts in all documents together.
#[test]
fn repeated_text() {
    let document = format!("[&a {}, *a, *a]\n", "x".repeat(100));
    let limits = || Limits { bytes: 1000, ..Limits::default() };
    assert!(fits(&[document.as_str(); 3].join("---\n"), limits()));
    assert!(!fits(&[document.as_str(); 4].join("---\n"), limits()));
}

#[test]
fn directive_lines() {
    let line = |length: usize| format!("%TAG !e! {}\n---\n1\n", "x".repeat(length));
    assert!(fits(&line(1000), Limits::default()));
    assert!(!fits(&line(1100), Limits::default()));
}
