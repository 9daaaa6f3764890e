//! What handlers share.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use callboard_engine::Catalog;

use crate::options::ApiOptions;

/// Cloned into every request; cloning copies pointers.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(crate) catalog: Catalog,
    pub(crate) options: Arc<ApiOptions>,
}

/// Which bodies are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit {
    /// The largest, in bytes.
    pub(crate) bytes: usize,
    /// How long one may take to arrive.
    pub(crate) time: Duration,
}

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
        Self { bytes: state.options.body_limit, time: state.options.body_timeout }
    }
}
