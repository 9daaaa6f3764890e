//! Which pages of other origins may call: the CORS headers, as the reference's library sets them.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::next::Next;

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

/// Adds the headers for pages of the origins that may call, and answers their preflights.
pub(crate) async fn share_with_origins(cors: Option<&Cors>, request: Request, next: impl Next) -> Response {
    let Some(cors) = cors else { return next.run(request).await };
    let origin = request.headers().get(header::ORIGIN).filter(|origin| cors.origins.contain(origin)).cloned();
    let Some(origin) = origin else {
        let mut response = next.run(request).await;
        // A cache must not give this answer to a page that may call.
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
        return response;
    };
    let asked_headers = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let is_preflight = *request.method() == Method::OPTIONS;
    let mut response = match cors.preflight_status {
        Some(status) if is_preflight => {
            (status, [(header::CONTENT_LENGTH, HeaderValue::from_static("0"))]).into_response()
        }
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
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
    response
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
