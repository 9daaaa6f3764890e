use callboard_sources::{HostKind, KnownHosts, ResolveError, resolve};
use rstest::rstest;

fn hosts() -> KnownHosts {
    KnownHosts::default()
        .with("git.acme.test:8443", HostKind::GitLab)
        .with("ghe.acme.test", HostKind::GitHub)
        .with("bb.acme.test", HostKind::BitbucketServer)
        .with("tfs.acme.test", HostKind::Azure)
}

const PLAIN: &str = "https://example.org/a/b.yaml";

#[rstest]
#[case::absolute("http://other.test/x?y=1#z", "http://other.test/x?y=1#z")]
#[case::absolute_as_written("HTTP://Other.test/a/../x", "HTTP://Other.test/a/../x")]
#[case::absolute_other_scheme("mailto:a@b.test", "mailto:a@b.test")]
#[case::beside("./x.yaml", "https://example.org/a/x.yaml")]
#[case::beside_without_dot("x.yaml", "https://example.org/a/x.yaml")]
#[case::below("c/x.yaml", "https://example.org/a/c/x.yaml")]
#[case::above("../x.yaml", "https://example.org/x.yaml")]
#[case::above_the_top("../../../x.yaml", "https://example.org/x.yaml")]
#[case::folder("./", "https://example.org/a/")]
#[case::encoded("with%20space.yaml", "https://example.org/a/with%20space.yaml")]
#[case::needs_encoding("with space.yaml", "https://example.org/a/with%20space.yaml")]
#[case::own_query_goes("x.yaml?y=1", "https://example.org/a/x.yaml")]
fn plain_urls(#[case] target: &str, #[case] expected: &str) {
    assert_eq!(resolve(target, PLAIN, &hosts()).as_deref(), Ok(expected));
}

#[rstest]
#[case::query_kept("./x.yaml", "https://example.org/a/b.yaml?q=1", "https://example.org/a/x.yaml?q=1")]
#[case::fragment_goes("./x.yaml", "https://example.org/a/b.yaml#L3", "https://example.org/a/x.yaml")]
#[case::root_of_an_unknown_forge(
    "/x.yaml",
    "https://forge.test/g/s/r/-/blob/main/a/b.yaml",
    "https://forge.test/g/s/r/-/blob/main/x.yaml"
)]
#[case::root_keeps_query(
    "/o/x.yaml",
    "https://gitlab.com/g/r/-/blob/main/a/b.yaml?at=main",
    "https://gitlab.com/g/r/-/blob/main/o/x.yaml?at=main"
)]
#[case::github(
    "./x.yaml",
    "https://github.com/o/r/blob/main/a/b.yaml",
    "https://github.com/o/r/tree/main/a/x.yaml"
)]
#[case::github_root(
    "/x.yaml",
    "https://github.com/o/r/blob/main/a/b.yaml",
    "https://github.com/o/r/tree/main/x.yaml"
)]
#[case::github_tree(
    "../x.yaml",
    "https://github.com/o/r/tree/main/a/b.yaml",
    "https://github.com/o/r/tree/main/x.yaml"
)]
#[case::github_absolute(
    "https://github.com/o/other/blob/main/x.yaml",
    "https://github.com/o/r/blob/main/a.yaml",
    "https://github.com/o/other/tree/main/x.yaml"
)]
#[case::github_absolute_elsewhere(
    "https://example.org/o/other/blob/main/x.yaml",
    "https://github.com/o/r/blob/main/a.yaml",
    "https://example.org/o/other/blob/main/x.yaml"
)]
#[case::github_enterprise(
    "/x.yaml",
    "https://ghe.acme.test/o/r/blob/main/a/blob/b.yaml",
    "https://ghe.acme.test/o/r/tree/main/x.yaml"
)]
#[case::gitlab(
    "../x.yaml",
    "https://gitlab.com/g/s/r/-/blob/main/a/b.yaml",
    "https://gitlab.com/g/s/r/-/blob/main/x.yaml"
)]
#[case::gitlab_root(
    "/x.yaml",
    "https://gitlab.com/g/s/r/-/blob/main/a/b.yaml",
    "https://gitlab.com/g/s/r/-/blob/main/x.yaml"
)]
#[case::gitlab_without_dash(
    "/x.yaml",
    "https://gitlab.com/g/r/blob/main/a/b.yaml",
    "https://gitlab.com/g/r/blob/main/x.yaml"
)]
#[case::gitlab_repository_called_src(
    "/x.yaml",
    "https://git.acme.test:8443/g/s/src/-/raw/main/a/b.yaml",
    "https://git.acme.test:8443/g/s/src/-/raw/main/x.yaml"
)]
#[case::azure(
    "./x.yaml",
    "https://dev.azure.com/org/proj/_git/repo?path=/a/b.yaml&version=GBmain",
    "https://dev.azure.com/org/proj/_git/repo?path=%2Fa%2Fx.yaml&version=GBmain"
)]
#[case::azure_root(
    "/x.yaml",
    "https://dev.azure.com/org/proj/_git/repo?path=%2Fa%2Fb.yaml",
    "https://dev.azure.com/org/proj/_git/repo?path=%2Fx.yaml"
)]
#[case::azure_above(
    "../../../x y.yaml",
    "https://tfs.acme.test/tfs/coll/proj/_git/repo?version=GBmain&path=/a/b/c.yaml",
    "https://tfs.acme.test/tfs/coll/proj/_git/repo?version=GBmain&path=%2Fx+y.yaml"
)]
#[case::bitbucket(
    "./x.yaml",
    "https://bitbucket.org/o/r/src/main/a/b.yaml",
    "https://bitbucket.org/o/r/src/main/a/x.yaml"
)]
#[case::bitbucket_root(
    "/x.yaml",
    "https://bitbucket.org/o/r/src/main/a/b.yaml",
    "https://bitbucket.org/o/r/src/main/x.yaml"
)]
#[case::bitbucket_server_root(
    "/x.yaml",
    "https://bb.acme.test/projects/p/repos/r/browse/a/b.yaml?at=main",
    "https://bb.acme.test/projects/p/repos/r/browse/x.yaml?at=main"
)]
#[case::a_path_that_looks_like_a_url(
    "/https://evil.test/x",
    "https://github.com/o/r/blob/main/b.yaml",
    "https://github.com/o/r/tree/main/https://evil.test/x"
)]
#[case::a_path_that_looks_like_a_host(
    "//evil.test/x",
    "https://github.com/o/r/blob/main/b.yaml",
    "https://github.com/o/r/tree/main/evil.test/x"
)]
fn urls_of_hosts(#[case] target: &str, #[case] base: &str, #[case] expected: &str) {
    assert_eq!(resolve(target, base, &hosts()).as_deref(), Ok(expected));
}

#[rstest]
#[case::no_repository("https://example.org/a/b.yaml")]
#[case::the_repository_itself("https://github.com/o/r")]
fn no_root_to_start_from(#[case] base: &str) {
    let expected = ResolveError::NoRepository { target: "/x.yaml".to_owned(), base: base.to_owned() };
    assert_eq!(resolve("/x.yaml", base, &hosts()), Err(expected));
}

#[test]
fn the_base_has_to_be_a_url() {
    assert_eq!(resolve("x.yaml", "/a/b.yaml", &hosts()), Err(ResolveError::NotAUrl("/a/b.yaml".to_owned())));
}

#[test]
fn a_base_that_climbs_has_no_root() {
    let base = "https://github.com/o/r/blob/main/..%2f..%2fuser/repos";
    assert_eq!(resolve("/x.yaml", base, &hosts()), Err(ResolveError::Climbs(base.to_owned())));
}
