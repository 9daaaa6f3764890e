//! `GET` and `POST /entities/by-query`: sorted pages of entities with cursors.
//!
//! The two take the same query in different clothes, and each other's cursors.

use std::time::Instant;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_index::{
    Cursor, DEFAULT_PAGE_LIMIT, Direction, EntityQuery, FieldSelection, FullText, OrderField, Page,
    Predicate, TotalItems, parse_filters,
};
use serde_json::{Map, Value, json};

use super::projection::project;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::documented_parameters;
use crate::openapi::schemas::{EntityPage, QueryRequest};
use crate::request::{FIELDS, FILTER, JsonBody, Members, NoParameters, Parameter, Parameters};
use crate::response::JsonList;

const PARAMETERS: &[Parameter] = &[
    Parameter::text("cursor")
        .described("From the page before or after. With it, only `limit` and `fields` count beside it."),
    Parameter::natural("limit").described("The most rows to answer, 200 by default. 0 asks for the total alone."),
    Parameter::natural("offset").described("How many rows to leave out at the start."),
    FILTER,
    Parameter::texts("orderField")
        .described(
            "What to sort by: a field, or `field,asc`, or `field,desc`. Only the first one counts. Entities without \
             the field are left out. Without it, they come in order of their uids.",
        )
        .example("metadata.name,asc"),
    Parameter::text("fullTextFilterTerm").described("A text that some field has to contain, in any letter case."),
    Parameter::comma_list("fullTextFilterFields")
        .described("The fields to look for the term in; by default the one that is sorted by.")
        .example("metadata.name,metadata.title"),
    FIELDS,
    Parameter::one_of("totalItems", &TOTAL_ITEMS)
        .described("Whether all matching entities are counted. `exclude` answers 0 instead, also on later pages."),
];

documented_parameters!(Query = PARAMETERS);

const TOTAL_ITEMS: [&str; 2] = ["include", "exclude"];

/// Query entities
///
/// Sorted pages with cursors in both directions. Cursors are good for both methods.
#[utoipa::path(
    get,
    path = "/entities/by-query",
    tag = "entities",
    operation_id = "queryEntities",
    params(Query),
    responses((status = 200, description = "A page.", body = EntityPage))
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::parse(query.as_deref(), PARAMETERS)?;
    let fields = FieldSelection::parse(parameters.texts("fields"))?;
    let query = query_of_parameters(&parameters)?;
    answer(&catalog, query, &caller, fields).await
}

/// Query entities with a predicate
///
/// The same with a predicate in place of `filter`. Without a body, it is the first page of all entities.
#[utoipa::path(
    post,
    path = "/entities/by-query",
    tag = "entities",
    operation_id = "queryEntitiesByPredicate",
    request_body(content = Option<QueryRequest>, example = json!({
        "query": { "kind": "component", "metadata.tags": { "$contains": "java" } },
        "orderBy": [{ "field": "metadata.name", "order": "asc" }],
        "limit": 20,
    })),
    responses((status = 200, description = "A page.", body = EntityPage))
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    caller: Caller,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let members = body.optional()?;
    let fields = FieldSelection::parse(&owned(members.texts("fields")?.unwrap_or_default()))?;
    let query = query_of_body(&members)?;
    answer(&catalog, query, &caller, fields).await
}

fn query_of_parameters(parameters: &Parameters) -> Result<EntityQuery, ApiError> {
    let limit = parameters.natural("limit").unwrap_or(DEFAULT_PAGE_LIMIT);
    if let Some(cursor) = parameters.text("cursor") {
        return Ok(EntityQuery::from_cursor(Cursor::decode(cursor)?, limit));
    }
    let order: Vec<OrderField> = parameters
        .texts("orderField")
        .iter()
        .map(|order| OrderField::parse(order))
        .collect::<Result<_, _>>()?;
    let text_fields =
        parameters.has("fullTextFilterFields").then(|| parameters.texts("fullTextFilterFields").to_vec());
    let term = parameters.text("fullTextFilterTerm").unwrap_or_default().to_owned();
    Ok(EntityQuery {
        predicate: parse_filters(parameters.texts("filter"))?,
        order,
        full_text: Some(FullText { term, fields: text_fields }),
        limit,
        offset: parameters.natural("offset").unwrap_or(0),
        total: total_items(parameters.text("totalItems")),
        ..EntityQuery::default()
    })
}

