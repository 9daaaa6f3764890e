//! What can be wrong with a predicate.

use thiserror::Error;

/// A predicate that cannot be read. The message is meant for the client, with status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PredicateError {
    /// The JSON does not follow the grammar. A route that words this differently takes the detail alone.
    #[error("Invalid query: Validation error: {0}")]
    Validation(String),
    /// The grammar is followed, but the condition cannot be asked of entities (or of locations).
    #[error("{0}")]
    Unsupported(String),
}

impl PredicateError {
    /// The message without the words that name the kind of request.
    pub fn detail(&self) -> &str {
        match self {
            Self::Validation(detail) | Self::Unsupported(detail) => detail,
        }
    }
}
