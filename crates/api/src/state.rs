//! What handlers share.

use std::sync::Arc;

use axum::extract::FromRef;
use callboard_engine::Catalog;

use crate::options::ApiOptions;

/// Cloned into every request; cloning copies pointers.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(crate) catalog: Catalog,
    pub(crate) options: Arc<ApiOptions>,
}

/// The largest body that is read, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

impl FromRef<ApiState> for Catalog {
    fn from_ref(state: &ApiState) -> Self {
        state.catalog.clone()
    }
}

impl FromRef<ApiState> for Arc<ApiOptions> {
    fn from_ref(state: &ApiState) -> Self {
        Arc::clone(&state.options)
    }
}

impl FromRef<ApiState> for BodyLimit {
    fn from_ref(state: &ApiState) -> Self {
        Self(state.options.body_limit)
    }
}
