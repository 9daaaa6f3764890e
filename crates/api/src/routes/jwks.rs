//! `/.backstage/auth/v1/jwks.json`: the public keys of this server, for those whom it shows its tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::error::ApiError;
use crate::openapi::schemas::KeySet;
use crate::response::tagged_json;
use crate::state::ApiState;

/// The public keys of this server
///
/// For those whom it shows its tokens. Answered also while the catalog is starting, and to everyone.
#[utoipa::path(
    get,
    path = "/.backstage/auth/v1/jwks.json",
    tag = "server",
    operation_id = "getPublicKeys",
    responses((status = 200, description = "The keys.", body = KeySet))
)]
pub(crate) async fn get(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let published = state.options.authentication.signing_keys.published().await;
    let keys = published.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "the public keys cannot be published");
        ApiError::Unavailable("The public keys are not available".to_owned())
    })?;
    Ok(tagged_json(StatusCode::OK, &keys))
}
