//! The predicate language.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::written;

/// A condition on entities or locations.
pub(crate) struct Predicate;

/// A condition on one field.
pub(crate) struct FieldCondition;

impl PartialSchema for Predicate {
    fn schema() -> RefOr<Schema> {
        let predicate = json!({ "$ref": "#/components/schemas/Predicate" });
        let list = json!({ "type": "array", "items": predicate });
        let operator = |name: &str, operand: &serde_json::Value| {
            json!({
                "type": "object",
                "required": [name],
                "properties": { name: operand },
                "additionalProperties": false,
            })
        };
        written(json!({
            "description": "A condition: one of the operators `$all`, `$any` and `$not`, or fields that all have to \
                            pass their conditions. No fields: it holds always. At most 100 levels deep.",
            "oneOf": [
                operator("$all", &list),
                operator("$any", &list),
                operator("$not", &predicate),
                {
                    "type": "object",
                    "propertyNames": { "type": "string", "pattern": "^(?![$\\n\\r\\u2028\\u2029])" },
                    "additionalProperties": { "$ref": "#/components/schemas/FieldCondition" },
                },
            ],
            "examples": [
                { "kind": "component", "spec.type": { "$in": ["service", "website"] } },
                { "$not": { "relations.ownedBy": { "$exists": true } } },
            ],
        }))
    }
}

impl ToSchema for Predicate {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Predicate")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((FieldCondition::name().into_owned(), FieldCondition::schema()));
    }
}

impl PartialSchema for FieldCondition {
    fn schema() -> RefOr<Schema> {
        let scalar = json!(["string", "number", "boolean"]);
        let operator = |name: &str, operand: serde_json::Value| json!({ "type": "object", "required": [name], "properties": { name: operand } });
        written(json!({
            "description": "A value that the field has, in any letter case, or one operator.",
            "anyOf": [
                { "type": scalar },
                operator("$exists", json!({ "type": "boolean" })),
                operator("$in", json!({ "type": "array", "items": { "type": scalar } })),
                operator("$hasPrefix", json!({ "type": "string" })),
                operator("$contains", json!({
                    "description": "A value, or, of `relations`, an object with `type` and perhaps `targetRef`.",
                    "anyOf": [{ "type": scalar }, { "$ref": "#/components/schemas/Predicate" }],
                })),
            ],
        }))
    }
}

impl ToSchema for FieldCondition {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("FieldCondition")
    }
}
