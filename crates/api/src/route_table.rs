//! The routes there are, and finding the one of a path.

use std::borrow::Cow;
use std::sync::Arc;

use crate::audit::EventKinds;
use crate::handlers::Handlers;
use crate::layers::RouteMeters;
use crate::mount::{self, MOUNT_PATH};
use crate::pattern::{PathPattern, without_last_slash};

/// The routes there are.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// By the number of slashes in their patterns; those with fewer parameters first, since fixed parts win over parameters.
    by_slashes: Vec<Vec<Arc<Route>>>,
}

/// A route, and what is known of its requests before there is one.
#[derive(Debug)]
pub(crate) struct Route {
    pattern: PathPattern,
    is_guarded: bool,
    /// What its requests are called in the audit log.
    pub(crate) event_kinds: EventKinds,
    pub(crate) meters: RouteMeters,
    pub(crate) handlers: Handlers,
}

impl Routes {
    /// Takes patterns such as `/locations/{id}`, with what is there.
    pub(crate) fn new(routes: impl IntoIterator<Item = (String, Handlers)>) -> Self {
        let mut by_slashes: Vec<Vec<Arc<Route>>> = Vec::new();
        for (pattern, handlers) in routes {
            let slashes = slashes(&pattern);
            if by_slashes.len() <= slashes {
                by_slashes.resize_with(slashes + 1, Vec::new);
            }
            by_slashes[slashes].push(Arc::new(Route::new(&pattern, handlers)));
        }
        for routes in &mut by_slashes {
            routes.sort_by_key(|route| route.pattern.parameter_count());
        }
        Self { by_slashes }
    }

    /// The route of a path.
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<Route>> {
        let path = without_last_slash(path);
        self.by_slashes.get(slashes(path))?.iter().find(|route| route.pattern.matches(path))
    }
}

impl Route {
    fn new(pattern: &str, handlers: Handlers) -> Self {
        Self {
            pattern: PathPattern::new(pattern),
            is_guarded: mount::is_guarded(pattern),
            event_kinds: EventKinds::of(pattern.strip_prefix(MOUNT_PATH)),
            meters: RouteMeters::default(),
            handlers,
        }
    }

    pub(crate) fn pattern(&self) -> &PathPattern {
        &self.pattern
    }

    /// Its pattern below the mount, if it is there.
    pub(crate) fn pattern_below_mount(&self) -> Option<&str> {
        self.pattern.as_str().strip_prefix(MOUNT_PATH)
    }

    /// Whether it is only for callers that are let in, and only while the catalog is up.
    pub(crate) fn is_guarded(&self) -> bool {
        self.is_guarded
    }

    /// The parameters in a path of this route, decoded; none at all if one of them cannot be.
    pub(crate) fn parameters<'a>(&'a self, path: &'a str) -> Vec<(&'a str, Cow<'a, str>)> {
        let decoded = self.pattern.parameters(path).map(|(name, value)| Ok((name, value.decode()?)));
        decoded.collect::<Result<_, std::str::Utf8Error>>().unwrap_or_default()
    }
}

fn slashes(path: &str) -> usize {
    path.bytes().filter(|byte| *byte == b'/').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[&str]) -> Routes {
        Routes::new(patterns.iter().map(|pattern| ((*pattern).to_owned(), Handlers::default())))
    }

    #[test]
    fn fixed_parts_of_paths_take_any_case_and_win_over_parameters() {
        let routes = routes(&[
            "/api/catalog/locations/{id}",
            "/api/catalog/locations/by-query",
            "/api/catalog/entities",
            "/api/catalog/tasks/{id}/trigger",
            "/api/catalog/tasks/{id}/cancel",
        ]);
        let cases = [
            ("/api/catalog/entities", Some("/api/catalog/entities")),
            ("/api/catalog/ENTITIES", Some("/api/catalog/entities")),
            ("/API/catalog/entities/", Some("/api/catalog/entities")),
            ("/api/catalog/entities//", None),
            ("/api/catalog/entitiesx", None),
            ("/api/catalog/entitie", None),
            ("/api/catalog/Locations/ABC%2fd/", Some("/api/catalog/locations/{id}")),
            ("/api/catalog/locations/BY-QUERY", Some("/api/catalog/locations/by-query")),
            ("/api/catalog/locations/by-query/", Some("/api/catalog/locations/by-query")),
            ("/api/catalog/locations/by-queryx", Some("/api/catalog/locations/{id}")),
            ("/api/catalog/locations/", None),
            ("/api/catalog/locations//", None),
            ("/api/catalog/locations/x/y", None),
            ("/api/catalog/tasks/x/Cancel/", Some("/api/catalog/tasks/{id}/cancel")),
            ("/api/catalog/tasks/x/cancels", None),
            ("/api/catalog/tasks//cancel", None),
            ("/api/catalog/nope", None),
            ("/", None),
            ("", None),
        ];
        for (path, expected) in cases {
            let found = routes.find(path).map(|route| route.pattern().as_str());
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let routes = routes(&["/by-name/{kind}/{name}"]);
        let cases: [(&str, &[(&str, &str)]); 4] = [
            ("/by-name/api/cues", &[("kind", "api"), ("name", "cues")]),
            ("/BY-NAME/api/a%2Fb/", &[("kind", "api"), ("name", "a/b")]),
            ("/by-name/api/%C3%A4", &[("kind", "api"), ("name", "ä")]),
            ("/by-name/api/%C3", &[]),
        ];
        for (path, expected) in cases {
            let route = routes.find(path).unwrap();
            let found = route.parameters(path);
            let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (*name, &**value)).collect();
            assert_eq!(found, expected, "{path}");
        }
    }
}
