//! Where the catalog's routes hang, and how paths are matched against them.
//!
//! Axum matches paths exactly. Clients of the catalog may write the fixed parts of a path in any letter case and end it
//! with a slash, so the path of a request is brought into its one exact form before axum sees it. Its route is known from
//! then on, to the layers as well.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

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

/// The routes there are, ready for finding the one of a path.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// By the number of parts of their patterns; those with fewer parameters first, since fixed parts win over parameters.
    by_parts: HashMap<usize, Vec<Route>>,
}

/// A route, as far as paths tell.
#[derive(Debug)]
pub(crate) struct Route {
    pattern: String,
    /// The pattern, split at slashes.
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    /// With its name.
    Parameter(String),
}

impl Routes {
    /// Takes patterns in axum's notation, such as `/locations/{id}`.
    pub(crate) fn new(patterns: &[String]) -> Self {
        let mut routes: Vec<Route> = patterns.iter().map(|pattern| Route::new(pattern)).collect();
        routes.sort_by_key(|route| route.segments.iter().filter(|segment| segment.is_parameter()).count());
        let mut by_parts: HashMap<usize, Vec<Route>> = HashMap::new();
        for route in routes {
            by_parts.entry(route.segments.len()).or_default().push(route);
        }
        Self { by_parts }
    }

    /// The route of a path, and the exact form of that.
    pub(crate) fn find<'a>(&self, path: &'a str) -> Option<(&Route, Cow<'a, str>)> {
        let parts = parts(path);
        let route =
            self.by_parts.get(&parts.clone().count())?.iter().find(|route| route.matches(parts.clone()))?;
        Some((route, route.exact(path)))
    }
}

impl Route {
    fn new(pattern: &str) -> Self {
        let segment = |part: &str| match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => Segment::Parameter(name.to_owned()),
            None => Segment::Literal(part.to_owned()),
        };
        Self { pattern: pattern.to_owned(), segments: pattern.split('/').map(segment).collect() }
    }

    /// Its pattern, as in the table of routes.
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Its pattern below the mount, if it is there.
    pub(crate) fn pattern_below_mount(&self) -> Option<&str> {
        self.pattern.strip_prefix(MOUNT_PATH)
    }

    /// The parameters in a path of this route, decoded; none at all if one of them cannot be.
    pub(crate) fn parameters<'a>(&'a self, path: &'a str) -> Vec<(&'a str, Cow<'a, str>)> {
        let named = self.segments.iter().zip(parts(path)).filter_map(|(segment, part)| match segment {
            Segment::Parameter(name) => Some((name.as_str(), part)),
            Segment::Literal(_) => None,
        });
        let decoded =
            named.map(|(name, part)| percent_decode_str(part).decode_utf8().map(|value| (name, value)));
        decoded.collect::<Result<_, _>>().unwrap_or_default()
    }

    fn matches<'a>(&self, parts: impl Iterator<Item = &'a str>) -> bool {
        self.segments.iter().zip(parts).all(|(segment, part)| match segment {
            Segment::Literal(literal) => literal.eq_ignore_ascii_case(part),
            Segment::Parameter(_) => !part.is_empty(),
        })
    }

    fn exact<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let is_exact = |(segment, part): (&Segment, &str)| match segment {
            Segment::Literal(literal) => literal == part,
            Segment::Parameter(_) => true,
        };
        if !path.ends_with('/') && self.segments.iter().zip(parts(path)).all(is_exact) {
            return Cow::Borrowed(path);
        }
        let mut exact = String::with_capacity(path.len());
        for (position, (segment, part)) in self.segments.iter().zip(parts(path)).enumerate() {
            if position > 0 {
                exact.push('/');
            }
            exact.push_str(match segment {
                Segment::Literal(literal) => literal,
                Segment::Parameter(_) => part,
            });
        }
        Cow::Owned(exact)
    }
}

/// What is between the slashes of a path, but for one at its end.
fn parts(path: &str) -> std::str::Split<'_, char> {
    path.strip_suffix('/').unwrap_or(path).split('/')
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
        matches!(self, Self::Parameter(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_exact() {
        let patterns =
            ["/api/catalog/locations/{id}", "/api/catalog/locations/by-query", "/api/catalog/entities"];
        let routes = Routes::new(&patterns.map(str::to_owned));
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
            let found = routes.find(path).map(|(_, exact)| exact);
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let routes = Routes::new(&["/by-name/{kind}/{name}".to_owned()]);
        let cases: [(&str, &[(&str, &str)]); 4] = [
            ("/by-name/api/cues", &[("kind", "api"), ("name", "cues")]),
            ("/BY-NAME/api/a%2Fb/", &[("kind", "api"), ("name", "a/b")]),
            ("/by-name/api/%C3%A4", &[("kind", "api"), ("name", "ä")]),
            ("/by-name/api/%C3", &[]),
        ];
        for (path, expected) in cases {
            let (route, _) = routes.find(path).unwrap();
            assert_eq!(route.pattern(), "/by-name/{kind}/{name}");
            let found = route.parameters(path);
            let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (*name, &**value)).collect();
            assert_eq!(found, expected, "{path}");
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
