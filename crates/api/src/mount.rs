//! Where the catalog's routes hang, and what holds for all that is there.

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

/// Whether a path that has no route, or the pattern of one that has, is only for callers that are let in, and only while
/// the catalog is up: all below the mount but the public keys.
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

#[cfg(test)]
mod tests {
    use super::*;

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
