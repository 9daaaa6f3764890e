//! Order fields, and how requests write them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which way a field is sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smallest first, in byte order of the lower-cased text.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

impl Direction {
    /// The opposite direction.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Asc => Self::Desc,
            Self::Desc => Self::Asc,
        }
    }

    fn of(word: &str) -> Option<Self> {
        match word {
            "asc" => Some(Self::Asc),
            "desc" => Some(Self::Desc),
            _ => None,
        }
    }
}

/// A field to sort by. The field keeps the letter case of the request, because cursors repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderField {
    /// The key of a search term, such as `metadata.name`.
    pub field: String,
    /// A cursor without a direction means ascending.
    #[serde(rename = "order", default)]
    pub direction: Direction,
}

impl OrderField {
    /// Sorts by a field, smallest first.
    pub fn asc(field: &str) -> Self {
        Self { field: field.to_owned(), direction: Direction::Asc }
    }

    /// Sorts by a field, largest first.
    pub fn desc(field: &str) -> Self {
        Self { field: field.to_owned(), direction: Direction::Desc }
    }

    /// Parses the `orderField` parameter: `field`, `field,asc` or `field,desc`.
    ///
    /// # Errors
    ///
    /// [`OrderError::Direction`] if another word follows the comma.
    pub fn parse(text: &str) -> Result<Self, OrderError> {
        let mut parts = text.split(',');
        let field = parts.next().unwrap_or_default().to_owned();
        let direction = match parts.next() {
            None => Direction::Asc,
            Some(word) => Direction::of(word).ok_or(OrderError::Direction)?,
        };
        Ok(Self { field, direction })
    }

    /// Parses the `order` parameter of the older list route: `asc:field` or `desc:field`.
    ///
    /// # Errors
    ///
    /// [`OrderError::Prefix`] if the text has another form.
    pub fn parse_prefixed(text: &str) -> Result<Self, OrderError> {
        let malformed = || OrderError::Prefix(text.to_owned());
        let (word, field) = text.split_once(':').ok_or_else(malformed)?;
        let direction = Direction::of(word).ok_or_else(malformed)?;
        if field.is_empty() {
            return Err(malformed());
        }
        Ok(Self { field: field.to_owned(), direction })
    }
}

/// An order parameter that cannot be read. The message is meant for the client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderError {
    /// The direction of an `orderField` is another word.
    #[error("Invalid order field order, must be asc or desc")]
    Direction,
    /// An `order` is not of the form `asc:field` or `desc:field`.
    #[error("Invalid order parameter \"{0}\", expected \"<asc or desc>:<field name>\"")]
    Prefix(String),
}
