//! What the permission backend asks.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::written;

/// Permissions, and rules that decisions can make conditions of.
#[derive(ToSchema)]
pub(crate) struct PermissionMetadata {
    permissions: Vec<Permission>,
    rules: Vec<PermissionRule>,
}

/// Something that a caller may or may not do.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Permission {
    #[schema(rename = "type")]
    variety: PermissionType,
    #[schema(examples("catalog.entity.read"))]
    name: String,
    /// `action`, if it is one of `create`, `read`, `update` and `delete`.
    attributes: Map<String, Value>,
    /// What it is given for, if it can be given for some and not for others.
    #[schema(required = false, examples("catalog-entity"))]
    resource_type: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum PermissionType {
    Basic,
    Resource,
}

/// Holds for some entities and not for others.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PermissionRule {
    #[schema(examples("IS_ENTITY_KIND"))]
    name: String,
    description: String,
    #[schema(examples("catalog-entity"))]
    resource_type: String,
    /// A JSON schema of its parameters.
    params_schema: Map<String, Value>,
}

/// Questions about entities.
#[derive(ToSchema)]
pub(crate) struct ConditionsRequest {
    items: Vec<ConditionsQuestion>,
}

/// Whether entities fulfil conditions.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ConditionsQuestion {
    id: String,
    resource_ref: EntityRefs,
    #[schema(pattern = "^catalog-entity$")]
    resource_type: String,
    conditions: PermissionConditions,
}

/// One full entity ref in lower case, or several; not an empty list.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum EntityRefs {
    One(String),
    Many(Vec<String>),
}

/// The answers, in the order of the questions.
#[derive(ToSchema)]
pub(crate) struct ConditionsAnswer {
    items: Vec<ConditionsResult>,
}

/// Whether entities fulfil conditions.
#[derive(ToSchema)]
struct ConditionsResult {
    id: String,
    result: Results,
}

/// One result, or several in the order of the refs.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Results {
    One(DefinitiveResult),
    Many(Vec<DefinitiveResult>),
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum DefinitiveResult {
    Allow,
    Deny,
}

/// Rules, joined by "all of", "any of" and "not".
struct PermissionConditions;

impl PartialSchema for PermissionConditions {
    fn schema() -> RefOr<Schema> {
        let conditions = json!({ "$ref": "#/components/schemas/PermissionConditions" });
        let list = json!({ "type": "array", "items": conditions, "minItems": 1 });
        let operator = |name: &str, operand: &Value| json!({ "type": "object", "required": [name], "properties": { name: operand } });
        written(json!({
            "description": "A rule with its parameters, or conditions joined by `allOf`, `anyOf` or `not`. At most 100 \
                            levels deep.",
            "anyOf": [
                operator("allOf", &list),
                operator("anyOf", &list),
                operator("not", &conditions),
                {
                    "type": "object",
                    "required": ["rule"],
                    "properties": {
                        "rule": { "type": "string" },
                        "resourceType": { "type": "string" },
                        "params": { "type": "object" },
                    },
                },
            ],
            "examples": [{ "not": {
                "rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": { "kinds": ["Component"] },
            } }],
        }))
    }
}

impl ToSchema for PermissionConditions {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PermissionConditions")
    }
}
