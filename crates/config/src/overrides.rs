//! `APP_CONFIG_*`: single values from environment variables, over all files.

use serde_json::Value;

use crate::environment::Environment;
use crate::error::{ConfigError, Problem};
use crate::node::{Node, NodeContent};
use crate::origin::{Mark, Origin};
use crate::path::{ConfigPath, Step};

const PREFIX: &str = "APP_CONFIG_";

/// The layer of all `APP_CONFIG_*` variables: `APP_CONFIG_backend_baseUrl` is the key `backend.baseUrl`.
///
/// A value is JSON, or else a text. Variables that are empty count as not set.
pub(crate) fn override_layer(environment: &Environment) -> Result<Node, ConfigError> {
    let mut layer = Node::empty_object(Mark::Fixed(Origin::Program));
    let mut problems = Vec::new();
    for (name, text) in environment.with_prefix(PREFIX) {
        if text.is_empty() {
            continue;
        }
        let origin = Origin::Variable(name.into());
        let keys: Vec<&str> = name[PREFIX.len()..].split('_').collect();
        let placed = check_keys(&keys).and_then(|()| {
            let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
            if value.is_null() {
                return Err("null is not allowed here; leave the variable out".to_owned());
            }
            place(&mut layer, &keys, Node::of_value(&value, &origin))
        });
        if let Err(message) = placed {
            let key = keys.iter().map(|key| Step::Key((*key).to_owned())).collect::<ConfigPath>();
            problems.push(Problem { origin: Some(origin), key, message, help: None, snippet: None });
        }
    }
    if problems.is_empty() { Ok(layer) } else { Err(ConfigError::Invalid(problems)) }
}

/// Backstage's rule for keys: letters and digits in words with hyphens between, beginning with letters.
fn check_keys(keys: &[&str]) -> Result<(), String> {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && word.chars().all(|character| character.is_ascii_alphanumeric())
    };
    match keys.iter().find(|key| !key.split('-').all(is_word)) {
        Some(key) => Err(format!("\"{key}\" in the name of the variable is not a configuration key")),
        None => Ok(()),
    }
}

fn place(into: &mut Node, keys: &[&str], value: Node) -> Result<(), String> {
    let [key, deeper @ ..] = keys else { return Ok(()) };
    let NodeContent::Object(entries) = &mut into.content else {
        return Err(format!("another variable gives a plain value where \"{key}\" needs an object"));
    };
    let found = entries.iter_mut().find(|(name, _)| name == key);
    match (found, deeper.is_empty()) {
        (Some(_), true) => Err("another variable gives a value for this key already".to_owned()),
        (Some((_, child)), false) => place(child, deeper, value),
        (None, true) => {
            entries.push(((*key).to_owned(), value));
            Ok(())
        }
        (None, false) => {
            let mut child = Node::empty_object(value.mark.clone());
            place(&mut child, deeper, value)?;
            entries.push(((*key).to_owned(), child));
            Ok(())
        }
    }
}
