//! Entities cut down to the `fields` of a request.

use bytes::Bytes;
use callboard_index::{FieldSelection, Hit};

use crate::error::ApiError;

/// The JSON text of what is asked for of each entity.
pub(crate) fn project(hits: &[Hit], fields: &FieldSelection) -> Result<Vec<Bytes>, ApiError> {
    hits.iter().map(|hit| project_one(hit, fields)).collect()
}

/// The JSON text of what is asked for of one entity.
pub(crate) fn project_one(hit: &Hit, fields: &FieldSelection) -> Result<Bytes, ApiError> {
    fields.project_bytes(&hit.body).map(Bytes::from).map_err(ApiError::internal)
}
