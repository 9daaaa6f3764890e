//! What a rule found wrong.

use std::fmt;

use crate::EntityError;

/// The first thing in a document that breaks a rule.
///
/// Displays as `/spec must have required property 'owner' - missingProperty: owner`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaViolation {
    pointer: String,
    message: String,
    parameter: String,
}

impl SchemaViolation {
    pub(crate) fn new(message: impl Into<String>, parameter: impl Into<String>) -> Self {
        Self { pointer: String::new(), message: message.into(), parameter: parameter.into() }
    }

    pub(crate) fn wrong_type(expected: &str) -> Self {
        Self::new(format!("must be {expected}"), format!("type: {expected}"))
    }

    /// The same violation, seen from the value that holds the violating one under `key`.
    pub(crate) fn within(mut self, key: impl fmt::Display) -> Self {
        let escaped = key.to_string().replace('~', "~0").replace('/', "~1");
        self.pointer.insert_str(0, &escaped);
        self.pointer.insert(0, '/');
        self
    }

    /// Where it is: a JSON pointer, or `<root>` for the document itself.
    pub fn pointer(&self) -> &str {
        if self.pointer.is_empty() { "<root>" } else { &self.pointer }
    }

    /// What is wrong there, for example `must be string`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The part of the rule that was broken, for example `type: string`.
    pub fn parameter(&self) -> &str {
        &self.parameter
    }
}

impl fmt::Display for SchemaViolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} - {}", self.pointer(), self.message, self.parameter)
    }
}

impl std::error::Error for SchemaViolation {}

impl From<SchemaViolation> for EntityError {
    fn from(violation: SchemaViolation) -> Self {
        EntityError::type_error(violation.to_string())
    }
}
