use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

use crate::known_hosts::{HostKind, KnownHosts};
use crate::repository::RepositoryFile;

/// Why a target could not be made absolute.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// Nothing can be relative to it.
    #[error("'{0}' is not a URL")]
    NotAUrl(String),
    /// Targets that begin with a slash start at the root of a repository.
    #[error("'{target}' starts at the root of a repository, but '{base}' is not known to be in one")]
    NoRepository {
        /// As it was written.
        target: String,
        /// Where it was written.
        base: String,
    },
    /// `.` and `..` were hidden in the path of a repository's file.
    #[error("'{0}' has path segments that climb")]
    Climbs(String),
}

/// Makes `target`, as written in a file at `base`, absolute.
///
/// | target | becomes |
/// | --- | --- |
/// | a URL | itself |
/// | begins with `/` | a file at the root of the repository that `base` is in |
/// | anything else | what URLs make of it: relative to the folder of `base` |
///
/// The query of the base is kept, since some hosts have the ref there; Azure has the path there too. On GitHub
/// the result says `/tree/`, which serves for files and folders alike.
///
/// # Errors
///
/// [`ResolveError`].
pub fn resolve(target: &str, base: &str, hosts: &KnownHosts) -> Result<String, ResolveError> {
    let base = Url::parse(base).map_err(|_| ResolveError::NotAUrl(base.to_owned()))?;
    let kind = hosts.kind_of(&base);
    if let Ok(absolute) = Url::parse(target) {
        let on_github = kind == Some(HostKind::GitHub) && hosts.kind_of(&absolute) == kind;
        return Ok(if on_github { as_tree(absolute).into() } else { target.to_owned() });
    }
    let file = RepositoryFile::parse(&base, hosts);
    let resolved = match (kind, &file) {
        (Some(HostKind::Azure), Ok(Some(file))) => in_query(target, &base, file),
        _ if target.starts_with('/') => from_root(target, &base, file?)?,
        _ => from_folder(target, &base)?,
    };
    Ok(if kind == Some(HostKind::GitHub) { as_tree(resolved) } else { resolved }.into())
}

fn from_folder(target: &str, base: &Url) -> Result<Url, ResolveError> {
    let mut resolved = base.join(target).map_err(|_| ResolveError::NotAUrl(base.to_string()))?;
    resolved.set_query(base.query());
    Ok(resolved)
}

fn from_root(target: &str, base: &Url, file: Option<RepositoryFile>) -> Result<Url, ResolveError> {
    let Some(RepositoryFile { root, .. }) = file else {
        return Err(ResolveError::NoRepository { target: target.to_owned(), base: base.to_string() });
    };
    let mut root_folder = base.clone();
    root_folder.set_path(&format!("{root}/"));
    // The dot keeps `/https://…` and `//host/…` what they are: paths.
    let relative = format!("./{}", target.trim_start_matches('/'));
    let mut resolved = root_folder.join(&relative).map_err(|_| ResolveError::NotAUrl(base.to_string()))?;
    resolved.set_query(base.query());
    Ok(resolved)
}

fn in_query(target: &str, base: &Url, file: &RepositoryFile) -> Url {
    let path = join_paths(&file.path, target);
    let others: Vec<(String, String)> =
        base.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let mut resolved = base.clone();
    resolved.set_fragment(None);
    let mut query = resolved.query_pairs_mut();
    query.clear();
    for (key, value) in &others {
        query.append_pair(key, if key == "path" { &path } else { value });
    }
    drop(query);
    resolved
}

/// Joins as URLs do: dot segments go, and never lead above the root.
fn join_paths(base: &str, target: &str) -> String {
    let mut segments: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => base.split('/').collect(),
    };
    segments.pop();
    let decoded = percent_decode_str(target).decode_utf8_lossy();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    format!("/{}", segments.join("/"))
}

fn as_tree(mut url: Url) -> Url {
    let mut segments: Vec<&str> = url.path().split('/').collect();
    // The first one is empty: a path begins with a slash.
    if let [_, _, _, marker @ ("blob" | "edit"), _, ..] = segments.as_mut_slice() {
        *marker = "tree";
        let path = segments.join("/");
        url.set_path(&path);
    }
    url
}
