//! The metrics, as text for whoever collects them.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::authentication::caller_of;
use crate::error::ApiError;
use crate::state::ApiState;

/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where metrics are shown, and to whom.
#[derive(Clone)]
pub struct MetricsEndpoint {
    /// The path, which begins with a slash.
    pub path: String,
    /// Whether everyone may see them, rather than those who may call the catalog.
    pub public: bool,
    /// Writes them down.
    pub render: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for MetricsEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MetricsEndpoint").field("path", &self.path).finish_non_exhaustive()
    }
}

pub(crate) async fn get(State(state): State<ApiState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let Some(endpoint) = &state.options.metrics else { return Err(ApiError::NotFound(String::new())) };
    if !endpoint.public {
        caller_of(&state, &headers).await?;
    }
    if let Err(error) = state.catalog.measure().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "some metrics are older than the others");
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], (endpoint.render)()).into_response())
}
