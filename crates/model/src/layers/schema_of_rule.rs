//! The rules of built-in kinds as JSON Schema.

use serde_json::{Map, Value, json};

use crate::{ObjectRule, Rule, Unlisted};

pub(super) fn schema_of(rule: &Rule) -> Value {
    match rule {
        Rule::Text => json!({ "type": "string" }),
        Rule::NonEmptyText => json!({ "type": "string", "minLength": 1 }),
        Rule::Word => json!({ "type": "string", "pattern": "^[A-Za-z0-9_]+$" }),
        Rule::Choice(choices) => json!({ "type": "string", "enum": choices }),
        Rule::TextOrBoolean => json!({ "type": ["string", "boolean"] }),
        Rule::ListOf(items) => json!({ "type": "array", "items": schema_of(items) }),
        Rule::Object(object) => schema_of_object(object),
        Rule::TextByKey => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Rule::Either(rules) => json!({ "anyOf": rules.iter().map(schema_of).collect::<Vec<_>>() }),
    }
}

pub(super) fn schema_of_object(object: &ObjectRule) -> Value {
    let properties: Map<String, Value> =
        object.fields.iter().map(|(key, rule)| ((*key).to_owned(), schema_of(rule))).collect();
    let additional = match object.unlisted {
        Unlisted::Allowed => Value::Bool(true),
        Unlisted::Forbidden => Value::Bool(false),
        Unlisted::Text => json!({ "type": "string" }),
    };
    json!({
        "type": "object",
        "required": object.required,
        "properties": properties,
        "additionalProperties": additional,
    })
}
