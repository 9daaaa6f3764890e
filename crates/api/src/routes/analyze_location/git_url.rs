//! Addresses of repositories, and of files in them.

use url::Url;

/// The path segments after which the place within a repository follows.
const PLACE_MARKERS: [&str; 6] = ["blob", "tree", "src", "raw", "edit", "blame"];

/// What the address of a repository tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitUrl {
    /// The host and a port that is not the usual one; none for addresses that only git reads.
    pub(crate) host: Option<String>,
    /// Who has the repository; empty if the address does not say. Nested groups are separated by slashes.
    pub(crate) owner: String,
    /// The repository; empty if the address does not say.
    pub(crate) name: String,
}

impl GitUrl {
    /// Reads `https://host/owner/name` with anything behind it, or `user@host:owner/name`.
    pub(crate) fn parse(address: &str) -> Option<Self> {
        let address = address.trim();
        if let Ok(url) = Url::parse(address) {
            let host = url.host_str()?;
            let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
            return Some(Self::of_path(Some(host), url.path()));
        }
        let (login, path) = address.split_once(':')?;
        let (user, host) = login.split_once('@')?;
        let is_word =
            |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '/');
        (is_word(user) && is_word(host)).then(|| Self::of_path(None, path))
    }

    fn of_path(host: Option<String>, path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        // Azure DevOps: organisation/project/_git/repository.
        if let Some(position) = segments.iter().position(|segment| *segment == "_git") {
            let name = segments.get(position + 1).copied().unwrap_or_default();
            let project = position.checked_sub(1).map_or(name, |before| segments[before]);
            return Self { host, owner: project.to_owned(), name: name.to_owned() };
        }
        let repository = &segments[..repository_length(&segments)];
        let (name, owner) =
            repository.split_last().map_or(("", [].as_slice()), |(name, owner)| (*name, owner));
        let name = name.strip_suffix(".git").unwrap_or(name);
        Self { host, owner: owner.join("/"), name: name.to_owned() }
    }
}

/// How many of the segments name the repository.
fn repository_length(segments: &[&str]) -> usize {
    let ends_here = |(position, segment): (usize, &&str)| {
        // GitLab separates the two explicitly; elsewhere a repository has an owner before it.
        position >= 2 && (*segment == "-" || PLACE_MARKERS.contains(segment))
    };
    segments.iter().enumerate().position(ends_here).unwrap_or(segments.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let cases = [
            ("https://github.com/acme/shop", Some(("github.com", "acme", "shop"))),
            ("https://github.com/acme/shop/", Some(("github.com", "acme", "shop"))),
            ("https://github.com/acme/shop.git", Some(("github.com", "acme", "shop"))),
            (
                "https://github.com/acme/shop/blob/main/catalog-info.yaml",
                Some(("github.com", "acme", "shop")),
            ),
            ("https://github.com/acme/tree/tree/main/sub", Some(("github.com", "acme", "tree"))),
            ("https://gitlab.com/acme/group/shop", Some(("gitlab.com", "acme/group", "shop"))),
            ("https://gitlab.com/acme/shop/-/blob/main/x.yaml", Some(("gitlab.com", "acme", "shop"))),
            ("https://bitbucket.org/acme/shop/src/main/x.yaml", Some(("bitbucket.org", "acme", "shop"))),
            ("https://dev.azure.com/acme/project/_git/shop", Some(("dev.azure.com", "project", "shop"))),
            ("https://git.acme.test:8443/acme/shop", Some(("git.acme.test:8443", "acme", "shop"))),
            ("https://acme.test", Some(("acme.test", "", ""))),
            ("git@github.com:acme/shop.git", Some(("", "acme", "shop"))),
            ("not a url", None),
            ("", None),
            ("/tmp/x", None),
        ];
        for (address, expected) in cases {
            let parsed = GitUrl::parse(address);
            let parts = parsed
                .as_ref()
                .map(|url| (url.host.as_deref().unwrap_or_default(), url.owner.as_str(), url.name.as_str()));
            assert_eq!(parts, expected, "{address}");
        }
    }
}
