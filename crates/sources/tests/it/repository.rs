use callboard_sources::{HostKind, KnownHosts, RepositoryFile, ResolveError, same_repository};
use rstest::rstest;
use url::Url;

fn hosts() -> KnownHosts {
    KnownHosts::default().with("bb.acme.test", HostKind::BitbucketServer)
}

#[rstest]
#[case("https://github.com/o/r/blob/main/a/b.yaml", "github.com", "o/r", "a/b.yaml")]
#[case("https://github.com/o/blob/blob/main/tree/b.yaml", "github.com", "o/blob", "tree/b.yaml")]
#[case("https://gitlab.com/g/s/r/-/blob/main/a%20b.yaml", "gitlab.com", "g/s/r", "a b.yaml")]
#[case("https://dev.azure.com/o/p/_git/r?path=/a/b.yaml", "dev.azure.com", "o/p/_git/r", "a/b.yaml")]
#[case("https://bitbucket.org/o/r/src/main/a/b.yaml", "bitbucket.org", "o/r", "a/b.yaml")]
#[case("https://bb.acme.test/projects/p/repos/r/raw/b.yaml?at=x", "bb.acme.test", "projects/p/r", "b.yaml")]
#[case("https://bb.acme.test/ctx/users/u/repos/r/browse/b.yaml", "bb.acme.test", "users/u/r", "b.yaml")]
#[case("http://forge.test:81/o/r/raw/main/b.yaml", "forge.test:81", "o/r", "b.yaml")]
fn files(#[case] url: &str, #[case] host: &str, #[case] repository: &str, #[case] path: &str) {
    let file = RepositoryFile::parse(&Url::parse(url).unwrap(), &hosts()).unwrap().unwrap();
    assert_eq!((file.host.as_str(), file.repository.as_str(), file.path.as_str()), (host, repository, path));
}

#[rstest]
#[case::plain("https://example.org/a/b.yaml")]
#[case::no_path("https://github.com/o/r/blob/main")]
#[case::empty_path("https://github.com/o/r/blob/main/")]
#[case::only_a_repository("https://github.com/o/r")]
#[case::marker_elsewhere("https://github.com/o/r/pulls/blob/main/x")]
#[case::marker_too_early("https://example.org/o/raw/main/x")]
#[case::azure_without_path("https://dev.azure.com/o/p/_git/r")]
#[case::azure_other_page("https://dev.azure.com/o/p/_git/r/commits?path=/a")]
#[case::bitbucket_server_other_page("https://bb.acme.test/projects/p/repos/r/commits/x")]
#[case::no_host("data:text/plain,x")]
fn no_files(#[case] url: &str) {
    assert_eq!(RepositoryFile::parse(&Url::parse(url).unwrap(), &hosts()), Ok(None));
}

#[rstest]
#[case::same("https://github.com/o/r/blob/main/a", "https://github.com/o/r/tree/other/b", true)]
#[case::other_repository("https://github.com/o/r/blob/main/a", "https://github.com/o/r2/blob/main/a", false)]
#[case::other_owner("https://github.com/o/r/blob/main/a", "https://github.com/o2/r/blob/main/a", false)]
#[case::other_host("https://github.com/o/r/blob/main/a", "https://forge.test/o/r/blob/main/a", false)]
#[case::one_is_plain("https://github.com/o/r/blob/main/a", "https://example.org/x.txt", true)]
#[case::both_are_plain("https://example.org/a", "https://example.com/b", true)]
fn whether_they_are_of_one_repository(#[case] one: &str, #[case] other: &str, #[case] expected: bool) {
    assert_eq!(same_repository(one, other, &hosts()), Ok(expected));
}

#[rstest]
#[case("https://github.com/o/r/blob/main/%2e%2e%2fx")]
#[case("https://github.com/o/r/blob/main/a%252f%252e%252e%252fx")]
#[case("https://dev.azure.com/o/p/_git/r?path=/../x")]
fn hidden_dots_are_refused(#[case] url: &str) {
    let url = Url::parse(url).unwrap();
    assert_eq!(RepositoryFile::parse(&url, &hosts()), Err(ResolveError::Climbs(url.to_string())));
}
