use callboard_sdk::ScmFile;
use url::Url;

use crate::known_hosts::{HostKind, KnownHosts};
use crate::repository::RepositoryFile;
use crate::resolve::resolve;

/// What the URL of a file says to people, on a host whose kind is known: where to edit it, which folder it is in,
/// which repository.
///
/// | host | edit URL |
/// | --- | --- |
/// | GitHub | `/edit/` in place of `/blob/` or `/tree/` |
/// | GitLab | `/-/edit/` in place of `/-/blob/` or `/-/tree/` |
/// | Bitbucket Cloud | the same, with `mode=edit` and `at=REF` |
/// | Azure, Bitbucket Server | the same: they have no page for it |
pub(crate) fn scm_file(text: &str, hosts: &KnownHosts) -> Option<ScmFile> {
    let url = Url::parse(text).ok()?;
    let kind = hosts.kind_of(&url)?;
    let repository = match RepositoryFile::parse(&url, hosts) {
        Ok(file) => file.map(|file| format!("{}/{}", file.host, file.repository)),
        // Where a path that climbs leads is not known, so it is no repository's but its own.
        Err(_) => Some(text.to_owned()),
    };
    Some(ScmFile {
        edit_url: Some(edit_url(&url, kind)),
        directory_url: resolve("./", text, hosts).ok()?,
        repository,
    })
}

fn edit_url(url: &Url, kind: HostKind) -> String {
    match kind {
        HostKind::GitHub => replace_first(url.as_str(), &["/blob/", "/tree/"], "/edit/"),
        HostKind::GitLab => replace_first(url.as_str(), &["/-/blob/", "/-/tree/"], "/-/edit/"),
        HostKind::BitbucketCloud => {
            let reference = url.path_segments().and_then(|mut segments| segments.nth(3)).unwrap_or_default();
            let others = url.query_pairs().filter(|(key, _)| key != "mode" && key != "at");
            let others: Vec<(String, String)> =
                others.map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
            let mut edit = url.clone();
            edit.query_pairs_mut()
                .clear()
                .extend_pairs(others)
                .append_pair("mode", "edit")
                .append_pair("at", reference);
            edit.into()
        }
        HostKind::Azure | HostKind::BitbucketServer => url.to_string(),
    }
}

/// Replaces whichever of the texts comes first.
fn replace_first(text: &str, searched: &[&str], replacement: &str) -> String {
    let found = searched.iter().filter_map(|searched| Some((text.find(searched)?, searched.len()))).min();
    match found {
        Some((start, length)) => format!("{}{replacement}{}", &text[..start], &text[start + length..]),
        None => text.to_owned(),
    }
}
