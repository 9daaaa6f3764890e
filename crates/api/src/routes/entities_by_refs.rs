//! `POST /entities/by-refs`: many entities by their refs, in the order asked for.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use callboard_engine::Catalog;
use callboard_index::{FieldSelection, Hit, Predicate, PredicateError, parse_filters};

use super::projection::project_one;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::documented_parameters;
use crate::openapi::schemas::{BatchRequest, EntityBatch};
use crate::request::{FILTER, JsonBody, Members, Parameter, Parameters};
use crate::response::JsonList;

const PARAMETERS: &[Parameter] = &[FILTER];

documented_parameters!(Query = PARAMETERS);

const MALFORMED: &str = "Malformed request body (did you remember to specify an application/json content type?), Validation error";

/// Entities by their refs
///
/// In the order asked for, and as many, with `null` for those that are not there.
#[utoipa::path(
    post,
    path = "/entities/by-refs",
    tag = "entities",
    operation_id = "getEntitiesByRefs",
    params(Query),
    request_body(content = BatchRequest, example = json!({
        "entityRefs": ["component:default/booking-service", "group:default/team-a"],
        "fields": ["kind", "metadata.name"],
    })),
    responses((status = 200, description = "The entities.", body = EntityBatch))
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    caller: Caller,
    RawQuery(query): RawQuery,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let parameters = Parameters::parse(query.as_deref(), PARAMETERS)?;
    if body.is_absent() {
        return Err(ApiError::Input(format!("{MALFORMED}: Required at \"entityRefs\"")));
    }
    let members = body.required()?;
    let entity_refs = members.require("entityRefs", members.texts("entityRefs")?)?;
    let entity_refs: Vec<String> = entity_refs.into_iter().map(str::to_owned).collect();
    let fields: Vec<String> =
        members.texts("fields")?.unwrap_or_default().into_iter().map(str::to_owned).collect();
    let fields = FieldSelection::parse(&fields)?;
    let predicate = Predicate::all_of([
        parse_filters(parameters.texts("filter"))?,
        predicate(&members)?,
        caller.visibility().await?.restriction(),
    ]);
    let found = catalog.index().read().by_refs(&entity_refs, predicate.as_ref());
    respond(found, fields.as_ref())
}

fn predicate(members: &Members<'_>) -> Result<Option<Predicate>, ApiError> {
    members.object("query")?;
    let parsed = members.value("query").map(Predicate::parse).transpose();
    parsed.map_err(|error| match error {
        PredicateError::Validation(detail) => ApiError::Input(format!("{MALFORMED}: {detail}")),
        unsupported @ PredicateError::Unsupported(_) => unsupported.into(),
    })
}

fn respond(found: Vec<Option<Hit>>, fields: Option<&FieldSelection>) -> Result<Response, ApiError> {
    let text = |hit: Option<Hit>| match (hit, fields) {
        (None, _) => Ok(Bytes::from_static(b"null")),
        (Some(hit), None) => Ok(hit.body),
        (Some(hit), Some(fields)) => project_one(&hit, fields),
    };
    let items: Vec<Bytes> = found.into_iter().map(text).collect::<Result<_, _>>()?;
    let list = JsonList::items_of_object(items, "");
    Ok(if fields.is_some() { list.into_tagged_response() } else { list.into_stored_response() })
}
