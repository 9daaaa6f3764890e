//! Conditional requests: `304 Not Modified` where the client has the answer already.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

/// The entity tags that a request names in `If-None-Match`.
pub(crate) struct KnownTags(Option<HeaderValue>);

impl KnownTags {
    /// Those of a request that reads.
    pub(crate) fn of(request: &Request) -> Self {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        Self(is_read.then(|| known_tags(request.headers())).flatten())
    }

    /// Empties a response whose tag is one of them.
    pub(crate) fn spare(&self, response: &mut Response) {
        let Some(known_tags) = &self.0 else { return };
        let is_known = response.headers().get(header::ETAG).is_some_and(|tag| matches(known_tags, tag));
        if !response.status().is_success() || !is_known {
            return;
        }
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            response.headers_mut().remove(name);
        }
    }
}

/// `If-None-Match`, unless the client insists on an answer.
fn known_tags(headers: &HeaderMap) -> Option<HeaderValue> {
    let cache_control = headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let insists = cache_control.is_some_and(|value| {
        value.split(',').any(|directive| directive.trim().eq_ignore_ascii_case("no-cache"))
    });
    if insists { None } else { headers.get(header::IF_NONE_MATCH).cloned() }
}

/// Weak comparison: `W/` makes no difference.
fn matches(known_tags: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known_tags), Ok(tag)) = (known_tags.to_str(), tag.to_str()) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known_tags.trim() == "*" || known_tags.split(',').any(|known| opaque(known) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let tag = HeaderValue::from_static("W/\"2-abc\"");
        let cases = [
            ("W/\"2-abc\"", true),
            ("\"2-abc\"", true),
            ("*", true),
            ("\"x\", W/\"2-abc\"", true),
            ("\"x\"", false),
            ("", false),
        ];
        for (known, expected) in cases {
            assert_eq!(matches(&HeaderValue::from_static(known), &tag), expected, "{known}");
        }
    }
}
