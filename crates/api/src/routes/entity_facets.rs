//! `GET` and `POST /entity-facets`: which values there are, and how many entities have each.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_index::{Facet, FacetQuery, FacetValue, Predicate, parse_filters};
use serde::{Serialize, Serializer};

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
    Ok(tagged_json(StatusCode::OK, &Answer { facets: ByName(&facets) }))
}

/// The answer, written straight from what the index counted: a facet can have as many values as there are entities.
#[derive(Serialize)]
struct Answer<'a> {
    facets: ByName<'a>,
}

struct ByName<'a>(&'a [Facet]);

impl Serialize for ByName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|facet| (&facet.name, Values(&facet.values))))
    }
}

struct Values<'a>(&'a [FacetValue]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|found| Counted { value: &found.value, count: found.count }))
    }
}

#[derive(Serialize)]
struct Counted<'a> {
    value: &'a str,
    count: u64,
}
