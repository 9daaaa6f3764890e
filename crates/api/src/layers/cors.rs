//! Which pages of other origins may call: the CORS headers, as the reference's library sets them.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// What browsers are told about pages of other origins.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Whose pages may call.
    pub origins: OriginPatterns,
    /// The methods a preflight names, with commas between them.
    pub methods: HeaderValue,
    /// The request headers a preflight names; those that it asks for if nothing is said.
    pub allowed_headers: Option<HeaderValue>,
    /// The response headers that scripts may read.
    pub exposed_headers: Option<HeaderValue>,
    /// Whether cookies and authorization may be sent along.
    pub credentials: bool,
    /// For how many seconds the answer to a preflight holds.
    pub max_age: Option<u64>,
    /// The status of that answer, or nothing to let routes answer.
    pub preflight_status: Option<StatusCode>,
}

impl Cors {
    /// The methods that are named if nobody says others.
    pub const METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
}

/// Patterns of origins. `*` and `?` do not stand for a slash, `{a,b}` is one or the other, and case does not matter.
#[derive(Debug, Clone)]
pub struct OriginPatterns(GlobSet);

impl OriginPatterns {
    /// Takes the patterns.
    ///
    /// # Errors
    ///
    /// One of them is no pattern.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(GlobBuilder::new(pattern).case_insensitive(true).literal_separator(true).build()?);
        }
        Ok(Self(set.build()?))
    }

    fn contain(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.0.is_match(origin))
    }
}

/// What the headers of an answer depend on.
pub(crate) struct CrossOrigin<'a> {
    cors: &'a Cors,
    /// That of the page that calls, if it may.
    origin: Option<HeaderValue>,
    asked_headers: Option<HeaderValue>,
    is_preflight: bool,
}

impl Cors {
    /// Looks at a request.
    pub(crate) fn look_at(&self, request: &Request) -> CrossOrigin<'_> {
        let headers = request.headers();
        CrossOrigin {
            cors: self,
            origin: headers.get(header::ORIGIN).filter(|origin| self.origins.contain(origin)).cloned(),
            asked_headers: headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned(),
            is_preflight: *request.method() == Method::OPTIONS,
        }
    }
}

impl CrossOrigin<'_> {
    /// The answer to the preflight of a page that may call, unless routes answer those.
    pub(crate) fn preflight_answer(&self) -> Option<Response> {
        let status = self.cors.preflight_status.filter(|_| self.is_preflight && self.origin.is_some())?;
        Some((status, [(header::CONTENT_LENGTH, HeaderValue::from_static("0"))]).into_response())
    }

    /// Adds the headers to an answer.
    pub(crate) fn share(self, response: &mut Response) {
        let Self { cors, origin, asked_headers, is_preflight } = self;
        let headers = response.headers_mut();
        // Also where there are no others: a cache must not give that answer to a page that may call.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        let mut insert = |name: HeaderName, value: Option<HeaderValue>| {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        };
        insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, Some(origin));
        let credentials = cors.credentials.then(|| HeaderValue::from_static("true"));
        insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
        insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, cors.exposed_headers.clone());
        if is_preflight {
            insert(header::ACCESS_CONTROL_ALLOW_METHODS, Some(cors.methods.clone()));
            insert(header::ACCESS_CONTROL_MAX_AGE, cors.max_age.map(HeaderValue::from));
            let echoed = cors.allowed_headers.is_none();
            insert(header::ACCESS_CONTROL_ALLOW_HEADERS, cors.allowed_headers.clone().or(asked_headers));
            if echoed {
                headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_match_patterns() {
        let cases = [
            ("http://localhost:3000", "http://localhost:3000", true),
            ("http://localhost:3000", "http://LOCALHOST:3000", true),
            ("http://localhost:3000", "http://localhost:3001", false),
            ("http://localhost:3000", "http://localhost:3000.evil.example", false),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://evil.example/x.example.com", false),
            ("http://localhost:*", "http://localhost:80", true),
            ("https://{a,b}.example", "https://b.example", true),
        ];
        for (pattern, origin, expected) in cases {
            let patterns = OriginPatterns::new([pattern]).unwrap();
            assert_eq!(patterns.contain(&HeaderValue::from_static(origin)), expected, "{pattern} {origin}");
        }
    }
}
