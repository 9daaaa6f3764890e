//! `/.backstage/auth/v1/jwks.json`: the public keys of this server, for those whom it shows its tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::response::tagged_json;
use crate::state::ApiState;

/// Answered also while the catalog is starting, and to everyone.
pub(crate) async fn get(State(state): State<ApiState>) -> Response {
    tagged_json(StatusCode::OK, &state.options.authentication.signing_keys.published())
}
