//! `GET /entities/by-name/{kind}/{namespace}/{name}`.

use axum::extract::State;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_model::EntityRef;
use serde::Deserialize;

use crate::error::ApiError;
use crate::request::{NoParameters, PathParameters};
use crate::response::stored_json;
use crate::visibility::Visibility;

/// The parts of an entity ref in a path, in any letter case.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NamedEntity {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl NamedEntity {
    pub(crate) fn entity_ref(&self) -> EntityRef {
        EntityRef::new(&self.kind, &self.namespace, &self.name)
    }
}

pub(crate) async fn get(
    State(catalog): State<Catalog>,
    visibility: Visibility,
    PathParameters(named): PathParameters<NamedEntity>,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let found = visibility.find(&catalog.index().read(), named.entity_ref().as_str());
    found.map(|hit| stored_json(hit.body)).ok_or_else(|| {
        let NamedEntity { kind, namespace, name } = &named;
        ApiError::NotFound(format!(
            "No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'"
        ))
    })
}
