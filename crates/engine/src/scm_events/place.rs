//! URLs of files, folders and repositories, and which is in which.

use url::Url;

/// Words between a repository and a ref, which name the same file or folder.
const MARKERS: [&str; 4] = ["blob", "tree", "raw", "edit"];

/// Where something is on a source code host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    url: Url,
    segments: Vec<String>,
    /// Some hosts have the path of a file in the query.
    path: Option<String>,
}

impl Place {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(Url::has_host)?;
        let mut segments: Vec<String> = url.path_segments()?.map(str::to_owned).collect();
        if segments.last().is_some_and(String::is_empty) {
            segments.pop();
        }
        if let Some(marker) = segments.iter_mut().skip(2).find(|segment| MARKERS.contains(&segment.as_str()))
        {
            "tree".clone_into(marker);
        }
        let path = url.query_pairs().find(|(key, _)| key == "path");
        let path = path.map(|(_, path)| path.trim_matches('/').to_owned());
        Some(Self { url, segments, path })
    }

    /// Whether another place is this one, or in it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        let is_same_host = self.url.scheme() == other.url.scheme()
            && self.url.host() == other.url.host()
            && self.url.port_or_known_default() == other.url.port_or_known_default();
        is_same_host
            && other.segments.starts_with(&self.segments)
            && self.path.as_ref().is_none_or(|folder| {
                other.path.as_ref().is_some_and(|path| {
                    path.strip_prefix(folder.as_str())
                        .is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
                })
            })
    }

    /// The URL of something in this place after the place has moved to another.
    pub(crate) fn moved(&self, inner: &Self, to: &Self) -> Option<String> {
        if !self.contains(inner) || self.path.is_some() {
            return None;
        }
        let written: Vec<&str> = inner.url.path_segments()?.collect();
        let rest = written.get(self.segments.len()..)?.join("/");
        let mut url = inner.url.clone();
        url.set_scheme(to.url.scheme()).ok()?;
        url.set_host(to.url.host_str()).ok()?;
        url.set_port(to.url.port()).ok()?;
        let to = to.url.path().trim_end_matches('/');
        url.set_path(&if rest.is_empty() { to.to_owned() } else { format!("{to}/{rest}") });
        Some(url.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    fn place(text: &str) -> Place {
        Place::parse(text).unwrap()
    }

    #[test]
    fn what_is_in_what() {
        let cases = [
            ("https://github.com/o/r", "https://github.com/o/r/blob/main/a.yaml", true),
            ("https://github.com/o/r/", "https://github.com/o/r", true),
            ("https://github.com/o/r", "https://github.com/o/r2/blob/main/a.yaml", false),
            ("https://github.com/o/r", "https://github.com/O/r/blob/main/a.yaml", false),
            ("https://github.com/o/r", "https://GitHub.com:443/o/r/blob/main/a.yaml", true),
            ("https://github.com/o/r", "https://github.com:8443/o/r/blob/main/a.yaml", false),
            ("https://github.com/o/r", "http://github.com/o/r/blob/main/a.yaml", false),
            ("https://github.com/o/r/tree/main/x", "https://github.com/o/r/blob/main/x/a.yaml", true),
            ("https://github.com/o/r/tree/main/x", "https://github.com/o/r/blob/main/xy/a.yaml", false),
            ("https://github.com/o/r/tree/main", "https://github.com/o/r/blob/other/a.yaml", false),
            ("https://gitlab.com/g/s/r", "https://gitlab.com/g/s/r/-/blob/main/a.yaml", true),
            ("https://dev.azure.com/o/p/_git/r", "https://dev.azure.com/o/p/_git/r?path=/a.yaml", true),
            ("https://dev.azure.com/o/p/_git/r?path=/x", "https://dev.azure.com/o/p/_git/r?path=/x/a", true),
            ("https://dev.azure.com/o/p/_git/r?path=/x", "https://dev.azure.com/o/p/_git/r?path=/xy", false),
            ("https://dev.azure.com/o/p/_git/r?path=/x", "https://dev.azure.com/o/p/_git/r", false),
        ];
        for (outer, inner, expected) in cases {
            assert_eq!(place(outer).contains(&place(inner)), expected, "{inner} in {outer}");
        }
        for no_place in ["", "a/b", "mailto:a@b", "https://"] {
            assert_eq!(Place::parse(no_place), None, "{no_place}");
        }
    }

    #[test]
    fn what_moves_with_it() {
        let (from, to) = (place("https://github.com/o/r"), place("https://github.com/p/q/"));
        let moved = |url: &str| from.moved(&place(url), &to);
        assert_eq!(
            moved("https://github.com/o/r/blob/main/a%20b.yaml?x=1"),
            Some("https://github.com/p/q/blob/main/a%20b.yaml?x=1".to_owned())
        );
        assert_eq!(moved("https://github.com/o/r"), Some("https://github.com/p/q".to_owned()));
        assert_eq!(moved("https://github.com/o/other/blob/main/a.yaml"), None);
        let (from, to) = (place("https://one:8443/o/r"), place("https://two/o/r"));
        assert_eq!(from.moved(&place("https://one:8443/o/r/x"), &to), Some("https://two/o/r/x".to_owned()));
    }
}
