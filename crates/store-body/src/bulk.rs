//! Compression of many documents at once.

use std::sync::Arc;

use callboard_store::{Result, StoreError};

use crate::body::compress;

/// Up to so many are compressed where they are needed.
const FEW: usize = 32;
/// Of more than that, a thread of its own compresses so many.
const CHUNK: usize = 256;

/// Compresses documents on all cores; in the same order.
///
/// # Errors
///
/// [`StoreError::Unavailable`]: the runtime is about to end.
pub async fn compress_all(documents: Vec<Arc<[u8]>>) -> Result<Vec<Vec<u8>>> {
    if documents.len() <= FEW {
        return Ok(documents.iter().map(|json| compress(json)).collect());
    }
    let mut bodies = Vec::with_capacity(documents.len());
    let mut tasks = Vec::with_capacity(documents.len().div_ceil(CHUNK));
    for chunk in documents.chunks(CHUNK) {
        let chunk = chunk.to_vec();
        tasks.push(tokio::task::spawn_blocking(move || {
            chunk.iter().map(|json| compress(json)).collect::<Vec<_>>()
        }));
    }
    for task in tasks {
        bodies.extend(task.await.map_err(|error| StoreError::Unavailable(error.into()))?);
    }
    Ok(bodies)
}
