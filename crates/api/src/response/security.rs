//! Headers that tell browsers to be careful.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use crate::layers::Next;
use crate::options::ApiOptions;

const FIXED: [(HeaderName, &str); 7] = [
    (header::STRICT_TRANSPORT_SECURITY, "max-age=15552000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_DNS_PREFETCH_CONTROL, "off"),
    (HeaderName::from_static("x-download-options"), "noopen"),
    (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
    (header::X_XSS_PROTECTION, "0"),
];

/// The headers, made once.
#[derive(Debug, Clone)]
pub(crate) struct SecurityHeaders(HeaderMap);

impl SecurityHeaders {
    pub(crate) fn new(options: &ApiOptions) -> Self {
        let mut headers: HeaderMap =
            FIXED.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        headers.insert(header::REFERRER_POLICY, options.referrer_policy.clone());
        if let Some(policy) = options.content_security_policy.header() {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        Self(headers)
    }
}

/// Adds the headers to a response, except those it has.
pub(crate) async fn add_security_headers(
    SecurityHeaders(security_headers): &SecurityHeaders,
    request: Request,
    next: impl Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // With room for the few that come after.
    headers.reserve(security_headers.len() + 4);
    for (name, value) in security_headers {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    response
}
