//! The error of a processing run, in the form clients see it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An error of processing one entity, as stored with the entity and shown to clients.
///
/// Serialises as `{name, message, …details, cause?}`. The name is part of the API: clients and the HTTP layer
/// tell errors apart by it.
///
/// ```
/// use callboard_model::EntityError;
///
/// let error = EntityError::input("policy check failed").caused_by(EntityError::general("no name"));
/// assert_eq!(error.to_string(), "InputError: policy check failed; caused by Error: no name");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntityError {
    /// The class of the error, for example `InputError`.
    pub name: Cow<'static, str>,
    /// What went wrong. Ends with the text of the cause, if there is one.
    pub message: String,
    /// Further fields, for example a `code`.
    // Boxed to keep results that carry this error small.
    #[serde(flatten)]
    pub details: Box<Map<String, Value>>,
    /// The error that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<EntityError>>,
}

impl EntityError {
    /// An error with any name.
    pub fn new(name: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), details: Box::default(), cause: None }
    }

    /// The input is wrong: `InputError`.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new("InputError", message)
    }

    /// Something that was asked for does not exist: `NotFoundError`.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("NotFoundError", message)
    }

    /// A rule forbids it: `NotAllowedError`.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self::new("NotAllowedError", message)
    }

    /// It contradicts something that is already there: `ConflictError`.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new("ConflictError", message)
    }

    /// A value does not have the expected form: `TypeError`.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new("TypeError", message)
    }

    /// Any other failure: `Error`.
    pub fn general(message: impl Into<String>) -> Self {
        Self::new("Error", message)
    }

    /// Keeps `cause` and repeats its text at the end of the message.
    #[must_use]
    pub fn caused_by(mut self, cause: EntityError) -> Self {
        if !self.message.is_empty() {
            self.message.push_str("; ");
        }
        self.message.push_str("caused by ");
        self.message.push_str(&cause.to_string());
        self.cause = Some(Box::new(cause));
        self
    }

    /// Adds a further field.
    #[must_use]
    pub fn with_detail(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.details.insert(key.into(), value.into());
        self
    }
}

/// `Name: message`, or only one of them when the other is empty.
impl fmt::Display for EntityError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            return formatter.write_str(&self.name);
        }
        if self.name.is_empty() {
            return formatter.write_str(&self.message);
        }
        write!(formatter, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for EntityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
