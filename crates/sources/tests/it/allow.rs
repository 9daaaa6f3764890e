use callboard_sources::{AllowedHost, InvalidAllowedHost, ReadingRules};
use rstest::rstest;
use url::Url;

fn allows(host: &str, paths: Option<&[&str]>, url: &str) -> bool {
    let paths: Option<Vec<String>> = paths.map(|paths| paths.iter().map(ToString::to_string).collect());
    let host = AllowedHost::parse(host, paths.as_deref()).unwrap();
    ReadingRules { allow: vec![host] }.allows(&Url::parse(url).unwrap())
}

#[rstest]
#[case::same("example.com", "https://example.com/a.yaml", true)]
#[case::letter_case("Example.COM", "https://eXample.com/a.yaml", true)]
#[case::international("bücher.example", "https://xn--bcher-kva.example/", true)]
#[case::another("example.com", "https://example.org/", false)]
#[case::subdomain("example.com", "https://a.example.com/", false)]
#[case::wildcard("*.example.com", "https://a.example.com/", true)]
#[case::wildcard_deeper("*.example.com", "https://a.b.example.com/", true)]
#[case::wildcard_itself("*.example.com", "https://example.com/", false)]
#[case::wildcard_lookalike("*.example.com", "https://badexample.com/", false)]
#[case::credentials_lookalike("example.com", "https://example.com@evil.org/", false)]
#[case::ipv4("127.0.0.1", "http://127.0.0.1/", true)]
#[case::ipv4_in_disguise("127.0.0.1", "http://0x7f.1/", true)]
#[case::ipv6("[::1]", "http://[::1]/", true)]
#[case::other_scheme("example.com", "ftp://example.com/a.yaml", false)]
#[case::no_host("example.com", "file:///example.com", false)]
fn hosts(#[case] rule: &str, #[case] url: &str, #[case] expected: bool) {
    assert_eq!(allows(rule, None, url), expected);
}

#[rstest]
#[case::none_none("example.com", "https://example.com/", true)]
#[case::none_default("example.com", "https://example.com:443/", true)]
#[case::none_other("example.com", "https://example.com:8443/", false)]
#[case::none_default_of_other_scheme("example.com", "http://example.com:443/", false)]
#[case::one("example.com:8080", "http://example.com:8080/", true)]
#[case::one_other("example.com:8080", "http://example.com:8081/", false)]
#[case::one_none("example.com:8080", "http://example.com/", false)]
#[case::default_named("example.com:443", "https://example.com/", true)]
#[case::default_named_http("example.com:80", "http://example.com/", true)]
#[case::range_first("example.com:8000-8100", "http://example.com:8000/", true)]
#[case::range_last("example.com:8000-8100", "http://example.com:8100/", true)]
#[case::range_below("example.com:8000-8100", "http://example.com:7999/", false)]
#[case::range_above("example.com:8000-8100", "http://example.com:8101/", false)]
#[case::ipv6("[::1]:8080", "http://[::1]:8080/", true)]
#[case::wildcard("*.example.com:1-1024", "http://a.example.com/", true)]
fn ports(#[case] rule: &str, #[case] url: &str, #[case] expected: bool) {
    assert_eq!(allows(rule, None, url), expected);
}

#[rstest]
#[case::exact(&["/a"], "/a", true)]
#[case::below(&["/a"], "/a/b.yaml", true)]
#[case::only_a_prefix(&["/a"], "/ab.yaml", false)]
#[case::above(&["/a/b"], "/a", false)]
#[case::folder(&["/a/"], "/a/b.yaml", true)]
#[case::folder_itself(&["/a/"], "/a", false)]
#[case::second(&["/x", "/a"], "/a/b", true)]
#[case::empty(&[], "/a", false)]
#[case::dots_back_in(&["/a"], "/b/../a/c", true)]
#[case::dots_out(&["/a"], "/a/../b", false)]
#[case::encoded_dots(&["/a"], "/a/%2e%2e/b", false)]
#[case::encoded_slash(&["/a"], "/a/..%2fb", false)]
#[case::encoded_twice(&["/a"], "/a/..%252fb", false)]
#[case::backslash(&["/a"], "/a/..%5cb", false)]
#[case::dots_in_a_name(&["/a"], "/a/..b/c..", true)]
#[case::letter_case(&["/a"], "/A", false)]
fn below_paths(#[case] paths: &[&str], #[case] path: &str, #[case] expected: bool) {
    assert_eq!(allows("example.com", Some(paths), &format!("https://example.com{path}")), expected);
}

#[rstest]
#[case::scheme("https://example.com", InvalidAllowedHost::Port("https://example.com".into()))]
#[case::path("example.com/a", InvalidAllowedHost::Host("example.com/a".into()))]
#[case::credentials("user@example.com", InvalidAllowedHost::Host("user@example.com".into()))]
#[case::empty("", InvalidAllowedHost::Host(String::new()))]
#[case::only_a_wildcard("*", InvalidAllowedHost::Wildcard("*".into()))]
#[case::wildcard_inside("prod.*.example.com", InvalidAllowedHost::Wildcard("prod.*.example.com".into()))]
#[case::port_name("example.com:http", InvalidAllowedHost::Port("example.com:http".into()))]
#[case::port_zero("example.com:0", InvalidAllowedHost::Port("example.com:0".into()))]
#[case::port_too_large("example.com:65536", InvalidAllowedHost::Port("example.com:65536".into()))]
#[case::range_backwards("example.com:9-8", InvalidAllowedHost::Port("example.com:9-8".into()))]
#[case::range_open("example.com:9-", InvalidAllowedHost::Port("example.com:9-".into()))]
fn what_is_no_host(#[case] host: &str, #[case] expected: InvalidAllowedHost) {
    assert_eq!(AllowedHost::parse(host, None), Err(expected));
}

#[test]
fn a_path_without_a_slash_is_refused() {
    let paths = ["/a".to_owned(), "b".to_owned()];
    assert_eq!(
        AllowedHost::parse("example.com", Some(&paths)),
        Err(InvalidAllowedHost::Path("b".to_owned()))
    );
}

#[test]
fn no_rules_allow_nothing() {
    assert!(!ReadingRules::default().allows(&Url::parse("http://127.0.0.1/").unwrap()));
}