fn query_of_body(members: &Members<'_>) -> Result<EntityQuery, ApiError> {
    // All of the body is checked, also what a cursor makes unnecessary.
    let limit = members.natural("limit")?.unwrap_or(DEFAULT_PAGE_LIMIT);
    let offset = members.natural("offset")?.unwrap_or(0);
    let order = members.objects("orderBy")?.unwrap_or_default();
    let order: Vec<OrderField> = order.iter().map(order_field).collect::<Result<_, _>>()?;
    let full_text = members.object("fullTextFilter")?.as_ref().map(full_text).transpose()?;
    let total = total_items(members.one_of("totalItems", &TOTAL_ITEMS)?);
    members.object("query")?;
    if let Some(cursor) = members.text("cursor")? {
        return Ok(EntityQuery::from_cursor(Cursor::decode(cursor)?, limit));
    }
    let predicate = members.value("query").map(Predicate::parse).transpose()?;
    Ok(EntityQuery { predicate, order, full_text, limit, offset, total, ..EntityQuery::default() })
}

fn order_field(members: &Members<'_>) -> Result<OrderField, ApiError> {
    let field = members.require("field", members.text("field")?)?.to_owned();
    let direction = match members.require("order", members.one_of("order", &["asc", "desc"])?)? {
        "desc" => Direction::Desc,
        _ => Direction::Asc,
    };
    Ok(OrderField { field, direction })
}

fn full_text(members: &Members<'_>) -> Result<FullText, ApiError> {
    let term = members.text("term")?.unwrap_or_default().to_owned();
    Ok(FullText { term, fields: members.texts("fields")?.map(owned) })
}

fn total_items(word: Option<&str>) -> TotalItems {
    if word == Some("exclude") { TotalItems::Exclude } else { TotalItems::Include }
}

/// What makes a query dear or cheap, for those who look at its times.
fn shape(query: &EntityQuery) -> &'static str {
    let has_text = query.full_text.as_ref().is_some_and(|full_text| !full_text.term.trim().is_empty());
    match (query.predicate.is_some(), has_text, !query.order.is_empty()) {
        (false, false, false) => "all",
        (true, false, false) => "filter",
        (false, true, false) => "text",
        (true, true, false) => "filter+text",
        (false, false, true) => "order",
        (true, false, true) => "filter+order",
        (false, true, true) => "text+order",
        (true, true, true) => "filter+text+order",
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

async fn answer(
    catalog: &Catalog,
    query: EntityQuery,
    caller: &Caller,
    fields: Option<FieldSelection>,
) -> Result<Response, ApiError> {
    let visibility = caller.visibility().await?;
    if visibility.is_nothing() {
        // Also with a cursor that says otherwise.
        let more = ",\"totalItems\":0,\"pageInfo\":{}";
        return Ok(JsonList::items_of_object(Vec::new(), more).into_tagged_response());
    }
    let query = EntityQuery { restriction: visibility.restriction(), ..query };
    let started = Instant::now();
    let Page { items, total_items, next_cursor, prev_cursor } = catalog.index().read().page(&query);
    let shape =
        [("shape", shape(&query)), ("page", if query.continuation.is_none() { "first" } else { "later" })];
    metrics::histogram!("catalog_query_duration_seconds", &shape).record(started.elapsed());
    let mut page_info = Map::new();
    if let Some(cursor) = next_cursor {
        page_info.insert("nextCursor".to_owned(), Value::String(cursor.encode()));
    }
    if let Some(cursor) = prev_cursor {
        page_info.insert("prevCursor".to_owned(), Value::String(cursor.encode()));
    }
    let more = format!(",\"totalItems\":{total_items},\"pageInfo\":{}", json!(page_info));
    if let Some(fields) = fields {
        return Ok(JsonList::items_of_object(project(items, fields).await?, &more).into_tagged_response());
    }
    let bodies = items.into_iter().map(|hit| hit.body).collect();
    Ok(JsonList::items_of_object(bodies, &more).into_stored_response())
}
