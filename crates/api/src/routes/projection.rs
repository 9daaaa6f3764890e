//! Entities cut down to the `fields` of a request.

use bytes::Bytes;
use callboard_index::{FieldSelection, Hit};

use crate::error::ApiError;

/// More entities than this are projected aside, so that other requests do not wait for it. One takes some microseconds.
const INLINE_LIMIT: usize = 256;

/// The JSON text of what is asked for of each entity.
pub(crate) async fn project(hits: Vec<Hit>, fields: FieldSelection) -> Result<Vec<Bytes>, ApiError> {
    let is_small = hits.len() <= INLINE_LIMIT;
    let all = move || hits.iter().map(|hit| project_one(hit, &fields)).collect();
    if is_small {
        return all();
    }
    tokio::task::spawn_blocking(all).await.map_err(ApiError::internal)?
}

/// The JSON text of what is asked for of one entity.
pub(crate) fn project_one(hit: &Hit, fields: &FieldSelection) -> Result<Bytes, ApiError> {
    fields.project_bytes(&hit.body).map(Bytes::from).map_err(ApiError::internal)
}
