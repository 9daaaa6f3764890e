//! Files made to crash, hang or exhaust: each is answered in bounded time, by a value or by an error that
//! says where.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use callboard_yaml::{Document, Options, load};
use rstest::rstest;

/// Far more than any of these takes even in a debug build on a busy machine; a quadratic answer takes
/// minutes.
const PATIENCE: Duration = Duration::from_secs(20);

fn answer(name: &str, input: &[u8]) -> Vec<Document> {
    let begin = Instant::now();
    let documents = load(input, &Options::default()).expect("is within the limits of an input");
    let elapsed = begin.elapsed();
    assert!(elapsed < PATIENCE, "{name} took {elapsed:?}");
    for document in &documents {
        if let Err(error) = &document.content {
            assert!(error.position.is_some(), "{name}: {error} has no position");
            assert!(error.to_string().len() < 500, "{name}: the message is as long as the file");
        }
    }
    documents
}

/// The files of `tests/hostile`: `ok` in their name says that they are odd but sound.
#[test]
fn files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut seen = 0;
    let mut misnamed = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("can be listed").path();
        let name = path.file_name().expect("has a name").to_string_lossy().into_owned();
        let documents = answer(&name, &fs::read(&path).expect("can be read"));
        let sound = documents.iter().all(|document| document.content.is_ok());
        if sound != name.contains(".ok.") {
            misnamed.push(name);
        }
        seen += 1;
    }
    assert_eq!(misnamed, [""; 0], "broken files read as sound, or the other way round");
    assert!(seen >= 20, "only {seen} files");
}

#[rstest]
#[case::deep_brackets("[".repeat(1_000_000))]
#[case::deep_braces("{a: ".repeat(300_000))]
#[case::deep_keys("? ".repeat(300_000))]
#[case::deep_brace_keys("{".repeat(1_000_000))]
#[case::deep_list("- ".repeat(300_000))]
#[case::deep_list_with_a_tab(format!("{}a:\tb\n", "- ".repeat(300_000)))]
#[case::deep_mapping((0..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect())]
#[case::deep_anchored_list("- &a ".repeat(200_000))]
#[case::alias_bomb(bomb(10, 10))]
#[case::alias_bomb_of_empty_lists(format!("- &a []\n{}", "- [*a, *a]\n".repeat(600_000)))]
#[case::nested_anchors(format!("{}x{}", "[&a ".repeat(90), "]".repeat(90)).replace('x', &"[1, 2], ".repeat(10_000)))]
#[case::repeated_text(format!("&a {}\n", "x".repeat(1_000_000)).replace("&a", "- &a") + &"- *a\n".repeat(98))]
#[case::open_quote(format!("a: \"{}", "x\n".repeat(1_000_000)))]
#[case::open_single_quote(format!("a: '{}", "x ".repeat(1_000_000)))]
#[case::nul_bytes("\0".repeat(1_000_000))]
#[case::closing_brackets("]".repeat(1_000_000))]
#[case::anchors_only("&a ".repeat(500_000))]
#[case::tags_only("!a ".repeat(500_000))]
#[case::unknown_aliases("- *a\n".repeat(500_000))]
#[case::long_tag_prefix(format!("%TAG !e! {}\n---\n{}", "x".repeat(500_000), "- !e!a 1\n".repeat(100_000)))]
fn refused(#[case] input: String) {
    let documents = answer("generated", input.as_bytes());
    assert!(documents.iter().any(|document| document.content.is_err()));
}

#[rstest]
#[case::huge_text(format!("a: {}", "x".repeat(5_000_000)), 1)]
#[case::huge_literal(format!("a: |\n{}", "  x\n".repeat(500_000)), 1)]
#[case::huge_key(format!("? {}\n: 1\n", "x".repeat(5_000_000)), 1)]
#[case::huge_number(format!("a: {}\nb: 0x{0}\n", "1".repeat(2_000_000)), 1)]
#[case::blank_lines("\n".repeat(2_000_000) + "a", 1)]
#[case::comments("# c\n".repeat(500_000) + "a", 1)]
#[case::long_list("- a\n".repeat(200_000), 1)]
#[case::long_flow_list(format!("[{}]", "a,".repeat(200_000)), 1)]
#[case::long_flow_list_of_pairs(format!("[{}]", "a: b,".repeat(100_000)), 1)]
#[case::long_mapping((0..100_000).map(|key| format!("k{key}: v\n")).collect(), 1)]
#[case::replaced_keys((0..50_000).map(|key| format!("{key}: v\n'{key}': w\n")).collect(), 1)]
#[case::many_tag_prefixes((0..20_000).map(|name| format!("%TAG !e{name}! x\n")).collect::<String>() + "---\n1\n", 1)]
#[case::many_anchors((0..100_000).map(|name| format!("- &a{name} x\n")).collect(), 1)]
#[case::same_anchor("- &a x\n".repeat(100_000), 1)]
#[case::empty_documents("---\n".repeat(100_000), 100_000)]
#[case::ended_documents("...\n".repeat(100_000), 100_000)]
#[case::carriage_returns("---\r".repeat(50_000), 50_000)]
#[case::one_word_documents("--- a\n".repeat(100_000), 100_000)]
#[case::tabs_after_colons((0..20_000).map(|key| format!("k{key}:\tv\n---\n")).collect::<String>() + "1", 20_001)]
#[case::byte_order_marks("\u{feff}".to_owned() + "a\n...\n\u{feff}b\n", 2)]
fn accepted(#[case] input: String, #[case] expected: usize) {
    let documents = answer("generated", input.as_bytes());
    assert_eq!(documents.len(), expected);
    if let Some(error) = documents.into_iter().find_map(|document| document.content.err()) {
        panic!("{error}");
    }
}

/// Tabs cost a parse each: one document with very many must not take the square of its length.
#[test]
fn very_many_tabs() {
    let input: String = (0..100_000).map(|key| format!("k{key}:\tv\n")).collect();
    answer("very many tabs", input.as_bytes());
}

/// `levels` lists, each of `width` aliases of the one before.
fn bomb(levels: usize, width: usize) -> String {
    let mut text = "- &a0 [lol]\n".to_owned();
    for level in 1..=levels {
        let alias = format!("*a{}", level - 1);
        text += &format!("- &a{level} [{}]\n", vec![alias; width].join(", "));
    }
    text
}
