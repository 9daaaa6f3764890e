//! `POST /locations/by-query`: registered locations in pages, in order of their ids.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use callboard_engine::Catalog;
use callboard_index::{LocationFields, LocationPredicate};
use callboard_permissions::Permission;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::LocationQueryRequest;
use crate::request::{JsonBody, Members, NoParameters};
use crate::response::tagged_json;
use crate::wire::LocationBody;

/// How many locations a page has if the request does not say.
const DEFAULT_LIMIT: usize = 1000;

/// What is asked for, by the body or by a cursor.
struct LocationQuery {
    limit: usize,
    predicate: Option<LocationPredicate>,
    after_id: Option<String>,
}

/// A page of registered locations, in order of their ids.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LocationPage)]
struct PageBody {
    items: Vec<LocationBody>,
    /// The number of locations in all pages.
    total_items: usize,
    page_info: PageInfo,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LocationPageInfo)]
struct PageInfo {
    /// Leads to the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    next_cursor: Option<String>,
}

/// Query locations
///
/// Pages of registered locations. Without a body, it is the first page of all.
#[utoipa::path(
    post,
    path = "/locations/by-query",
    tag = "locations",
    operation_id = "queryLocations",
    request_body(content = Option<LocationQueryRequest>, example = json!({
        "query": { "target": { "$hasPrefix": "https://github.com/acme/" } },
        "limit": 100,
    })),
    responses((status = 200, description = "A page.", body = PageBody))
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    caller: Caller,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let query = LocationQuery::of_body(&body.optional()?)?;
    let is_permitted = caller.is_permitted(Permission::LOCATION_READ).await?;
    // Registered locations are few, even in large catalogs: hundreds or thousands.
    let locations = if is_permitted { catalog.locations().await? } else { Vec::new() };
    let locations = locations.into_iter().map(LocationBody::from).collect();
    Ok(tagged_json(StatusCode::OK, &query.page(locations)))
}

impl LocationQuery {
    fn of_body(members: &Members<'_>) -> Result<Self, ApiError> {
        // The types of all members are checked, what they say only where no cursor says it.
        let limit = members.number("limit")?;
        members.object("query")?;
        if let Some(cursor) = members.text("cursor")? {
            return Self::of_cursor(cursor);
        }
        let limit = limit.map(positive).transpose()?.unwrap_or(DEFAULT_LIMIT);
        let predicate = members.value("query").map(LocationPredicate::parse).transpose()?;
        Ok(Self { limit, predicate, after_id: None })
    }

    fn of_cursor(cursor: &str) -> Result<Self, ApiError> {
        if cursor.is_empty() {
            return Err(ApiError::input("Cursor cannot be empty"));
        }
        let malformed =
            |problem: &str| ApiError::Input(format!("Malformed cursor: Validation error: {problem}"));
        let text = STANDARD_NO_PAD.decode(cursor.trim_end_matches('='));
        let value: Option<Value> = text.ok().and_then(|text| serde_json::from_slice(&text).ok());
        let value = value.ok_or_else(|| ApiError::input("Malformed cursor, unknown encoding"))?;
        let limit = value["limit"].as_f64().ok_or_else(|| malformed("Required at \"limit\""))?;
        let after_id = value["afterId"].as_str().ok_or_else(|| malformed("Required at \"afterId\""))?;
        let predicate = value.get("query").map(LocationPredicate::parse).transpose()?;
        Ok(Self { limit: positive(limit)?, predicate, after_id: Some(after_id.to_owned()) })
    }

    fn page(&self, locations: Vec<LocationBody>) -> PageBody {
        let mut matching: Vec<LocationBody> =
            locations.into_iter().filter(|location| self.matches(location)).collect();
        matching.sort_unstable_by(|left, right| left.id.cmp(&right.id));
        let total_items = matching.len();
        let start = self
            .after_id
            .as_ref()
            .map_or(0, |after| matching.partition_point(|location| location.id <= *after));
        let mut items = matching.split_off(start);
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        let next_cursor = if has_more { items.last().map(|last| self.cursor_after(&last.id)) } else { None };
        PageBody { items, total_items, page_info: PageInfo { next_cursor } }
    }

    fn matches(&self, location: &LocationBody) -> bool {
        let LocationBody { id, location_type, target, entity_ref } = location;
        let fields = LocationFields { id, location_type, target, entity_ref: Some(entity_ref) };
        self.predicate.as_ref().is_none_or(|predicate| predicate.matches(&fields))
    }

    fn cursor_after(&self, id: &str) -> String {
        let mut members = Map::new();
        members.insert("limit".to_owned(), json!(self.limit));
        members.insert("afterId".to_owned(), json!(id));
        if let Some(predicate) = &self.predicate {
            members.insert("query".to_owned(), predicate.to_json());
        }
        STANDARD.encode(Value::Object(members).to_string())
    }
}

fn positive(limit: f64) -> Result<usize, ApiError> {
    match crate::request::whole_number(limit) {
        Some(limit @ 1..) => Ok(limit),
        _ => Err(ApiError::input("Limit must be a positive integer >= 1")),
    }
}
