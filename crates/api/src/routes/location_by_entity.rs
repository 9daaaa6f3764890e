//! `GET /locations/by-entity/{kind}/{namespace}/{name}`: the registration that an entity came from.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_permissions::Permission;

use super::entity_by_name::NamedEntity;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::ErrorBody;
use crate::request::{NoParameters, PathParameters};
use crate::response::tagged_json;
use crate::wire::LocationBody;

/// The location that brought an entity in
#[utoipa::path(
    get,
    path = "/locations/by-entity/{kind}/{namespace}/{name}",
    tag = "locations",
    operation_id = "getLocationByEntity",
    params(NamedEntity),
    responses(
        (status = 200, description = "The location.", body = LocationBody),
        (status = 404, description = "There is no such entity, or no registered location led to it.", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(named): PathParameters<NamedEntity>,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let entity_ref = named.entity_ref();
    if !caller.is_permitted(Permission::LOCATION_READ).await? {
        return Err(ApiError::NotFound(String::new()));
    }
    // Whoever may see locations may see all of them, also those of entities that they may not see.
    if catalog.index().read().by_ref(entity_ref.as_str()).is_none() {
        return Err(ApiError::NotFound(format!("found no entity for ref {entity_ref}")));
    }
    let location = catalog.location_by_entity(&entity_ref).await?;
    Ok(tagged_json(StatusCode::OK, &LocationBody::from(location)))
}
