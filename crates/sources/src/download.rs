//! What all reads over HTTP have in common.

use std::error::Error;

use bytes::{Bytes, BytesMut};
use callboard_sdk::ReadError;
use reqwest::header::{ETAG, LOCATION};
use reqwest::{Response, StatusCode};
use url::Url;

/// How many redirects of one read are followed.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// The body of an answer, if it is not larger than `limit` bytes. `url` is what was asked for.
pub(crate) async fn body(mut response: Response, url: &str, limit: usize) -> Result<Bytes, ReadError> {
    let too_large = || ReadError::Failed(format!("could not read {url}, it is larger than {limit} bytes"));
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(|error| unreadable(url, &error))? {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// What an answer's status means for a read.
pub(crate) fn check_status(response: &Response, url: &str) -> Result<(), ReadError> {
    let status = response.status();
    if status == StatusCode::NOT_MODIFIED {
        return Err(ReadError::NotModified);
    }
    if status.is_success() {
        return Ok(());
    }
    let message = format!("could not read {url}, {}", describe_status(status));
    Err(match status {
        StatusCode::NOT_FOUND => ReadError::NotFound(message),
        _ => ReadError::Failed(message),
    })
}

/// The `ETag` of an answer.
pub(crate) fn etag(response: &Response) -> Option<String> {
    let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok());
    etag.filter(|etag| !etag.is_empty()).map(str::to_owned)
}

/// Where an answer sends to, if it is a redirect.
pub(crate) fn redirect_target(response: &Response, from: &Url) -> Option<Url> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    from.join(location.to_str().ok()?).ok()
}

/// Ends a read that was sent on too often.
pub(crate) fn too_many_redirects(url: &str) -> ReadError {
    ReadError::Failed(format!("could not read {url}, more than {MAX_REDIRECTS} redirects"))
}

/// The message of a request that got no answer: `reqwest`'s own says little, the cause is further down.
pub(crate) fn unreadable(url: &str, error: &reqwest::Error) -> ReadError {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    ReadError::Failed(format!("Unable to read {url}, {cause}"))
}

fn describe_status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}
