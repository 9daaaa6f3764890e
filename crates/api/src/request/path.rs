//! Parameters in paths.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The parameters of a path, percent-decoded; badly encoded ones are refused with an envelope.
#[derive(Debug, Clone)]
pub(crate) struct PathParameters<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for PathParameters<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(parameters)) => Ok(Self(parameters)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                Err(ApiError::Input(format!("Failed to decode path parameter: {error}")))
            }
            Err(other) => Err(ApiError::internal(other)),
        }
    }
}
