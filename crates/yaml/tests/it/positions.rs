//! Where nodes and keys stand.

use callboard_yaml::{Content, Options, load};
use rstest::rstest;

const INPUT: &str = "\
# Entities
---
kind: Component
metadata:
  name: &name a
  é漢: [x, {deep: ~}]
  'a/b': 1
  'c~d': 2
spec:
- one
-
  two: |
    text
  three: *name
? [x]
:   - z
1: number
empty:
";

fn content(input: &str) -> Content {
    let mut documents = load(input.as_bytes(), &Options::default()).expect("loads");
    documents.remove(0).content.expect("is sound")
}

#[rstest]
#[case("", (3, 1), None)]
#[case("/kind", (3, 7), Some((3, 1)))]
#[case("/metadata", (5, 3), Some((4, 1)))]
#[case("/metadata/name", (5, 9), Some((5, 3)))]
#[case("/metadata/é漢", (6, 7), Some((6, 3)))]
#[case("/metadata/é漢/0", (6, 8), None)]
#[case("/metadata/é漢/1/deep", (6, 18), Some((6, 12)))]
#[case("/metadata/a~1b", (7, 10), Some((7, 3)))]
#[case("/metadata/c~0d", (8, 10), Some((8, 3)))]
// The parser places a list that is not indented at its first item.
#[case("/spec", (10, 3), Some((9, 1)))]
#[case("/spec/0", (10, 3), None)]
// A text in a block begins with its first line, not with the '|'.
#[case("/spec/1/two", (13, 5), Some((12, 3)))]
#[case("/spec/1/three", (14, 10), Some((14, 3)))]
#[case("/[ x ]", (16, 5), Some((15, 3)))]
#[case("/[ x ]/0", (16, 7), None)]
#[case("/1", (17, 4), Some((17, 1)))]
#[case("/empty", (18, 6), Some((18, 1)))]
fn of_every_node(#[case] pointer: &str, #[case] at: (u32, u32), #[case] key_at: Option<(u32, u32)>) {
    let content = content(INPUT);
    assert!(content.value.pointer(pointer).is_some(), "{pointer} is in the value");
    assert_eq!(content.position(pointer).map(|at| (at.line, at.column)), Some(at));
    assert_eq!(content.key_position(pointer).map(|at| (at.line, at.column)), key_at);
}

#[rstest]
#[case("/missing")]
#[case("/spec/2")]
#[case("/spec/-1")]
#[case("/kind/x")]
#[case("kind")]
#[case("/")]
fn of_what_is_not_there(#[case] pointer: &str) {
    assert_eq!(content(INPUT).position(pointer), None);
}

#[test]
fn inside_of_an_alias_are_those_of_the_anchor() {
    let content = content("a: &x\n  k: 1\nb: *x\n");
    assert_eq!(content.position("/b").map(|at| at.line), Some(3));
    assert_eq!(content.position("/b/k").map(|at| at.line), Some(2));
}

#[test]
fn of_a_replaced_entry_is_the_last_one() {
    assert_eq!(content("1: a\nx: 0\n'1': b\n").position("/1").map(|at| at.line), Some(3));
}

#[test]
fn count_from_the_start_of_the_input() {
    let input = "\u{feff}a: 1\r\n---\r\nb:\r\n  c: 2\r\n...\r\n--- {d: 3}\n";
    let documents = load(input.as_bytes(), &Options::default()).expect("loads");
    let at = |index: usize, pointer: &str| {
        let position = documents[index].content.as_ref().expect("is sound").position(pointer);
        position.map(|at| (at.line, at.column))
    };
    assert_eq!(at(0, "/a"), Some((1, 4)));
    assert_eq!(at(1, "/b/c"), Some((4, 6)));
    assert_eq!(at(2, "/d"), Some((6, 9)));
}

#[test]
fn can_be_left_out() {
    let options = Options { positions: false, ..Options::default() };
    let documents = load(b"a: 1\n", &options).expect("loads");
    assert_eq!(documents[0].content.as_ref().expect("is sound").position("/a"), None);
}

#[test]
fn stay_when_the_value_changes() {
    let mut content = content(INPUT);
    content.value["metadata"]["name"].take();
    assert_eq!(content.position("/metadata/name").map(|at| at.line), Some(5));
}
