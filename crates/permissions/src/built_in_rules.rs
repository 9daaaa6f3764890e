//! The rules that every catalog has.

use std::sync::Arc;

use callboard_sdk::{ParameterIssue, PermissionRule, RuleParameterError};
use serde_json::{Map, Value, json};

/// All of them, in the order in which they are published.
pub(crate) fn built_in_rules() -> Vec<Arc<dyn PermissionRule>> {
    let rules = [
        Rule {
            name: "HAS_ANNOTATION",
            description: "Allow entities with the specified annotation",
            shape: Shape::Has {
                prefix: "metadata.annotations",
                key: "annotation",
                described: ["Name of the annotation to match on", "Value of the annotation to match on"],
            },
        },
        Rule {
            name: "HAS_LABEL",
            description: "Allow entities with the specified label",
            shape: Shape::Has {
                prefix: "metadata.labels",
                key: "label",
                described: ["Name of the label to match on", "Value of the label to match on"],
            },
        },
        Rule {
            name: "HAS_METADATA",
            description: "Allow entities with the specified metadata subfield",
            shape: Shape::Has {
                prefix: "metadata",
                key: "key",
                described: [
                    "Property within the entities metadata to match on",
                    "Value of the given property to match on",
                ],
            },
        },
        Rule {
            name: "HAS_SPEC",
            description: "Allow entities with the specified spec subfield",
            shape: Shape::Has {
                prefix: "spec",
                key: "key",
                described: [
                    "Property within the entities spec to match on",
                    "Value of the given property to match on",
                ],
            },
        },
        Rule {
            name: "IS_ENTITY_KIND",
            description: "Allow entities matching a specified kind",
            shape: Shape::OneOf {
                field: "kind",
                key: "kinds",
                described: "List of kinds to match at least one of",
            },
        },
        Rule {
            name: "IS_ENTITY_OWNER",
            description: "Allow entities owned by a specified claim",
            shape: Shape::OneOf {
                field: "relations.ownedBy",
                key: "claims",
                described: "List of claims to match at least one on within ownedBy",
            },
        },
    ];
    rules.into_iter().map(|rule| Arc::new(rule) as Arc<dyn PermissionRule>).collect()
}

struct Rule {
    name: &'static str,
    description: &'static str,
    shape: Shape,
}

/// The two shapes that the rules have.
enum Shape {
    /// There is a field below `prefix`, named by the parameter `key`, with the value of the parameter `value` if that
    /// is given.
    Has { prefix: &'static str, key: &'static str, described: [&'static str; 2] },
    /// The field has one of the values that the parameter `key` lists.
    OneOf { field: &'static str, key: &'static str, described: &'static str },
}

impl PermissionRule for Rule {
    fn name(&self) -> &str {
        self.name
    }

    fn description(&self) -> &str {
        self.description
    }

    fn parameters_schema(&self) -> Value {
        let (properties, required) = match self.shape {
            Shape::Has { key, described: [of_key, of_value], .. } => {
                let properties = json!({
                    key: { "type": "string", "description": of_key },
                    "value": { "type": "string", "description": of_value },
                });
                (properties, key)
            }
            Shape::OneOf { key, described, .. } => {
                let list =
                    json!({ "type": "array", "items": { "type": "string" }, "description": described });
                (json!({ key: list }), key)
            }
        };
        json!({
            "type": "object",
            "properties": properties,
            "required": [required],
            "additionalProperties": false,
            "$schema": "http://json-schema.org/draft-07/schema#",
        })
    }

    fn query(&self, parameters: &Value) -> Result<Value, RuleParameterError> {
        let mut reader = Reader { parameters: parameters.as_object(), issues: Vec::new() };
        let query = match self.shape {
            Shape::Has { prefix, key, .. } => {
                let name = reader.text(key, Presence::Required).unwrap_or_default();
                let condition = match reader.text("value", Presence::Optional) {
                    Some(value) => json!(value),
                    None => json!({ "$exists": true }),
                };
                json!({ format!("{prefix}.{name}"): condition })
            }
            Shape::OneOf { field, key, .. } => json!({ field: { "$in": reader.texts(key) } }),
        };
        if reader.issues.is_empty() { Ok(query) } else { Err(RuleParameterError { issues: reader.issues }) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

/// Reads parameters, and gathers what is wrong with them. Those that nobody asks for are passed over.
struct Reader<'a> {
    parameters: Option<&'a Map<String, Value>>,
    issues: Vec<ParameterIssue>,
}

impl<'a> Reader<'a> {
    fn text(&mut self, name: &str, presence: Presence) -> Option<&'a str> {
        match self.value(name) {
            Some(Value::String(text)) => Some(text),
            None if presence == Presence::Optional => None,
            other => {
                self.wrong(name, other, "a text");
                None
            }
        }
    }

    fn texts(&mut self, name: &str) -> Vec<&'a str> {
        let value = self.value(name);
        let texts =
            value.and_then(Value::as_array).and_then(|items| items.iter().map(Value::as_str).collect());
        texts.unwrap_or_else(|| {
            self.wrong(name, value, "a list of texts");
            Vec::new()
        })
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.parameters?.get(name)
    }

    fn wrong(&mut self, name: &str, found: Option<&Value>, expected: &str) {
        let message = match found {
            None => format!("required, expected {expected}"),
            Some(_) => format!("expected {expected}"),
        };
        self.issues.push(ParameterIssue { parameter: name.to_owned(), message });
    }
}
