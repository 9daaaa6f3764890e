//! What every entity must look like, around what its kind demands.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Declared schemas of annotation and label values.
pub(super) struct MetadataSchemas<'a> {
    pub(super) annotations: &'a BTreeMap<String, Value>,
    pub(super) labels: &'a BTreeMap<String, Value>,
}

/// The schema of whole entities of one version of a kind.
pub(super) fn full_schema(
    kind_schema: &Value,
    kind: &str,
    api_version: &str,
    metadata: &MetadataSchemas<'_>,
) -> Value {
    let mut schema = kind_schema.clone();
    let mut required = vec![json!("apiVersion"), json!("kind"), json!("metadata")];
    required.extend(kind_schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default());
    let mut properties = Map::new();
    properties.insert("apiVersion".to_owned(), json!({ "const": api_version }));
    properties.insert("kind".to_owned(), json!({ "const": kind }));
    properties.insert("metadata".to_owned(), metadata_schema(metadata));
    if let Some(own) = kind_schema.get("properties").and_then(Value::as_object) {
        properties.extend(own.clone());
    }
    schema["type"] = json!("object");
    schema["required"] = Value::Array(required);
    schema["properties"] = Value::Object(properties);
    schema["additionalProperties"] = Value::Bool(false);
    schema
}

fn metadata_schema(schemas: &MetadataSchemas<'_>) -> Value {
    let texts_by_key = |declared: &BTreeMap<String, Value>| {
        json!({
            "type": "object",
            "properties": declared,
            "additionalProperties": { "type": "string" },
        })
    };
    let text = json!({ "type": "string", "minLength": 1 });
    json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "uid": text,
            "etag": text,
            "name": text,
            "namespace": text,
            "title": text,
            "description": { "type": "string" },
            "labels": texts_by_key(schemas.labels),
            "annotations": texts_by_key(schemas.annotations),
            "tags": { "type": "array", "items": text },
            "links": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["url"],
                    "properties": { "url": text, "title": text, "icon": text, "type": text },
                },
            },
        },
        "additionalProperties": true,
    })
}
