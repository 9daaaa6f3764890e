use percent_encoding::percent_decode_str;
use url::Url;

use crate::allow::climbs;
use crate::known_hosts::{HostKind, KnownHosts, host_and_port};
use crate::resolve::ResolveError;

/// What follows the name of the repository in most hosts' URLs, and has the ref and the path behind it.
const MARKERS: [&str; 5] = ["raw", "src", "blob", "tree", "edit"];

/// A file in a repository, as a URL names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFile {
    /// The host, with the port if it is in the URL.
    pub host: String,
    /// Owner and name, or whatever it takes to tell repositories of one host apart.
    pub repository: String,
    /// From the root of the repository, decoded, without a slash at the beginning.
    pub path: String,
    /// The path of the URL up to the root of the repository, without the last slash. Empty where the file is not
    /// part of the URL's path.
    pub(crate) root: String,
}

impl RepositoryFile {
    /// Takes a URL apart. On hosts that are not known, the common shape `…/blob/REF/PATH` is understood; a URL
    /// that names no file in a repository gives `None`.
    ///
    /// # Errors
    ///
    /// [`ResolveError::Climbs`]: the path has `.` or `..` segments hidden in it.
    pub fn parse(url: &Url, hosts: &KnownHosts) -> Result<Option<Self>, ResolveError> {
        let Some(host) = host_and_port(url) else { return Ok(None) };
        let parts = match hosts.kind_of(url) {
            Some(HostKind::Azure) => azure(url),
            Some(HostKind::BitbucketServer) => bitbucket_server(url.path()),
            Some(HostKind::GitHub | HostKind::BitbucketCloud) => marked(url.path(), FixedOwner::Yes),
            Some(HostKind::GitLab) | None => marked(url.path(), FixedOwner::No),
        };
        let Some(Parts { repository, root, path }) = parts else { return Ok(None) };
        if climbs(&path) {
            return Err(ResolveError::Climbs(url.to_string()));
        }
        let path = percent_decode_str(&path).decode_utf8_lossy().into_owned();
        Ok(Some(Self { host, repository, path, root }))
    }
}

/// Whether two URLs may refer to each other's files: not if they name files of different repositories. URLs that
/// name no file in a repository are not held to that.
///
/// # Errors
///
/// [`ResolveError`]: one of them is not a URL, or its path climbs.
pub fn same_repository(one: &str, other: &str, hosts: &KnownHosts) -> Result<bool, ResolveError> {
    let parse = |text: &str| {
        let url = Url::parse(text).map_err(|_| ResolveError::NotAUrl(text.to_owned()))?;
        RepositoryFile::parse(&url, hosts)
    };
    match (parse(one)?, parse(other)?) {
        (Some(one), Some(other)) => Ok(one.host == other.host && one.repository == other.repository),
        _ => Ok(true),
    }
}

struct Parts {
    repository: String,
    root: String,
    path: String,
}

/// Whether the owner is always one segment, or there may be groups within groups.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FixedOwner {
    Yes,
    No,
}

/// `/OWNER/REPO/blob/REF/PATH` and `/GROUP/…/REPO/-/blob/REF/PATH`.
fn marked(path: &str, owner: FixedOwner) -> Option<Parts> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is_marker = |index: usize| segments.get(index).is_some_and(|segment| MARKERS.contains(segment));
    let is_dash = |index: usize| segments.get(index) == Some(&"-");
    let candidates = match owner {
        FixedOwner::Yes => 2..3,
        FixedOwner::No => 2..segments.len(),
    };
    // The dash is certain where there is one: a repository may well be called `src`.
    let dash = candidates.clone().find(|&index| is_dash(index) && is_marker(index + 1));
    let (repository_end, marker) = match dash {
        Some(dash) => (dash, dash + 1),
        None => candidates.clone().find(|&index| is_marker(index)).map(|index| (index, index))?,
    };
    let root_end = marker + 2;
    let file = segments.get(root_end..)?.join("/");
    (!file.is_empty()).then(|| Parts {
        repository: segments[..repository_end].join("/"),
        root: format!("/{}", segments[..root_end].join("/")),
        path: file,
    })
}

/// `/projects/PROJECT/repos/REPO/browse/PATH`, also for users and for raw files; below a context path, if any.
fn bitbucket_server(path: &str) -> Option<Parts> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let start = segments.iter().position(|segment| matches!(*segment, "projects" | "users"))?;
    let [owner_kind, owner, "repos", name, "browse" | "raw", file @ ..] = segments.get(start..)? else {
        return None;
    };
    let root_end = start + 5;
    (!file.concat().is_empty()).then(|| Parts {
        repository: format!("{owner_kind}/{owner}/{name}"),
        root: format!("/{}", segments[..root_end].join("/")),
        path: file.join("/"),
    })
}

/// `/ORG/PROJECT/_git/REPO?path=PATH`: the file is in the query.
fn azure(url: &Url) -> Option<Parts> {
    let repository = url.path().trim_matches('/');
    let segments: Vec<&str> = repository.split('/').collect();
    let git = segments.iter().position(|segment| *segment == "_git")?;
    if git == 0 || segments.len() != git + 2 {
        return None;
    }
    let path = url.query_pairs().find(|(key, _)| key == "path")?.1;
    Some(Parts {
        repository: repository.to_owned(),
        root: String::new(),
        path: path.trim_start_matches('/').to_owned(),
    })
}
