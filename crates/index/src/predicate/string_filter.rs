//! The `filter` parameter, translated to a predicate.

use callboard_model::javascript::trim;
use thiserror::Error;

use super::{Condition, Predicate};
use crate::scalar::Scalar;

/// A `filter` parameter that cannot be read. The message is meant for the client, with status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FilterError {
    /// A statement has no key.
    #[error("Invalid filter, '{0}' is not a valid statement (expected a string on the form a=b or a= or a)")]
    Statement(String),
}

/// Translates `filter` parameters; none if they do not restrict anything.
///
/// Each filter is a comma separated list of `key` and `key=value`: values of one key are alternatives, keys have to
/// hold together, and several filters are alternatives.
///
/// # Errors
///
/// [`FilterError`] if a statement has no key.
///
/// # Examples
///
/// ```
/// use callboard_index::parse_filters;
/// use serde_json::json;
///
/// let predicate = parse_filters(&["kind=api,kind=component,metadata.title".to_owned()])?;
/// let expected = json!({ "$all": [{ "kind": { "$in": ["api", "component"] } }, { "metadata.title": { "$exists": true } }] });
/// assert_eq!(predicate.map(|predicate| predicate.to_json()), Some(expected));
/// # Ok::<(), callboard_index::FilterError>(())
/// ```
pub fn parse_filters(filters: &[String]) -> Result<Option<Predicate>, FilterError> {
    let mut alternatives = Vec::new();
    for filter in filters {
        alternatives.extend(parse_filter(filter)?);
    }
    Ok(joined(alternatives, Predicate::Any))
}

fn parse_filter(filter: &str) -> Result<Option<Predicate>, FilterError> {
    // Grouped by key as typed, in order of appearance.
    let mut keys: Vec<(&str, Vec<&str>)> = Vec::new();
    for statement in filter.split(',').map(trim).filter(|statement| !statement.is_empty()) {
        let (key, value) = match statement.split_once('=') {
            Some((key, value)) => (trim(key), Some(trim(value))),
            None => (statement, None),
        };
        if key.is_empty() {
            return Err(FilterError::Statement(statement.to_owned()));
        }
        match keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.extend(value),
            None => keys.push((key, value.into_iter().collect())),
        }
    }
    let parts: Vec<Predicate> = keys.into_iter().map(|(key, values)| field_test(key, &values)).collect();
    Ok(joined(parts, Predicate::All))
}

/// A test for some values of a key, or for its existence where there are none.
fn field_test(key: &str, values: &[&str]) -> Predicate {
    let condition = match values {
        [] => Condition::Exists(true),
        [value] => Condition::Equals(Scalar::from(*value)),
        several => Condition::In(several.iter().map(|value| Scalar::from(*value)).collect()),
    };
    Predicate::field(key, condition)
}

fn joined(mut parts: Vec<Predicate>, join: fn(Vec<Predicate>) -> Predicate) -> Option<Predicate> {
    if parts.len() > 1 { Some(join(parts)) } else { parts.pop() }
}
