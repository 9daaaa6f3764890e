use callboard_sdk::{ScmFile, UrlReader as _};
use callboard_sources::{HostKind, KnownHosts, UrlReaders};
use rstest::rstest;

fn file(url: &str) -> Option<ScmFile> {
    let hosts = KnownHosts::default().with("bitbucket.example.com", HostKind::BitbucketServer);
    UrlReaders::new(Vec::new(), hosts).scm_file(url)
}

#[rstest]
#[case(
    "https://github.com/o/r/blob/main/a/b.yaml",
    "https://github.com/o/r/edit/main/a/b.yaml",
    "https://github.com/o/r/tree/main/a/"
)]
#[case(
    "https://github.com/o/r/tree/main/blob/b.yaml",
    "https://github.com/o/r/edit/main/blob/b.yaml",
    "https://github.com/o/r/tree/main/blob/"
)]
#[case(
    "https://gitlab.com/g/s/r/-/blob/main/a/b.yaml",
    "https://gitlab.com/g/s/r/-/edit/main/a/b.yaml",
    "https://gitlab.com/g/s/r/-/blob/main/a/"
)]
#[case(
    "https://bitbucket.org/o/r/src/main/a/b.yaml",
    "https://bitbucket.org/o/r/src/main/a/b.yaml?mode=edit&at=main",
    "https://bitbucket.org/o/r/src/main/a/"
)]
#[case(
    "https://bitbucket.example.com/projects/P/repos/r/browse/a/b.yaml",
    "https://bitbucket.example.com/projects/P/repos/r/browse/a/b.yaml",
    "https://bitbucket.example.com/projects/P/repos/r/browse/a/"
)]
fn known_hosts_have_pages_for_people(#[case] url: &str, #[case] edit: &str, #[case] directory: &str) {
    let file = file(url).expect("a known host");
    assert_eq!(file.edit_url.as_deref(), Some(edit));
    assert_eq!(file.directory_url, directory);
}

#[test]
fn a_repository_is_told_from_others() {
    let repository = |url: &str| file(url).and_then(|file| file.repository);
    let one = repository("https://github.com/o/r/blob/main/a.yaml");
    assert!(one.is_some());
    assert_eq!(one, repository("https://github.com/o/r/tree/other/b/c.txt"));
    assert_ne!(one, repository("https://github.com/o/other/blob/main/a.yaml"));
    assert_ne!(one, repository("https://gitlab.com/o/r/-/blob/main/a.yaml"));
    assert_ne!(one, repository("https://github.com/o/r/blob/main/%2e%2e%2f%2e%2e%2fx.yaml"));
}

#[test]
fn nothing_is_said_of_other_hosts() {
    assert_eq!(file("https://example.com/o/r/blob/main/a.yaml"), None);
    assert_eq!(file("not a URL"), None);
}
