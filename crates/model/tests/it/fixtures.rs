//! Entities to start from.

use callboard_model::Entity;
use serde_json::{Map, Value, json};

/// The least spec that each kind accepts.
pub(crate) fn minimal_spec(kind: &str) -> Value {
    match kind {
        "Component" => json!({ "type": "service", "lifecycle": "production", "owner": "team-a" }),
        "API" => {
            json!({ "type": "openapi", "lifecycle": "production", "owner": "team-a", "definition": "none" })
        }
        "Resource" => json!({ "type": "database", "owner": "team-a" }),
        "System" | "Domain" => json!({ "owner": "team-a" }),
        "Group" => json!({ "type": "team", "children": [] }),
        "User" => json!({ "memberOf": [] }),
        "Template" => json!({ "type": "service", "steps": [] }),
        _ => json!({}),
    }
}

pub(crate) fn api_version(kind: &str) -> &'static str {
    if kind == "Template" { "scaffolder.backstage.io/v1beta3" } else { "backstage.io/v1alpha1" }
}

/// An entity named `x` with the least spec, changed by `spec`: the value `<none>` removes a key.
pub(crate) fn entity(kind: &str, spec: &Value) -> Entity {
    let mut full_spec = minimal_spec(kind);
    merge(full_spec.as_object_mut().unwrap(), spec.as_object().unwrap());
    document(json!({
        "apiVersion": api_version(kind), "kind": kind, "metadata": { "name": "x" }, "spec": full_spec,
    }))
}

/// A Component with this metadata.
pub(crate) fn with_metadata(metadata: &Value) -> Entity {
    document(json!({
        "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": metadata,
        "spec": minimal_spec("Component"),
    }))
}

pub(crate) fn document(value: Value) -> Entity {
    Entity::from_value(value).unwrap()
}

fn merge(target: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, value) in changes {
        if value == "<none>" {
            target.shift_remove(key);
        } else {
            target.insert(key.clone(), value.clone());
        }
    }
}
