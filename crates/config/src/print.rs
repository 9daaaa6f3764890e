//! The configuration as YAML for people: origins beside the values, secrets hidden.

use serde_json::Value;

use crate::config::Config;
use crate::node::{Node, NodeContent};
use crate::origin::Origin;
use crate::secret::{HIDDEN, is_secret_key, without_url_password};

impl Config {
    /// The merged configuration as YAML, each value followed by its origin, secrets replaced by `[hidden]`.
    ///
    /// Hidden is what came by `$env` or `$file` or from a variable named like a secret, what stands below
    /// a key named like one (`password`, `clientSecret`, …), and the passwords of URLs.
    pub fn print(&self) -> String {
        let mut printed = String::new();
        match &self.root().content {
            NodeContent::Object(entries) => print_entries(&mut printed, entries, 0, false),
            _ => printed.push_str("{}\n"),
        }
        if printed.is_empty() {
            printed.push_str("{}\n");
        }
        printed
    }
}

fn print_entries(printed: &mut String, entries: &[(String, Node)], depth: usize, hide: bool) {
    for (place, (key, node)) in entries.iter().enumerate() {
        // The first key of a list item stands behind the item's hyphen.
        if place > 0 || !printed.ends_with("- ") {
            indent(printed, depth);
        }
        printed.push_str(&text(key));
        printed.push(':');
        print_value(printed, node, depth, hide || is_secret_key(key));
    }
}

/// Prints a value behind its key or its hyphen, line end included.
fn print_value(printed: &mut String, node: &Node, depth: usize, hide: bool) {
    let hide = hide || node.secret;
    match &node.content {
        NodeContent::Object(entries) if !entries.is_empty() => {
            printed.push('\n');
            print_entries(printed, entries, depth + 1, hide);
        }
        NodeContent::List(items) if !items.is_empty() => {
            printed.push('\n');
            for item in items {
                print_item(printed, item, depth + 1, hide);
            }
        }
        _ => {
            printed.push(' ');
            print_leaf(printed, node, hide);
        }
    }
}

fn print_item(printed: &mut String, item: &Node, depth: usize, hide: bool) {
    indent(printed, depth);
    match &item.content {
        NodeContent::Object(entries) if !entries.is_empty() => {
            printed.push_str("- ");
            print_entries(printed, entries, depth + 1, hide || item.secret);
        }
        _ => {
            printed.push('-');
            print_value(printed, item, depth, hide);
        }
    }
}

fn print_leaf(printed: &mut String, node: &Node, hide: bool) {
    let shown = match &node.content {
        NodeContent::Object(_) => "{}".to_owned(),
        NodeContent::List(_) => "[]".to_owned(),
        // On and off give nothing away, and `credentials: true` is a setting rather than a secret.
        NodeContent::Scalar(value @ (Value::Bool(_) | Value::Null)) => value.to_string(),
        NodeContent::Scalar(_) if hide => format!("\"{HIDDEN}\""),
        NodeContent::Scalar(Value::String(string)) => text(&without_url_password(string)),
        NodeContent::Scalar(other) => other.to_string(),
    };
    printed.push_str(&shown);
    let origin = node.origin();
    if origin != Origin::Program {
        printed.push_str("  # ");
        printed.push_str(&origin.to_string());
    }
    printed.push('\n');
}

/// A text as YAML: bare if no reader could take it for anything else, else as JSON writes it.
fn text(string: &str) -> String {
    let is_word = string.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && !string.ends_with([' ', ':'])
        && string
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_./ :@$".contains(character))
        && !string.contains(": ");
    let is_taken = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&string.to_ascii_lowercase().as_str());
    if is_word && !is_taken { string.to_owned() } else { Value::from(string).to_string() }
}

fn indent(printed: &mut String, depth: usize) {
    printed.push_str(&"  ".repeat(depth));
}
