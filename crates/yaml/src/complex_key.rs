//! The text of a mapping or sequence that is used as a key: JSON keys are text, so it is written out in
//! flow style, as `[ a, b ]`. (Results of `write!` are dropped: writing to a string cannot fail.)

use std::fmt::Write;

use serde_json::Value;

/// Writes a value in flow style on one line. Recursion is bounded by the depth limit of the document.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::String(string) => write_string(out, string),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(entries) if entries.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "[ " } else { ", " });
                write_value(out, item);
            }
            out.push_str(" ]");
        }
        Value::Object(entries) => {
            for (index, (key, entry)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "{ " } else { ", " });
                write_string(out, key);
                // The usual cause is a template that was not filled in, `{{ name }}`: a mapping whose only
                // key is the mapping `{ name }`, without a value.
                if !entry.is_null() {
                    out.push_str(": ");
                    write_value(out, entry);
                }
            }
            out.push_str(" }");
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "{value}");
        }
    }
}

/// Words are written bare, everything that could be mistaken for something else in quotes.
fn write_string(out: &mut String, string: &str) {
    let starts_like_a_word = string.starts_with(|first: char| first.is_alphabetic() || first == '_');
    let is_plain = |character: char| character.is_alphanumeric() || "_-./ ".contains(character);
    let is_typed_word = ["true", "false", "null"].iter().any(|word| string.eq_ignore_ascii_case(word));
    if starts_like_a_word && string.chars().all(is_plain) && !string.ends_with(' ') && !is_typed_word {
        out.push_str(string);
    } else {
        let _ = write!(out, "{}", Value::from(string));
    }
}
