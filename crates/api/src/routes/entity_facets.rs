//! `GET` and `POST /entity-facets`: which values there are, and how many entities have each.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_index::{FacetQuery, FacetValue, Predicate, parse_filters};
use serde_json::{Map, Value, json};

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::documented_parameters;
use crate::openapi::schemas::{FacetCounts, FacetRequest};
use crate::request::{FILTER, JsonBody, NoParameters, Parameter, Parameters};
use crate::response::tagged_json;

const PARAMETERS: &[Parameter] = &[
    Parameter::texts("facet").required().described("A field whose values are counted.").example("spec.type"),
    FILTER,
];

documented_parameters!(Query = PARAMETERS);

/// Count values
///
/// Which values a field has, and how many entities have each.
#[utoipa::path(
    get,
    path = "/entity-facets",
    tag = "entities",
    operation_id = "getEntityFacets",
    params(Query),
    responses((status = 200, description = "The values of each facet, sorted.", body = FacetCounts))
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::parse(query.as_deref(), PARAMETERS)?;
    let facets = parameters.texts("facet").iter().map(String::as_str);
    answer(&catalog, facets, parse_filters(parameters.texts("filter"))?, &caller).await
}

/// Count values with a predicate
///
/// The same with a predicate in place of `filter`.
#[utoipa::path(
    post,
    path = "/entity-facets",
    tag = "entities",
    operation_id = "queryEntityFacets",
    request_body(content = FacetRequest, example = json!({
        "facets": ["kind", "spec.type"],
        "query": { "relations.ownedBy": "group:default/team-a" },
    })),
    responses((status = 200, description = "The values of each facet, sorted.", body = FacetCounts))
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    caller: Caller,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let members = body.required()?;
    let facets = members.require("facets", members.texts("facets")?)?;
    members.object("query")?;
    let predicate = members.value("query").map(Predicate::parse).transpose()?;
    answer(&catalog, facets.into_iter(), predicate, &caller).await
}

async fn answer<'a>(
    catalog: &Catalog,
    facets: impl Iterator<Item = &'a str>,
    predicate: Option<Predicate>,
    caller: &Caller,
) -> Result<Response, ApiError> {
    let facets: Vec<String> = facets.filter(|facet| !facet.is_empty()).map(str::to_owned).collect();
    if facets.is_empty() {
        return Err(ApiError::input("Missing or empty facets parameter"));
    }
    let query = FacetQuery { facets, predicate, restriction: caller.visibility().await?.restriction() };
    let facets = catalog.index().read().facets(&query);
    let by_name: Map<String, Value> = facets
        .into_iter()
        .map(|facet| (facet.name, facet.values.into_iter().map(value_json).collect()))
        .collect();
    Ok(tagged_json(StatusCode::OK, &json!({ "facets": by_name })))
}

fn value_json(FacetValue { value, count }: FacetValue) -> Value {
    json!({ "value": value, "count": count })
}
