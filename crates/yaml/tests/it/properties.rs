//! What holds for any input at all.

use callboard_yaml::{Document, Limits, Options, Position, YamlError, load};
use proptest::prelude::*;
use serde_json::Value;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes(input in prop::collection::vec(any::<u8>(), 0..200), merge_keys: bool) {
        check(&input, merge_keys);
    }

    #[test]
    fn any_text(input: String, merge_keys: bool) {
        check(input.as_bytes(), merge_keys);
    }

    #[test]
    fn anything_like_yaml(input in yaml_like(), merge_keys: bool) {
        check(input.as_bytes(), merge_keys);
    }

    /// JSON is YAML: what `serde_json` writes is read back the same.
    #[test]
    fn json_round_trip(value in json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let mut documents = load(text.expect("prints").as_bytes(), &Options::default()).expect("loads");
        let content = documents.remove(0).content.expect("is sound");
        prop_assert_eq!(&content.value, &value);
        let mut pointers = Vec::new();
        collect_pointers(&value, String::new(), &mut pointers);
        for pointer in pointers {
            prop_assert!(content.position(&pointer).is_some(), "{} has a position", pointer);
        }
    }

    /// A document is the same alone and among broken ones. (Directives and comments at the end of what is
    /// before belong to the next document: that is the one between.)
    #[test]
    fn neighbours_do_not_matter(before in yaml_like(), value in json()) {
        let text = format!("{before}\n---\nbetween\n---\n{value}\n---\n]\n");
        let documents = load(text.as_bytes(), &Options::default()).expect("loads");
        let found = &documents[documents.len() - 2].content.as_ref().expect("is sound").value;
        prop_assert_eq!(found, &value);
    }
}

/// Pieces that mean something to a YAML parser, in any order.
fn yaml_like() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        "b",
        "1",
        "0x1",
        "null",
        "~",
        "é",
        " ",
        "  ",
        "\n",
        "\n  ",
        "\r\n",
        "\r",
        "\t",
        ": ",
        ":\t",
        "- ",
        "? ",
        ", ",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "|\n",
        ">+\n",
        "#",
        " # c\n",
        "&x ",
        "*x ",
        "!t ",
        "!!str ",
        "<<: ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "%TAG ! x\n",
        "\\",
        "@",
        "\0",
        "\u{feff}",
        "key: v\n",
        "- i\n",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53) + 1..1 << 53).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z/~]{1,4}", inner, 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn check(input: &[u8], merge_keys: bool) {
    let limits = Limits { nodes: 100, depth: 8, ..Limits::default() };
    let options = Options { limits, merge_keys, positions: true };
    let documents = load(input, &options);
    if let Ok(documents) = &documents {
        let lines = 1 + input.iter().filter(|&&byte| matches!(byte, b'\n' | b'\r')).count();
        for (index, document) in documents.iter().enumerate() {
            assert_eq!(document.index, index);
            check_document(document, &options.limits, lines, input.len());
        }
    }
    assert_eq!(outcome(&documents), outcome(&load(input, &options)), "loading is deterministic");
}

fn check_document(document: &Document, limits: &Limits, lines: usize, columns: usize) {
    let check_position = |at: Position| {
        assert!((1..=lines).contains(&(at.line as usize)), "{at} of {lines} lines");
        assert!((1..=columns + 1).contains(&(at.column as usize)), "{at} of {columns} bytes");
    };
    check_position(document.start);
    document.warnings.iter().for_each(|warning| check_position(warning.position));
    match &document.content {
        Err(error) => check_position(error.position.expect("an error of a document has a position")),
        Ok(content) => {
            let mut pointers = Vec::new();
            collect_pointers(&content.value, String::new(), &mut pointers);
            assert!(pointers.len() <= limits.nodes);
            assert!(depth(&content.value) <= limits.depth);
            for pointer in pointers {
                check_position(content.position(&pointer).expect("every value has a position"));
            }
        }
    }
}

fn collect_pointers(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_pointers(item, format!("{pointer}/{index}"), pointers);
            }
        }
        Value::Object(entries) => {
            for (key, entry) in entries {
                let token = key.replace('~', "~0").replace('/', "~1");
                collect_pointers(entry, format!("{pointer}/{token}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(pointer);
}

/// Levels of mappings and sequences.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn outcome(documents: &Result<Vec<Document>, YamlError>) -> String {
    format!("{documents:?}")
}
