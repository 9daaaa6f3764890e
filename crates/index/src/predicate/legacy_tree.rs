//! The filter tree that older cursors carry instead of a predicate.

use serde_json::Value;

use super::{Condition, PREDICATE_DEPTH_LIMIT, Predicate};
use crate::scalar::Scalar;

/// Translates `{key, values?}`, `{not}`, `{anyOf}` and `{allOf}`. None if the tree has another shape or is too deep.
pub(crate) fn parse_legacy_tree(tree: &Value) -> Option<Predicate> {
    parse(tree, 0)
}

fn parse(tree: &Value, depth: usize) -> Option<Predicate> {
    if depth > PREDICATE_DEPTH_LIMIT {
        return None;
    }
    let list = |parts: &Value| -> Option<Vec<Predicate>> {
        parts.as_array()?.iter().map(|part| parse(part, depth + 1)).collect()
    };
    let members = tree.as_object()?;
    if let Some(parts) = members.get("anyOf") {
        return Some(Predicate::Any(list(parts)?));
    }
    if let Some(parts) = members.get("allOf") {
        return Some(Predicate::All(list(parts)?));
    }
    if let Some(part) = members.get("not") {
        return Some(parse(part, depth + 1)?.negated());
    }
    let key = members.get("key")?.as_str()?;
    let condition = match members.get("values") {
        None => Condition::Exists(true),
        Some(values) => {
            let texts: Option<Vec<&str>> = values.as_array()?.iter().map(Value::as_str).collect();
            match texts?.as_slice() {
                [text] => Condition::Equals(Scalar::from(*text)),
                several => Condition::In(several.iter().map(|text| Scalar::from(*text)).collect()),
            }
        }
    };
    Some(Predicate::field(key, condition))
}
