//! Loads arbitrary bytes as YAML and checks what holds for any of them.

#![no_main]

use callboard_yaml::{Document, Limits, Options, Position, load};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    for merge_keys in [false, true] {
        let limits = Limits { documents: 200, nodes: 2_000, depth: 20, ..Limits::default() };
        let options = Options { limits, merge_keys, positions: true };
        let first = load(input, &options);
        if let Ok(documents) = &first {
            documents.iter().for_each(|document| check(document, input, &options.limits));
        }
        let second = load(input, &options);
        assert_eq!(format!("{first:?}"), format!("{second:?}"), "loading is deterministic");
    }
});

fn check(document: &Document, input: &[u8], limits: &Limits) {
    assert!(document.index < limits.documents);
    let lines = 1 + input.iter().filter(|&&byte| matches!(byte, b'\n' | b'\r')).count();
    let check_position = |at: Position| {
        assert!((1..=lines).contains(&(at.line as usize)), "{at} of {lines} lines");
        assert!((1..=input.len() + 1).contains(&(at.column as usize)), "{at} of {} bytes", input.len());
    };
    check_position(document.start);
    for warning in &document.warnings {
        check_position(warning.position);
    }
    match &document.content {
        Err(error) => {
            check_position(error.position.expect("an error of a document has a position"));
            assert!(error.to_string().len() < 1_000);
        }
        Ok(content) => {
            let mut nodes = 0;
            walk(&content.value, &mut String::new(), 0, &mut |pointer, depth| {
                nodes += 1;
                assert!(depth <= limits.depth);
                // Looking up every node of a wide document would only test the fuzzer's patience.
                if nodes <= 200 {
                    check_position(content.position(pointer).expect("every value has a position"));
                }
            });
            assert!(nodes <= limits.nodes);
        }
    }
}

/// Visits every value with its JSON pointer and the number of collections it is or stands in.
fn walk(value: &Value, pointer: &mut String, above: usize, visit: &mut impl FnMut(&str, usize)) {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        Value::Object(entries) => entries.iter().map(|(key, entry)| (escape(key), entry)).collect(),
        _ => return visit(pointer, above),
    };
    visit(pointer, above + 1);
    for (token, child) in children {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&token);
        walk(child, pointer, above + 1, visit);
        pointer.truncate(length);
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
