//! The one entity that an action is about.

use callboard_index::{EntityQuery, Hit, Predicate};
use serde_json::{Value, json};

use super::{Context, object, text};
use crate::error::ApiError;

/// How many entities a message names at most.
const NAMED: usize = 10;

/// The schema of what says which entity.
pub(super) fn input_schema() -> Value {
    let properties = json!({
        "name": { "type": "string", "description": "`metadata.name` of the entity, in any letter case." },
        "kind": { "type": "string", "description": "The kind, such as Component, if the name is not enough." },
        "namespace": { "type": "string", "description": "The namespace, if the name is not enough." },
    });
    object(&["name"], &properties)
}

/// The entity that an input means, of those that the caller may see.
///
/// # Errors
///
/// There is none, or there are several.
pub(super) async fn find(context: &Context<'_>, input: &Value) -> Result<Hit, ApiError> {
    let fields = [("name", "metadata.name"), ("kind", "kind"), ("namespace", "metadata.namespace")];
    let conditions =
        fields.map(|(name, field)| text(input, name).map(|value| Predicate::equals(field, value)));
    let query = EntityQuery {
        predicate: Predicate::all_of(conditions),
        restriction: context.caller.visibility().await?.restriction(),
        limit: NAMED,
        ..EntityQuery::default()
    };
    let mut page = context.catalog.index().read().page(&query);
    let name = text(input, "name").unwrap_or_default();
    if page.total_items > 1 {
        let refs: Vec<&str> = page.items.iter().map(|hit| hit.entity_ref.as_str()).collect();
        return Err(ApiError::Conflict(format!(
            "Multiple entities found with name \"{name}\", please provide kind or namespace. Entities found: {}",
            refs.join(", ")
        )));
    }
    page.items.pop().ok_or_else(|| ApiError::Input(format!("No entity found with name \"{name}\"")))
}
