//! `GET /entities/by-name/{kind}/{namespace}/{name}`.

use axum::extract::State;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_model::EntityRef;
use utoipa::IntoParams;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{Entity, ErrorBody};
use crate::request::{FromPath, NoParameters, PathParameters, Value, decode};
use crate::response::stored_json;

/// The parts of an entity ref in a path, in any letter case.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct NamedEntity {
    /// The kind, in any letter case.
    #[param(min_length = 1, example = "component")]
    pub(crate) kind: String,
    /// The namespace, in any letter case.
    #[param(min_length = 1, example = "default")]
    pub(crate) namespace: String,
    /// The name, in any letter case.
    #[param(min_length = 1, example = "booking-service")]
    pub(crate) name: String,
}

impl NamedEntity {
    pub(crate) fn entity_ref(&self) -> EntityRef {
        EntityRef::new(&self.kind, &self.namespace, &self.name)
    }
}

impl FromPath for NamedEntity {
    fn from_path<'a>(values: &mut impl Iterator<Item = Value<'a>>) -> Result<Self, ApiError> {
        let mut named = |name| Ok::<_, ApiError>(decode(values.next(), Some(name))?.into_owned());
        Ok(Self { kind: named("kind")?, namespace: named("namespace")?, name: named("name")? })
    }
}

/// One entity by its name
#[utoipa::path(
    get,
    path = "/entities/by-name/{kind}/{namespace}/{name}",
    tag = "entities",
    operation_id = "getEntityByName",
    params(NamedEntity),
    responses(
        (status = 200, description = "The entity.", body = Entity),
        (status = 404, description = "There is no such entity.", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(named): PathParameters<NamedEntity>,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let visibility = caller.visibility().await?;
    let found = visibility.find(&catalog.index().read(), named.entity_ref().as_str());
    found.map(|hit| stored_json(hit.body)).ok_or_else(|| {
        let NamedEntity { kind, namespace, name } = &named;
        ApiError::NotFound(format!(
            "No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'"
        ))
    })
}
