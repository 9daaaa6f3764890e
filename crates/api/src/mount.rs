//! Where the catalog's routes hang, and how paths are matched against them.
//!
//! Axum matches paths exactly. Clients of the catalog may write the fixed parts of a path in any letter case and end it
//! with a slash, so the path of a request is brought into its one exact form before it is routed.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// The path that all catalog routes begin with.
pub(crate) const MOUNT_PATH: &str = "/api/catalog";

/// Where the server's public keys are, below the mount. Whoever verifies its tokens has none of its own yet.
pub(crate) const JWKS_PATH: &str = "/.backstage/auth/v1/jwks.json";

/// Whether a path is a health check.
pub(crate) fn is_health_check(path: &str) -> bool {
    is_below(path, "/.backstage/health")
}

/// Whether a path is this folder or in it, in any letter case.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    path.get(..folder.len()).is_some_and(|start| start.eq_ignore_ascii_case(folder))
        && matches!(path.as_bytes().get(folder.len()), None | Some(b'/'))
}

/// Whether a path, in its exact form if it has one, is only for callers that are let in, and only while the catalog
/// is up: all below the mount but the public keys.
pub(crate) fn is_guarded(path: &str) -> bool {
    is_below(path, MOUNT_PATH) && path.get(MOUNT_PATH.len()..) != Some(JWKS_PATH)
}

/// The path and query of a request, relative to the mount, as received.
pub(crate) fn relative_url(uri: &Uri) -> String {
    let full = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let relative = match full.get(..MOUNT_PATH.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(MOUNT_PATH) => &full[MOUNT_PATH.len()..],
        _ => full,
    };
    if relative.starts_with('/') { relative.to_owned() } else { format!("/{relative}") }
}

/// The route patterns there are, ready for bringing paths into their exact form.
#[derive(Debug, Clone, Default)]
pub(crate) struct PathPatterns {
    /// Split at slashes, by the number of parts; those with fewer parameters first, since fixed parts win over
    /// parameters.
    patterns: HashMap<usize, Vec<Vec<Segment>>>,
}

#[derive(Debug, Clone)]
enum Segment {
    Literal(String),
    Parameter,
}

impl PathPatterns {
    /// Takes patterns in axum's notation, such as `/locations/{id}`.
    pub(crate) fn new(patterns: &[String]) -> Self {
        let mut split: Vec<Vec<Segment>> = patterns.iter().map(|pattern| split_pattern(pattern)).collect();
        split.sort_by_key(|segments| segments.iter().filter(|segment| segment.is_parameter()).count());
        let mut patterns: HashMap<usize, Vec<Vec<Segment>>> = HashMap::new();
        for segments in split {
            patterns.entry(segments.len()).or_default().push(segments);
        }
        Self { patterns }
    }

    /// The exact form of a path; none if no route has it.
    pub(crate) fn exact<'a>(&self, path: &'a str) -> Option<Cow<'a, str>> {
        let stripped = path.strip_suffix('/').unwrap_or(path);
        let parts: Vec<&str> = stripped.split('/').collect();
        let pattern = self.patterns.get(&parts.len())?.iter().find(|pattern| matches(pattern, &parts))?;
        let is_exact = |(segment, part): (&Segment, &&str)| match segment {
            Segment::Literal(literal) => literal == part,
            Segment::Parameter => true,
        };
        if stripped.len() == path.len() && pattern.iter().zip(&parts).all(is_exact) {
            return Some(Cow::Borrowed(path));
        }
        let mut exact = String::with_capacity(path.len());
        for (position, (segment, part)) in pattern.iter().zip(&parts).enumerate() {
            if position > 0 {
                exact.push('/');
            }
            exact.push_str(match segment {
                Segment::Literal(literal) => literal,
                Segment::Parameter => part,
            });
        }
        Some(Cow::Owned(exact))
    }
}

/// The same address with another path.
pub(crate) fn with_path(uri: &Uri, path: &str) -> Result<Uri, axum::http::Error> {
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse()?);
    Ok(Uri::from_parts(parts)?)
}

impl Segment {
    fn is_parameter(&self) -> bool {
        matches!(self, Self::Parameter)
    }
}

fn split_pattern(pattern: &str) -> Vec<Segment> {
    let segment = |part: &str| {
        if part.starts_with('{') { Segment::Parameter } else { Segment::Literal(part.to_owned()) }
    };
    pattern.split('/').map(segment).collect()
}

fn matches(pattern: &[Segment], parts: &[&str]) -> bool {
    pattern.iter().zip(parts).all(|(segment, part)| match segment {
        Segment::Literal(literal) => literal.eq_ignore_ascii_case(part),
        Segment::Parameter => !part.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_exact() {
        let patterns =
            ["/api/catalog/locations/{id}", "/api/catalog/locations/by-query", "/api/catalog/entities"];
        let patterns = PathPatterns::new(&patterns.map(str::to_owned));
        let cases = [
            ("/api/catalog/entities", Some("/api/catalog/entities")),
            ("/api/catalog/ENTITIES", Some("/api/catalog/entities")),
            ("/API/catalog/entities/", Some("/api/catalog/entities")),
            ("/api/catalog/entities//", None),
            ("/api/catalog/Locations/ABC%2fd/", Some("/api/catalog/locations/ABC%2fd")),
            ("/api/catalog/locations/BY-QUERY", Some("/api/catalog/locations/by-query")),
            ("/api/catalog/locations//", None),
            ("/api/catalog/nope", None),
            ("/", None),
        ];
        for (path, expected) in cases {
            assert_eq!(patterns.exact(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_guarded() {
        let cases = [
            ("/api/catalog", true),
            ("/api/catalog/", true),
            ("/API/Catalog/nope", true),
            ("/api/catalog/entities", true),
            ("/api/catalog/.backstage/auth/v1/jwks.json", false),
            ("/api/catalog/.backstage/auth/v1/jwks.json/x", true),
            ("/api/catalogue", false),
            ("/api/search", false),
            ("/.backstage/health/v1/liveness", false),
            ("/", false),
        ];
        for (path, expected) in cases {
            assert_eq!(is_guarded(path), expected, "{path}");
        }
    }

    #[test]
    fn urls_are_relative_to_the_mount() {
        let cases = [
            ("/api/catalog/entities?filter=a%20b", "/entities?filter=a%20b"),
            ("/API/Catalog/Entities/", "/Entities/"),
            ("/api/catalog?x=1", "/?x=1"),
            ("/api/catalog", "/"),
            ("/other", "/other"),
        ];
        for (url, expected) in cases {
            assert_eq!(relative_url(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
