//! `query-catalog-entities`.

use callboard_index::{
    Cursor, DEFAULT_PAGE_LIMIT, Direction, EntityQuery, FieldSelection, FullText, OrderField, Page, Predicate,
};
use callboard_sdk::{ActionAttributes, ActionDescription};
use serde_json::{Map, Value, json};

use super::{Context, example, object, text};
use crate::error::ApiError;
use crate::routes::projection::project;

const NAME: &str = "query-catalog-entities";

pub(super) fn description() -> ActionDescription {
    ActionDescription {
        name: NAME.to_owned(),
        title: "Query catalog entities".to_owned(),
        description: "Finds entities of the software catalog, page by page. `query` is an object of fields and the \
                      values they have to have, such as {\"kind\": \"component\", \"spec.type\": \"service\"}. A value can \
                      be an operator: {\"$exists\": true}, {\"$in\": [..]}, {\"$hasPrefix\": \"..\"}, or, for lists, \
                      {\"$contains\": ..}. Relations are fields too: {\"relations.ownedBy\": \"group:default/team-a\"}. \
                      {\"$all\": [..]}, {\"$any\": [..]} and {\"$not\": {..}} combine such objects. Ask for the `fields` you \
                      need, and follow `nextPageCursor` for more."
            .to_owned(),
        attributes: ActionAttributes { destructive: false, idempotent: true, read_only: true },
        input: object(&[], &input_properties()),
        output: object(
            &["items", "totalItems", "hasMoreEntities"],
            &json!({
                "items": { "type": "array", "items": { "type": "object" } },
                "totalItems": { "type": "number" },
                "hasMoreEntities": { "type": "boolean" },
                "nextPageCursor": { "type": "string" },
            }),
        ),
        examples: vec![
            example(
                "The names of all services of a team",
                json!({
                    "query": {
                        "kind": "component",
                        "spec.type": "service",
                        "relations.ownedBy": "group:default/team-a",
                    },
                    "fields": ["metadata.name"],
                }),
            ),
            example(
                "What is about payments, the first by name",
                json!({
                    "fullTextFilter": { "term": "payment" },
                    "orderFields": { "field": "metadata.name", "order": "asc" },
                    "limit": 20,
                }),
            ),
            example(
                "Components that are no longer experimental, and all APIs",
                json!({
                    "query": { "$any": [
                        { "$all": [{ "kind": "component" }, { "$not": { "spec.lifecycle": "experimental" } }] },
                        { "kind": "api" },
                    ] },
                }),
            ),
        ],
    }
}

fn input_properties() -> Value {
    let order = json!({
        "type": "object",
        "required": ["field", "order"],
        "properties": { "field": { "type": "string" }, "order": { "enum": ["asc", "desc"] } },
        "additionalProperties": false,
    });
    json!({
        "query": { "type": "object", "description": "What the entities have to fulfil." },
        "fields": {
            "type": "array",
            "items": { "type": "string" },
            "description": "The parts of entities to give, such as kind and metadata.name; all of them if not given.",
        },
        "limit": { "type": "integer", "minimum": 1, "description": "The most entities to give." },
        "offset": { "type": "integer", "minimum": 0, "description": "How many to leave out at the start." },
        "orderFields": {
            "description": "What to sort by.",
            "anyOf": [order, { "type": "array", "items": order }],
        },
        "fullTextFilter": {
            "type": "object",
            "required": ["term"],
            "properties": {
                "term": { "type": "string" },
                "fields": { "type": "array", "items": { "type": "string" } },
            },
            "additionalProperties": false,
            "description": "A text that some of the fields contain.",
        },
        "cursor": { "type": "string", "description": "From the page before. Only limit and fields count beside it." },
    })
}

pub(super) async fn call(context: &Context<'_>, input: &Value) -> Result<Value, ApiError> {
    let fields = FieldSelection::parse(&texts(&input["fields"]))?;
    let restriction = context.caller.visibility().await?.restriction();
    let query = EntityQuery { restriction, ..query(input)? };
    let Page { items, total_items, next_cursor, .. } = context.catalog.index().read().page(&query);
    let bodies = match fields {
        Some(fields) => project(items, fields).await?,
        None => items.into_iter().map(|hit| hit.body).collect(),
    };
    let items: Vec<Value> = bodies
        .iter()
        .map(|body| serde_json::from_slice(body))
        .collect::<Result<_, _>>()
        .map_err(ApiError::internal)?;
    let mut output = Map::new();
    output.insert("items".to_owned(), Value::Array(items));
    output.insert("totalItems".to_owned(), json!(total_items));
    output.insert("hasMoreEntities".to_owned(), json!(next_cursor.is_some()));
    if let Some(cursor) = next_cursor {
        output.insert("nextPageCursor".to_owned(), json!(cursor.encode()));
    }
    Ok(Value::Object(output))
}

fn query(input: &Value) -> Result<EntityQuery, ApiError> {
    let natural = |name: &str| input[name].as_f64().and_then(crate::request::whole_number);
    let limit = natural("limit").unwrap_or(DEFAULT_PAGE_LIMIT);
    if let Some(cursor) = text(input, "cursor") {
        return Ok(EntityQuery::from_cursor(Cursor::decode(cursor)?, limit));
    }
    let order = match &input["orderFields"] {
        Value::Array(orders) => orders.iter().map(order_field).collect(),
        Value::Null => Vec::new(),
        single => vec![order_field(single)],
    };
    let full_text = input.get("fullTextFilter").map(|filter| FullText {
        term: text(filter, "term").unwrap_or_default().to_owned(),
        fields: filter.get("fields").map(texts),
    });
    Ok(EntityQuery {
        predicate: input.get("query").map(Predicate::parse).transpose()?,
        order,
        full_text,
        limit,
        offset: natural("offset").unwrap_or(0),
        ..EntityQuery::default()
    })
}

fn order_field(order: &Value) -> OrderField {
    let direction = if order["order"] == "desc" { Direction::Desc } else { Direction::Asc };
    OrderField { field: text(order, "field").unwrap_or_default().to_owned(), direction }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
