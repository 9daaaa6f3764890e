//! Predicate JSON to [`Predicate`].

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{
    Condition, Contained, PREDICATE_DEPTH_LIMIT, Predicate, PredicateError, RelationTarget, RelationTest,
};
use crate::scalar::{Scalar, lower};

/// What the predicate is asked of; the grammar is one, what is supported differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Entities,
    Locations,
}

pub(crate) fn parse(query: &Value, dialect: Dialect) -> Result<Predicate, PredicateError> {
    Parser { dialect }.predicate(query, 0)
}

struct Parser {
    dialect: Dialect,
}

impl Parser {
    fn predicate(&self, value: &Value, depth: usize) -> Result<Predicate, PredicateError> {
        if depth > PREDICATE_DEPTH_LIMIT {
            return Err(invalid(&format!("nested more than {PREDICATE_DEPTH_LIMIT} levels deep")));
        }
        let members = match value {
            Value::Object(members) => members,
            Value::String(_) | Value::Number(_) | Value::Bool(_) => return Err(self.bare_scalar()),
            Value::Null | Value::Array(_) => {
                return Err(invalid(&format!("Expected object, received {}", type_name(value))));
            }
        };
        for operator in ["$all", "$any", "$not"] {
            let Some(operand) = members.get(operator) else { continue };
            check_only_key(members, operator)?;
            return match operator {
                "$all" => Ok(Predicate::All(self.list(operator, operand, depth)?)),
                "$any" => Ok(Predicate::Any(self.list(operator, operand, depth)?)),
                _ => Ok(Predicate::Not(Box::new(self.predicate(operand, depth + 1)?))),
            };
        }
        self.fields(members, depth)
    }

    fn list(&self, operator: &str, operand: &Value, depth: usize) -> Result<Vec<Predicate>, PredicateError> {
        let Value::Array(parts) = operand else {
            let received = type_name(operand);
            return Err(invalid(&format!("Expected array, received {received} at \"{operator}\"")));
        };
        parts.iter().map(|part| self.predicate(part, depth + 1)).collect()
    }

    fn fields(&self, members: &Map<String, Value>, depth: usize) -> Result<Predicate, PredicateError> {
        let mut fields = Vec::with_capacity(members.len());
        for (field, value) in members {
            if field.starts_with(['$', '\n', '\r', '\u{2028}', '\u{2029}']) {
                return Err(invalid_at(field));
            }
            fields.push((field.clone(), self.condition(field, value, depth)?));
        }
        Ok(Predicate::Fields(fields))
    }

    fn condition(&self, field: &str, value: &Value, depth: usize) -> Result<Condition, PredicateError> {
        if let Some(scalar) = Scalar::of(value) {
            return Ok(Condition::Equals(scalar));
        }
        let Value::Object(members) = value else {
            return Err(invalid_at(field));
        };
        // The first operator with a well-formed operand counts; whatever stands beside it is ignored.
        if let Some(expected) = members.get("$exists").and_then(Value::as_bool) {
            return Ok(Condition::Exists(expected));
        }
        if let Some(values) = members.get("$in").and_then(scalar_list) {
            return Ok(Condition::In(values));
        }
        if let Some(item) = members.get("$contains").filter(|item| !item.is_null() && !item.is_array()) {
            return Ok(Condition::Contains(self.contained(field, item, depth)?));
        }
        if let Some(prefix) = members.get("$hasPrefix").and_then(Value::as_str) {
            return Ok(Condition::HasPrefix(prefix.to_owned()));
        }
        Err(invalid_at(field))
    }

    fn contained(&self, field: &str, item: &Value, depth: usize) -> Result<Contained, PredicateError> {
        if let Some(scalar) = Scalar::of(item) {
            return Ok(Contained::Value(scalar));
        }
        if self.dialect == Dialect::Locations {
            return Ok(Contained::Object(Box::new(self.predicate(item, depth + 1)?)));
        }
        match item {
            Value::Object(members) if lower(field) == "relations" => {
                relation(members).map(Contained::Relation)
            }
            _ => Err(PredicateError::Unsupported(format!(
                "Object form of $contains is not supported for field \"{field}\""
            ))),
        }
    }

    fn bare_scalar(&self) -> PredicateError {
        PredicateError::Unsupported(match self.dialect {
            Dialect::Entities => {
                "Invalid filter predicate: top-level primitive values are not supported. Wrap the \
                                  value in a field expression, e.g. { \"kind\": \"x\" }"
                    .to_owned()
            }
            Dialect::Locations => "Invalid filter predicate, expected an object".to_owned(),
        })
    }
}

fn relation(members: &Map<String, Value>) -> Result<RelationTest, PredicateError> {
    let unsupported = |message: String| Err(PredicateError::Unsupported(message));
    let mut seen = HashSet::new();
    let mut relation_type = None;
    let mut target = RelationTarget::Anything;
    for (key, value) in members {
        let lower_key = lower(key);
        if !seen.insert(lower_key.clone()) {
            return unsupported(format!("Duplicate key \"{key}\" in $contains for \"relations\""));
        }
        match lower_key.as_str() {
            "type" => relation_type = value.as_str(),
            "targetref" => target = relation_target(value)?,
            _ => {
                return unsupported(format!(
                    "Unsupported key \"{key}\" in $contains for \"relations\". Only \"type\" and \"targetRef\" are \
                     supported"
                ));
            }
        }
    }
    match relation_type {
        Some(relation_type) => Ok(RelationTest { relation_type: relation_type.to_owned(), target }),
        None => unsupported(
            "The $contains operator for \"relations\" requires a \"type\" string property".to_owned(),
        ),
    }
}

fn relation_target(value: &Value) -> Result<RelationTarget, PredicateError> {
    if let Some(target) = value.as_str() {
        return Ok(RelationTarget::One(target.to_owned()));
    }
    let strings: Option<Vec<String>> = value
        .get("$in")
        .and_then(Value::as_array)
        .and_then(|targets| targets.iter().map(|target| target.as_str().map(str::to_owned)).collect());
    match strings {
        Some(targets) if targets.is_empty() => Err(PredicateError::Unsupported(
            "Empty \"$in\" array for $contains on \"relations\" is not allowed".to_owned(),
        )),
        Some(targets) => Ok(RelationTarget::OneOf(targets)),
        None => Err(PredicateError::Unsupported(format!(
            "Unsupported value in $contains for \"relations\": expected a string or {{ \"$in\": [strings] }}, but \
             got {value}"
        ))),
    }
}

fn scalar_list(value: &Value) -> Option<Vec<Scalar>> {
    value.as_array()?.iter().map(Scalar::of).collect()
}

fn check_only_key(members: &Map<String, Value>, operator: &str) -> Result<(), PredicateError> {
    let others: Vec<&str> = members.keys().map(String::as_str).filter(|key| *key != operator).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(invalid(&format!("Unrecognized key(s) in object: '{}'", others.join("', '"))))
}

fn invalid(detail: &str) -> PredicateError {
    PredicateError::Validation(detail.to_owned())
}

fn invalid_at(path: &str) -> PredicateError {
    PredicateError::Validation(format!("Invalid at \"{path}\""))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
