//! Settings kept as they are, for whoever understands them.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::secret::HIDDEN;

/// A part of the configuration that another crate or an extension reads.
///
/// Secrets can be anywhere in it, so debug output shows nothing but the kind of value and its keys.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Untyped(Value);

impl Untyped {
    /// Whether nothing is given here.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Value::Null => true,
            Value::Object(entries) => entries.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        }
    }

    /// The value, secrets included.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for Untyped {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Untyped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Object(entries) => formatter.debug_set().entries(entries.keys()).finish(),
            Value::Array(items) => write!(formatter, "[{} items]", items.len()),
            Value::Null => formatter.write_str("null"),
            Value::Bool(boolean) => write!(formatter, "{boolean}"),
            Value::Number(_) | Value::String(_) => formatter.write_str(HIDDEN),
        }
    }
}
