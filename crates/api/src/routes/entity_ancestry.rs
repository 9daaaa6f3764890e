//! `GET /entities/by-name/{kind}/{namespace}/{name}/ancestry`: where an entity came from.

use std::collections::HashSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::{AncestryItem, Catalog};
use callboard_model::EntityRef;
use callboard_permissions::Permission;
use serde::Serialize;
use serde_json::value::RawValue;

use super::entity_by_name::NamedEntity;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{Ancestry, ErrorBody};
use crate::request::{NoParameters, PathParameters};
use crate::response::tagged_json;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AncestryBody<'a> {
    root_entity_ref: &'a str,
    items: Vec<ItemBody<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemBody<'a> {
    entity: &'a RawValue,
    parent_entity_refs: Vec<&'a str>,
}

/// Where an entity came from
///
/// The entity and all above it: those that brought it in, those that brought in these, and so on.
#[utoipa::path(
    get,
    path = "/entities/by-name/{kind}/{namespace}/{name}/ancestry",
    tag = "entities",
    operation_id = "getEntityAncestry",
    params(NamedEntity),
    responses(
        (status = 200, description = "The entities.", body = Ancestry),
        (status = 404, description = "There is no such entity.", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(named): PathParameters<NamedEntity>,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let entity_ref = named.entity_ref();
    // Unlike elsewhere, an entity that must not be seen is told apart from one that is not there.
    caller.authorize_on(Permission::ENTITY_READ, entity_ref.as_str()).await?;
    let ancestry = catalog.ancestry(&entity_ref).await?;
    let ancestry = ancestry.ok_or_else(|| ApiError::NotFound(format!("No such entity {entity_ref}")))?;
    let visible = visible(&caller, ancestry).await?;
    let items = visible.iter().map(item_body).collect::<Result<_, _>>().map_err(ApiError::internal)?;
    Ok(tagged_json(StatusCode::OK, &AncestryBody { root_entity_ref: entity_ref.as_str(), items }))
}

/// Without the entities that the caller may not see, and without all above those.
async fn visible(caller: &Caller, ancestry: Vec<AncestryItem>) -> Result<Vec<AncestryItem>, ApiError> {
    let refs: Vec<&str> = ancestry.iter().map(|item| item.entity_ref.as_str()).collect();
    let permitted = caller.are_permitted(Permission::ENTITY_READ, &refs).await?;
    let refused = ancestry.iter().zip(permitted).filter(|(_, is_permitted)| !is_permitted);
    let mut todo: Vec<EntityRef> = refused.map(|(item, _)| item.entity_ref.clone()).collect();
    let mut hidden = HashSet::new();
    while let Some(entity_ref) = todo.pop() {
        let item = ancestry.iter().find(|item| item.entity_ref == entity_ref);
        if hidden.insert(entity_ref) {
            todo.extend(item.into_iter().flat_map(|item| item.parent_refs.iter().cloned()));
        }
    }
    Ok(ancestry.into_iter().filter(|item| !hidden.contains(&item.entity_ref)).collect())
}

fn item_body(item: &AncestryItem) -> Result<ItemBody<'_>, serde_json::Error> {
    Ok(ItemBody {
        entity: serde_json::from_slice(&item.entity)?,
        parent_entity_refs: item.parent_refs.iter().map(EntityRef::as_str).collect(),
    })
}
