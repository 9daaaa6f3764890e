//! Headers that tell browsers to be careful.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

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
        // With room for those of a response, which a copy has, too.
        let mut headers = HeaderMap::with_capacity(FIXED.len() + 12);
        headers.extend(FIXED.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))));
        headers.insert(header::REFERRER_POLICY, options.referrer_policy.clone());
        if let Some(policy) = options.content_security_policy.header() {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        Self(headers)
    }

    /// Adds them to a response, except those it has. There are fewer of those, and they are added to the others.
    pub(crate) fn add_to(&self, response: &mut Response) {
        let own = std::mem::replace(response.headers_mut(), self.0.clone());
        response.headers_mut().extend(own);
    }
}
