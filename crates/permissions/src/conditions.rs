//! What a decision depends on: rules, joined by "all of", "any of" and "not".

use std::fmt;

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::permission::RESOURCE_TYPE;

/// How deeply conditions may be nested: as deep as predicates.
const DEPTH_LIMIT: usize = callboard_index::PREDICATE_DEPTH_LIMIT;

/// What a decision depends on.
#[derive(Debug, Clone, PartialEq)]
pub enum Conditions {
    /// All of them hold.
    AllOf(Vec<Conditions>),
    /// At least one of them holds.
    AnyOf(Vec<Conditions>),
    /// It does not hold.
    Not(Box<Conditions>),
    /// A rule holds.
    Rule(RuleCondition),
}

/// A rule with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleCondition {
    /// The name of the rule.
    pub rule: String,
    /// What the rule is about.
    pub resource_type: String,
    /// Its parameters; null if there are none.
    pub parameters: Value,
}

/// Conditions that do not follow the grammar.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ConditionsError {
    /// All that is wrong; at least one.
    pub issues: Vec<Issue>,
}

/// One thing that is wrong, and where: `anyOf[0].rule`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The place within the value; empty for the value itself.
    pub path: String,
    /// What was expected.
    pub message: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return formatter.write_str(&self.message);
        }
        write!(formatter, "{}: {}", self.path, self.message)
    }
}

impl Conditions {
    /// Reads the JSON form: `{"rule", "resourceType", "params"}`, `{"anyOf": […]}`, `{"allOf": […]}` or `{"not": …}`.
    ///
    /// # Errors
    ///
    /// It has another shape, or is nested too deeply.
    pub fn parse(value: &Value) -> Result<Self, ConditionsError> {
        let mut parser = Parser::default();
        match parser.conditions(value, "", 0) {
            Some(conditions) if parser.issues.is_empty() => Ok(conditions),
            _ => Err(ConditionsError { issues: parser.issues }),
        }
    }

    /// The JSON form.
    pub fn to_json(&self) -> Value {
        let list = |parts: &[Self]| Value::Array(parts.iter().map(Self::to_json).collect());
        match self {
            Self::AllOf(parts) => json!({ "allOf": list(parts) }),
            Self::AnyOf(parts) => json!({ "anyOf": list(parts) }),
            Self::Not(part) => json!({ "not": part.to_json() }),
            Self::Rule(RuleCondition { rule, resource_type, parameters }) => {
                let mut condition = json!({ "rule": rule, "resourceType": resource_type });
                if !parameters.is_null() {
                    condition["params"] = parameters.clone();
                }
                condition
            }
        }
    }
}

#[derive(Default)]
struct Parser {
    issues: Vec<Issue>,
}

impl Parser {
    fn conditions(&mut self, value: &Value, path: &str, depth: usize) -> Option<Conditions> {
        if depth > DEPTH_LIMIT {
            return self.wrong(path, &format!("nested more than {DEPTH_LIMIT} levels deep"));
        }
        let Some(members) = value.as_object() else {
            return self.wrong(path, "expected an object with rule, allOf, anyOf or not");
        };
        if let Some(parts) = members.get("allOf") {
            return self.list(parts, &join(path, "allOf"), depth).map(Conditions::AllOf);
        }
        if let Some(parts) = members.get("anyOf") {
            return self.list(parts, &join(path, "anyOf"), depth).map(Conditions::AnyOf);
        }
        if let Some(part) = members.get("not") {
            let part = self.conditions(part, &join(path, "not"), depth + 1)?;
            return Some(Conditions::Not(Box::new(part)));
        }
        self.rule(members, path).map(Conditions::Rule)
    }

    fn list(&mut self, value: &Value, path: &str, depth: usize) -> Option<Vec<Conditions>> {
        match value.as_array() {
            None => self.wrong(path, "expected a list"),
            Some(parts) if parts.is_empty() => self.wrong(path, "expected at least one condition"),
            Some(parts) => {
                let parts = parts.iter().enumerate();
                // All of them are looked at, so that every mistake is reported.
                let read: Vec<Option<Conditions>> = parts
                    .map(|(place, part)| self.conditions(part, &format!("{path}[{place}]"), depth + 1))
                    .collect();
                read.into_iter().collect()
            }
        }
    }

    fn rule(&mut self, members: &Map<String, Value>, path: &str) -> Option<RuleCondition> {
        let rule = match members.get("rule") {
            Some(Value::String(rule)) => rule.clone(),
            Some(_) => return self.wrong(&join(path, "rule"), "expected the name of a rule"),
            None => return self.wrong(path, "expected one of rule, allOf, anyOf and not"),
        };
        let resource_type = match members.get("resourceType") {
            None => RESOURCE_TYPE.to_owned(),
            Some(Value::String(resource_type)) => resource_type.clone(),
            Some(_) => return self.wrong(&join(path, "resourceType"), "expected a text"),
        };
        let parameters = match members.get("params") {
            None => Value::Null,
            Some(parameters @ Value::Object(_)) => parameters.clone(),
            Some(_) => return self.wrong(&join(path, "params"), "expected an object"),
        };
        Some(RuleCondition { rule, resource_type, parameters })
    }

    fn wrong<T>(&mut self, path: &str, message: &str) -> Option<T> {
        self.issues.push(Issue { path: path.to_owned(), message: message.to_owned() });
        None
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_printed_again() {
        let value = json!({ "anyOf": [
            { "rule": "A", "resourceType": "catalog-entity", "params": { "x": ["y"] } },
            { "not": { "allOf": [{ "rule": "B", "resourceType": "other" }] } },
        ] });
        assert_eq!(Conditions::parse(&value).unwrap().to_json(), value);
    }

    #[test]
    fn every_mistake_is_reported_with_its_place() {
        let value = json!({ "anyOf": [
            { "allOf": [] }, { "rule": 7 }, { "not": {} }, 5, { "rule": "A", "params": 5 },
            { "rule": "A", "resourceType": 5 }, { "anyOf": {} },
        ] });
        let problems: Vec<String> =
            Conditions::parse(&value).unwrap_err().issues.iter().map(ToString::to_string).collect();
        let expected = [
            "anyOf[0].allOf: expected at least one condition",
            "anyOf[1].rule: expected the name of a rule",
            "anyOf[2].not: expected one of rule, allOf, anyOf and not",
            "anyOf[3]: expected an object with rule, allOf, anyOf or not",
            "anyOf[4].params: expected an object",
            "anyOf[5].resourceType: expected a text",
            "anyOf[6].anyOf: expected a list",
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn depth_has_a_limit() {
        let nested =
            |levels: usize| (0..levels).fold(json!({ "rule": "A" }), |inner, _| json!({ "not": inner }));
        assert!(Conditions::parse(&nested(DEPTH_LIMIT)).is_ok());
        assert!(Conditions::parse(&nested(DEPTH_LIMIT + 1)).is_err());
    }
}
