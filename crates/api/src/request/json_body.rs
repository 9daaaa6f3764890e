//! JSON bodies.

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::Members;
use crate::admission::Admission;
use crate::error::ApiError;
use crate::state::BodyLimit;

/// What a request carries: a JSON value, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonBody(Option<Value>);

impl JsonBody {
    /// The members of the body, which has to be an object.
    pub(crate) fn required(&self) -> Result<Members<'_>, ApiError> {
        match &self.0 {
            Some(value) => Members::of(value, "request/body"),
            None => Err(unsupported_media_type(None)),
        }
    }

    /// The members of the body; an absent one is as good as an empty object.
    pub(crate) fn optional(&self) -> Result<Members<'_>, ApiError> {
        match &self.0 {
            Some(value) => Members::of(value, "request/body"),
            None => Ok(Members::none("request/body")),
        }
    }

    /// The body, whatever it is.
    pub(crate) fn into_value(self) -> Option<Value> {
        self.0
    }

    /// Whether there is no body.
    pub(crate) fn is_absent(&self) -> bool {
        self.0.is_none()
    }
}

impl<S> FromRequest<S> for JsonBody
where
    S: Send + Sync,
    BodyLimit: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let content = ContentType::of(&parts.headers);
        let bytes = read_body(body, &parts.headers, BodyLimit::from_ref(state)).await?;
        match (content, bytes.is_empty()) {
            (ContentType::None, true) => Ok(Self(None)),
            (ContentType::Json, true) => Ok(Self(Some(Value::Object(Map::new())))),
            (ContentType::Json, false) => {
                let value = parse_json(&bytes)?;
                let admission = parts.extensions.get::<Admission>();
                if let Some(caller) = admission.and_then(|admission| admission.caller.as_ref()) {
                    caller.audit().see_body(&value);
                }
                Ok(Self(Some(value)))
            }
            (ContentType::None, false) => Err(unsupported_media_type(None)),
            (ContentType::Other(name), _) => Err(unsupported_media_type(Some(&name))),
        }
    }
}

enum ContentType {
    None,
    Json,
    Other(String),
}

impl ContentType {
    fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Self::None };
        let value = String::from_utf8_lossy(value.as_bytes());
        let essence = value.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else {
            Self::Other(essence.to_owned())
        }
    }
}

/// All of a body, if it is not too large.
pub(crate) async fn read_body(body: Body, headers: &HeaderMap, limit: BodyLimit) -> Result<Bytes, ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    let too_large = ApiError::PayloadTooLarge { limit: limit.bytes, length: announced };
    if announced.is_some_and(|length| length > limit.bytes) {
        return Err(too_large);
    }
    let collected = tokio::time::timeout(limit.time, Limited::new(body, limit.bytes).collect()).await;
    match collected.map_err(|_| ApiError::RequestTimeout)? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large),
        Err(error) => Err(ApiError::Input(format!("the request body could not be read: {error}"))),
    }
}

/// The JSON value of a body.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::Input(format!("Malformed JSON in the request body: {error}")))
}

fn unsupported_media_type(given: Option<&str>) -> ApiError {
    ApiError::Input(format!("unsupported media type {}", given.unwrap_or("undefined")))
}
