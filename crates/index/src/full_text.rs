//! The full text filter: a substring of the values of some fields.

use callboard_model::javascript::trim;
use serde::{Deserialize, Serialize};

use crate::scalar::lower;

/// The field that a term is searched in if neither the filter nor an order names one.
pub(crate) const DEFAULT_FIELD: &str = "metadata.uid";

/// A substring search. No tokens, no stemming: `foo bar` has to occur just so, in any letter case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullText {
    /// What to look for. Blank switches the filter off. `%`, `_` and `\` stand for themselves.
    #[serde(default)]
    pub term: String,
    /// The keys to look in: none means the order field, and an empty list matches nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
}

impl FullText {
    /// Looks for a term in the order field.
    pub fn term(term: &str) -> Self {
        Self { term: term.to_owned(), fields: None }
    }

    /// Looks for a term in certain fields.
    pub fn in_fields(term: &str, fields: &[&str]) -> Self {
        Self { term: term.to_owned(), fields: Some(fields.iter().map(|&field| field.to_owned()).collect()) }
    }

    /// What has to be searched for where, given the field that rows are ordered by. None if the filter is off.
    pub(crate) fn resolve(&self, order_field: Option<&str>) -> Option<TextSearch> {
        let term = lower(trim(&self.term));
        if term.is_empty() {
            return None;
        }
        let order_key = order_field.map(lower);
        let default_key = || vec![order_key.clone().unwrap_or_else(|| DEFAULT_FIELD.to_owned())];
        let keys: Vec<String> = self
            .fields
            .as_ref()
            .map_or_else(default_key, |fields| fields.iter().map(|field| lower(field)).collect());
        let on_rows = match (&order_key, keys.as_slice()) {
            (Some(order_key), [only_key]) => only_key == order_key,
            _ => false,
        };
        Some(TextSearch { term, keys, on_rows })
    }
}

/// A full text filter made ready for one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextSearch {
    /// Trimmed, lower-cased, not empty.
    pub(crate) term: String,
    /// Lower-cased keys.
    pub(crate) keys: Vec<String>,
    /// The one key searched is the one ordered by: then each row has to contain the term, not just its entity.
    pub(crate) on_rows: bool,
}
