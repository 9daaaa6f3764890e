//! What can be wrong with an input or a document.

use std::fmt;

use crate::position::Position;

/// What is wrong, and where.
///
/// Displays as `what is wrong, at line 3, column 5; how to mend it`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where; `None` only if the whole input is concerned.
    pub position: Option<Position>,
}

impl YamlError {
    pub(crate) fn at(position: Position, kind: ErrorKind) -> Self {
        Self { kind, position: Some(position) }
    }

    pub(crate) fn whole_input(kind: ErrorKind) -> Self {
        Self { kind, position: None }
    }

    /// What is wrong, without the place and the hint.
    pub fn message(&self) -> String {
        self.kind.to_string()
    }

    /// How to mend it, if there is something useful to say.
    pub fn hint(&self) -> Option<&'static str> {
        self.kind.hint()
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind)?;
        if let Some(position) = self.position {
            write!(formatter, ", at {position}")?;
        }
        if let Some(hint) = self.hint() {
            write!(formatter, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for YamlError {}

/// The kinds of things that can be wrong. Displays as the bare message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not YAML. The author has to correct it.
    #[error("{what}")]
    Syntax {
        /// What is wrong.
        what: String,
        /// How to mend it, if there is something useful to say.
        hint: Option<&'static str>,
    },
    /// A key stands twice in one mapping. The author has to remove one.
    #[error("duplicate key {key:?} (first at {first})")]
    DuplicateKey {
        /// The key as text, cut if it is long.
        key: String,
        /// Where the first one stands.
        first: Position,
    },
    /// An alias stands inside of the node it names, which would make the value endless.
    #[error("an alias stands inside of the very node it repeats")]
    EndlessAlias,
    /// With merge keys on, `<<` has something else than mappings.
    #[error("the merge key << needs a mapping or a sequence of mappings")]
    MergeSource,
    /// A limit was reached, mostly one of [`Limits`](crate::Limits). The author has to make the input
    /// smaller, or the caller has to raise the limit.
    #[error("{what} (the limit is {limit})")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit that was reached.
        limit: usize,
    },
}

impl ErrorKind {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Syntax { hint, .. } => *hint,
            Self::DuplicateKey { .. } => Some("remove or rename one of the two"),
            Self::EndlessAlias => Some("repeat something else, or write it out"),
            Self::MergeSource => Some("write '<<: *anchor', the anchor being that of a mapping"),
            Self::Limit { .. } => Some("make it smaller"),
        }
    }
}

/// A text of the input as it goes into a message: long ones are cut.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
