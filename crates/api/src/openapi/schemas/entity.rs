//! Entities, whole and in parts.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::written;

/// A whole entity.
pub(crate) struct Entity;

/// An entity, or the parts of it that were asked for.
pub(crate) struct EntityPart;

impl PartialSchema for Entity {
    fn schema() -> RefOr<Schema> {
        let mut schema = entity("An entity as the catalog shows it.");
        schema["required"] = json!(["apiVersion", "kind", "metadata", "relations"]);
        schema["properties"]["metadata"]["required"] = json!(["name", "namespace", "uid", "etag"]);
        schema["examples"] = json!([example()]);
        written(schema)
    }
}

impl ToSchema for Entity {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Entity")
    }
}

impl PartialSchema for EntityPart {
    fn schema() -> RefOr<Schema> {
        written(entity(
            "An entity, or the parts of it that `fields` asks for; what it does not have is left out.",
        ))
    }
}

impl ToSchema for EntityPart {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("EntityPart")
    }
}

/// Without what has to be there.
fn entity(description: &str) -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    json!({
        "type": "object",
        "description": description,
        "properties": {
            "apiVersion": text,
            "kind": text,
            "metadata": {
                "type": "object",
                "description": "What entities of every kind have. Others may add to it.",
                "properties": {
                    "name": text,
                    "namespace": text,
                    "uid": { "type": "string", "description": "Given by the catalog." },
                    "etag": { "type": "string", "description": "Changes with the entity." },
                    "title": text,
                    "description": text,
                    "labels": texts,
                    "annotations": texts,
                    "tags": { "type": "array", "items": text },
                    "links": { "type": "array", "items": { "type": "object" } },
                },
            },
            "spec": { "type": "object", "description": "As the kind has it." },
            "relations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "targetRef"],
                    "properties": { "type": text, "targetRef": text },
                },
            },
            "status": {
                "type": "object",
                "properties": { "items": { "type": "array", "items": { "type": "object" } } },
            },
        },
    })
}

fn example() -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": "booking-service",
            "namespace": "default",
            "annotations": {
                "backstage.io/managed-by-location": "url:https://example.com/catalog-info.yaml",
                "backstage.io/managed-by-origin-location": "url:https://example.com/catalog-info.yaml",
            },
            "uid": "01a2f6c4-6c1e-4c0b-9d2c-7f6f2a1f2a10",
            "etag": "0ee8b8f1d9a3f3bd1d9b6a1a84a0c6f9f1a7c0b2",
        },
        "spec": { "type": "service", "lifecycle": "production", "owner": "team-a" },
        "relations": [{ "type": "ownedBy", "targetRef": "group:default/team-a" }],
    })
}

/// A page of entities.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct EntityPage {
    /// One that has several values of the order field may be here several times.
    items: Vec<EntityPart>,
    /// The number of entities in all pages; 0 if they were not to be counted.
    total_items: u64,
    page_info: PageInfo,
}

/// Where to go on.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PageInfo {
    /// Leads to the next page, if there is one.
    #[schema(required = false)]
    next_cursor: String,
    /// Leads to the previous page, if there is one.
    #[schema(required = false)]
    prev_cursor: String,
}

/// Entities in the order in which they were asked for.
#[derive(ToSchema)]
pub(crate) struct EntityBatch {
    /// As many as were asked for; `null` for those that are not there, or are filtered out.
    items: Vec<Option<EntityPart>>,
}
