//! A mapping while it is read: keys become text, must be unique, and `<<` may pour in other mappings.

use std::collections::HashMap;

use serde_json::{Map, Value, map::Entry};

use crate::{complex_key, number, position::Position, scalar::Scalar};

/// A key as JSON has it, with what it was in YAML.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) kind: KeyKind,
    pub(crate) at: Position,
}

/// What a key was before it became text. Keys of different kinds are different keys even if they read the
/// same, as `1` and `"1"`: the later one then replaces the earlier one, as in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Text,
    Number,
    Bool,
    Null,
    /// The merge key, while merging is on.
    Merge,
    /// A collection, an alias or not-a-number: never equal to another key.
    Unequal,
}

impl KeyKind {
    fn bit(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Number => 2,
            Self::Bool => 4,
            Self::Null => 8,
            Self::Merge | Self::Unequal => 0,
        }
    }
}

impl Key {
    pub(crate) fn from_scalar(scalar: Scalar<'_>, at: Position) -> Self {
        let (text, kind) = match scalar {
            Scalar::Null => (String::new(), KeyKind::Null),
            Scalar::Bool(truth) => (truth.to_string(), KeyKind::Bool),
            Scalar::Number(float) if float.is_nan() => (number::to_key(float), KeyKind::Unequal),
            Scalar::Number(float) => (number::to_key(float), KeyKind::Number),
            Scalar::Text(text) => (text.into_owned(), KeyKind::Text),
        };
        Self { text, kind, at }
    }

    /// The key that an alias or a collection makes.
    pub(crate) fn from_json(value: Value, at: Position) -> Self {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            Value::Number(number) => number::to_key(number.as_f64().unwrap_or(f64::NAN)),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => complex_key::text(&value),
        };
        Self { text, kind: KeyKind::Unequal, at }
    }
}

/// The same key stands twice.
#[derive(Debug)]
pub(crate) struct Duplicate {
    pub(crate) key: String,
}

/// Entries read so far, and the key that waits for its value.
#[derive(Debug, Default)]
pub(crate) struct Mapping {
    entries: Map<String, Value>,
    pub(crate) pending: Option<Key>,
    /// Kinds of the entries that are not just one text key, as bits of [`KeyKind`]; none for an entry that
    /// was merged in, which any key may replace. Usually empty.
    kinds: HashMap<String, u8>,
}

impl Mapping {
    pub(crate) fn insert(&mut self, text: String, kind: KeyKind, value: Value) -> Result<(), Duplicate> {
        match self.entries.entry(text) {
            Entry::Vacant(entry) => {
                if kind != KeyKind::Text {
                    self.kinds.insert(entry.key().clone(), kind.bit());
                }
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => {
                let known = self.kinds.get(entry.key()).copied().unwrap_or(KeyKind::Text.bit());
                if known & kind.bit() != 0 {
                    return Err(Duplicate { key: entry.key().clone() });
                }
                self.kinds.insert(entry.key().clone(), known | kind.bit());
                entry.insert(value);
            }
        }
        Ok(())
    }

    /// Adds an entry of a merged mapping unless there is one already; whether it was added.
    pub(crate) fn merge(&mut self, text: String, value: Value) -> bool {
        match self.entries.entry(text) {
            Entry::Vacant(entry) => {
                self.kinds.insert(entry.key().clone(), 0);
                entry.insert(value);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    pub(crate) fn into_json(self) -> Value {
        Value::Object(self.entries)
    }
}
