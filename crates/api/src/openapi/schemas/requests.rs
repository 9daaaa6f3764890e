//! Bodies of requests.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Predicate;

/// A query for a page of entities. With a cursor, only `limit` and `fields` count beside it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct QueryRequest {
    /// From the page before or after.
    #[schema(required = false, min_length = 1)]
    cursor: String,
    #[schema(required = false)]
    query: Predicate,
    /// Only the first one counts. Entities without the field are left out.
    #[schema(required = false)]
    order_by: Vec<OrderBy>,
    #[schema(required = false)]
    full_text_filter: FullTextFilter,
    /// 0 asks for the total alone.
    #[schema(required = false, minimum = 0, default = 200)]
    limit: usize,
    /// Rows to leave out at the start.
    #[schema(required = false, minimum = 0, default = 0)]
    offset: usize,
    /// The parts of entities to answer.
    #[schema(required = false, examples("kind", "metadata.name"))]
    fields: Vec<String>,
    #[schema(required = false)]
    total_items: TotalItems,
}

/// What to sort by.
#[derive(ToSchema)]
struct OrderBy {
    #[schema(examples("metadata.name"))]
    field: String,
    order: OrderDirection,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum OrderDirection {
    Asc,
    Desc,
}

/// A text that some fields have to contain.
#[derive(ToSchema)]
struct FullTextFilter {
    #[schema(required = false)]
    term: String,
    /// Without it, the field that is sorted by.
    #[schema(required = false)]
    fields: Vec<String>,
}

/// Whether all matching entities are counted.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum TotalItems {
    Include,
    Exclude,
}

/// Which entities to answer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct BatchRequest {
    /// Whole refs in lower case, such as `component:default/shop`.
    entity_refs: Vec<String>,
    #[schema(required = false)]
    fields: Vec<String>,
    #[schema(required = false)]
    query: Predicate,
}

/// Which values to count.
#[derive(ToSchema)]
pub(crate) struct FacetRequest {
    /// At least one that is not empty.
    #[schema(examples("kind", "spec.type"))]
    facets: Vec<String>,
    #[schema(required = false)]
    query: Predicate,
}

/// What to read again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    #[schema(examples("component:default/shop"))]
    entity_ref: String,
    /// Takes the place of the header.
    #[schema(required = false)]
    authorization_token: String,
}

/// Where descriptor files are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocationRequest {
    #[serde(rename = "type")]
    #[schema(examples("url"))]
    location_type: String,
    #[schema(examples("https://example.com/catalog-info.yaml"))]
    target: String,
}

/// Where descriptor files are, and whether they have to be there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegistrationRequest {
    #[serde(rename = "type")]
    #[schema(examples("url"))]
    location_type: String,
    #[schema(examples("https://example.com/catalog-info.yaml"))]
    target: String,
    #[schema(required = false)]
    presence: Presence,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Presence {
    Required,
    Optional,
}

/// A query for a page of locations. With a cursor, nothing else counts.
#[derive(ToSchema)]
pub(crate) struct LocationQueryRequest {
    #[schema(required = false, minimum = 1, default = 1000)]
    limit: usize,
    #[schema(required = false, min_length = 1)]
    cursor: String,
    /// On `id`, `type`, `target` and `entityRef`.
    #[schema(required = false)]
    query: Predicate,
}

/// What to look at.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AnalyzeRequest {
    location: LocationRequest,
    /// The name of the files to look for.
    #[schema(required = false, examples("catalog-info.yaml"))]
    catalog_filename: String,
}

/// What to check.
#[derive(ToSchema)]
pub(crate) struct ValidateRequest {
    /// Where it would have been read.
    #[schema(examples("url:https://example.com/catalog-info.yaml"))]
    location: String,
    entity: Map<String, Value>,
}

/// All entities of a provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushedEntities {
    /// In which each entity is once.
    entities: Vec<Map<String, Value>>,
}

/// What comes or changes, and what goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PushedDelta {
    /// New or changed entities, each once.
    #[schema(required = false)]
    added: Vec<Map<String, Value>>,
    /// Refs of entities that go. What the provider does not have is passed over.
    #[schema(required = false, examples("component:default/shop"))]
    removed: Vec<String>,
}

/// What an action is given.
#[derive(ToSchema)]
pub(crate) struct ActionInput {
    /// As its schema says.
    input: Map<String, Value>,
    /// What it must not show to anyone.
    #[schema(required = false)]
    secrets: Map<String, Value>,
}
