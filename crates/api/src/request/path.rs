//! Parameters in paths.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::admission::Admission;
use crate::error::ApiError;
use crate::pattern::Encoded;

/// The parameters of a path, percent-decoded; badly encoded ones are refused with an envelope.
#[derive(Debug, Clone)]
pub(crate) struct PathParameters<T>(pub(crate) T);

/// What the parameters of a path make up.
pub(crate) trait FromPath: Sized {
    /// Takes them, in their order.
    ///
    /// # Errors
    ///
    /// One of them cannot be decoded, or the path has others.
    fn from_path<'a>(values: &mut impl Iterator<Item = Value<'a>>) -> Result<Self, ApiError>;
}

/// A parameter: its name, and its value as it is written.
pub(crate) type Value<'a> = (&'a str, Encoded<'a>);

/// The only one there is.
impl FromPath for String {
    fn from_path<'a>(values: &mut impl Iterator<Item = Value<'a>>) -> Result<Self, ApiError> {
        decode(values.next(), None).map(Cow::into_owned)
    }
}

/// The value of the next parameter, which has to have this name if it has to have one.
pub(crate) fn decode<'a>(value: Option<Value<'a>>, expected: Option<&str>) -> Result<Cow<'a, str>, ApiError> {
    let Some((name, value)) = value.filter(|(name, _)| expected.is_none_or(|expected| *name == expected))
    else {
        return Err(ApiError::internal("a handler asks for other parameters than its path has"));
    };
    value
        .decode()
        .map_err(|_| ApiError::Input(format!("Failed to decode path parameter: Invalid UTF-8 in `{name}`")))
}

impl<T, S> FromRequestParts<S> for PathParameters<T>
where
    T: FromPath + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Some(Admission { route, .. }) = parts.extensions.get() else {
            return Err(ApiError::internal("a request got to its handler past the layers"));
        };
        T::from_path(&mut route.pattern().parameters(parts.uri.path())).map(Self)
    }
}
