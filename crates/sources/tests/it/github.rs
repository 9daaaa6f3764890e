//! GitHub, as far as its API is used.

use std::time::Duration;

use callboard_sdk::{HostReader as _, ReadError, ReadOptions, SearchResponse, UrlReader as _};
use callboard_sources::{FetchOptions, GitHubReader, GitHubSettings, ProxyUse};
use serde_json::json;
use url::Url;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const HOST: &str = "github.acme.test";

fn reader(server: &MockServer, max_bytes: usize) -> GitHubReader {
    let options = FetchOptions {
        max_bytes,
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(20),
        proxies: ProxyUse::Never,
    };
    let settings = GitHubSettings {
        host: HOST.to_owned(),
        api: Url::parse(&format!("{}/api/v3", server.uri())).unwrap(),
        token: Some("the-token".to_owned()),
    };
    GitHubReader::new(settings, &options).unwrap()
}

async fn answer(server: &MockServer, at: &str, response: ResponseTemplate) {
    let with_token = header("authorization", "Bearer the-token");
    Mock::given(method("GET")).and(path(at)).and(with_token).respond_with(response).mount(server).await;
}

/// A repository `acme/shop` with two descriptor files and two other ones, on its branch `main`.
async fn shop() -> MockServer {
    let server = MockServer::start().await;
    let repository = ResponseTemplate::new(200).set_body_json(json!({ "default_branch": "main", "size": 1 }));
    answer(&server, "/api/v3/repos/acme/shop", repository).await;
    let item = |path: &str, kind: &str| json!({ "path": path, "type": kind, "sha": "1" });
    let tree = json!({ "sha": "tree-1", "truncated": false, "tree": [
        item("catalog-info.yaml", "blob"),
        item("till", "tree"),
        item("till/catalog-info.yaml", "blob"),
        item("till/deep er/other.yaml", "blob"),
        item("not-catalog-info.yaml", "blob"),
        item("odd/catalog-info.yaml", "commit"),
    ] });
    let recursive = query_param("recursive", "1");
    Mock::given(path("/api/v3/repos/acme/shop/git/trees/main"))
        .and(recursive)
        .respond_with(ResponseTemplate::new(200).set_body_json(tree))
        .mount(&server)
        .await;
    for (file, content) in [
        ("catalog-info.yaml", "the shop"),
        ("till/catalog-info.yaml", "the till"),
        ("till/deep%20er/other.yaml", "another"),
    ] {
        Mock::given(path(format!("/api/v3/repos/acme/shop/contents/{file}")))
            .and(query_param("ref", "main"))
            .and(header("accept", "application/vnd.github.raw+json"))
            .and(header("authorization", "Bearer the-token"))
            .respond_with(ResponseTemplate::new(200).set_body_string(content).insert_header("etag", "\"e1\""))
            .with_priority(2)
            .mount(&server)
            .await;
    }
    server
}

fn files(found: &SearchResponse) -> Vec<(&str, &str)> {
    let files = found.files.iter();
    files.map(|file| (file.url.as_str(), std::str::from_utf8(&file.data).unwrap())).collect()
}

#[tokio::test]
async fn files_are_found_by_name_in_the_whole_repository() {
    let server = shop().await;
    let reader = reader(&server, 10_000);
    let expected = [
        ("https://github.acme.test/acme/shop/blob/main/catalog-info.yaml", "the shop"),
        ("https://github.acme.test/acme/shop/blob/main/till/catalog-info.yaml", "the till"),
    ];
    for url in [
        "https://github.acme.test/acme/shop",
        "https://github.acme.test/acme/shop.git",
        "https://github.acme.test/acme/shop/",
        "https://github.acme.test/acme/shop/blob/main/readme.md",
        "https://github.acme.test/acme/shop/tree/main",
    ] {
        let found = reader.find_files(url, "catalog-info.yaml").await.unwrap().expect("it can be searched");
        assert_eq!(files(&found), expected, "{url}");
    }
    let found = reader.find_files("https://github.acme.test/acme/shop", "none.yaml").await.unwrap();
    assert_eq!(files(&found.unwrap()), []);
    let error = reader.find_files("https://github.acme.test/acme", "x").await.unwrap_err();
    assert_eq!(error.to_string(), "'https://github.acme.test/acme' does not lead to a repository");
}

#[tokio::test]
async fn a_file_is_read_with_its_etag() {
    let server = shop().await;
    let known = Mock::given(path("/api/v3/repos/acme/shop/contents/catalog-info.yaml"))
        .and(header("if-none-match", "\"e1\""))
        .respond_with(ResponseTemplate::new(304))
        .with_priority(1);
    known.mount(&server).await;
    let reader = reader(&server, 10_000);
    let url = "https://github.acme.test/acme/shop/blob/main/catalog-info.yaml";
    let read = reader.read(url, &ReadOptions::default()).await.unwrap();
    assert_eq!((&read.data[..], read.etag.as_deref()), (&b"the shop"[..], Some("\"e1\"")));
    let again = reader.read(url, &ReadOptions { etag: read.etag }).await;
    assert!(matches!(again, Err(ReadError::NotModified)));

    let gone = url.replace("catalog-info", "gone");
    assert!(matches!(reader.read(&gone, &ReadOptions::default()).await, Err(ReadError::NotFound(_))));
    let found = reader.search(&gone, &ReadOptions::default()).await.unwrap();
    assert_eq!(files(&found), []);
    let none = reader.read("https://github.acme.test/acme/shop", &ReadOptions::default()).await.unwrap_err();
    assert!(none.to_string().contains("does not name a file"), "{none}");
}

#[tokio::test]
async fn globs_stand_for_the_files_they_match() {
    let server = shop().await;
    let reader = reader(&server, 10_000);
    let url = "https://github.acme.test/acme/shop/blob/main/till/**/*.yaml";
    let found = reader.search(url, &ReadOptions::default()).await.unwrap();
    let expected = [
        ("https://github.acme.test/acme/shop/blob/main/till/catalog-info.yaml", "the till"),
        ("https://github.acme.test/acme/shop/blob/main/till/deep%20er/other.yaml", "another"),
    ];
    assert_eq!(files(&found), expected);
    let again = reader.search(url, &ReadOptions { etag: found.etag }).await;
    assert!(matches!(again, Err(ReadError::NotModified)));
    let one = "https://github.acme.test/acme/shop/blob/main/*/catalog-info.yaml";
    assert_eq!(files(&reader.search(one, &ReadOptions::default()).await.unwrap()), expected[..1]);
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    let server = MockServer::start().await;
    let limit = ResponseTemplate::new(403).insert_header("x-ratelimit-remaining", "0");
    answer(&server, "/api/v3/repos/acme/busy", limit).await;
    let elsewhere = ResponseTemplate::new(301).insert_header("location", "https://evil.test/");
    answer(&server, "/api/v3/repos/acme/elsewhere", elsewhere).await;
    let moved = ResponseTemplate::new(301).insert_header("location", "/api/v3/repositories/7");
    answer(&server, "/api/v3/repos/acme/moved", moved).await;
    let branch = ResponseTemplate::new(200).set_body_json(json!({ "default_branch": "main" }));
    answer(&server, "/api/v3/repositories/7", branch).await;
    let truncated =
        ResponseTemplate::new(200).set_body_json(json!({ "sha": "1", "truncated": true, "tree": [] }));
    answer(&server, "/api/v3/repos/acme/moved/git/trees/main", truncated).await;
    let large = ResponseTemplate::new(200).set_body_string("x".repeat(101));
    answer(&server, "/api/v3/repos/acme/large", large).await;
    let reader = reader(&server, 100);
    let cases = [
        ("acme/busy", "the rate limit of the API is reached; a token in the integration raises it"),
        ("acme/elsewhere", "the API sends to another host"),
        ("acme/moved", "the repository has too many files"),
        ("acme/large", "it is larger than 100 bytes"),
        ("acme/gone", "404 Not Found"),
    ];
    for (repository, expected) in cases {
        let url = format!("https://github.acme.test/{repository}");
        let error = reader.find_files(&url, "catalog-info.yaml").await.unwrap_err();
        assert_eq!(error.to_string(), format!("could not read {url}, {expected}"));
    }
    for url in ["https://user@github.acme.test/acme/shop", "https://github.acme.test/acme/..%2fshop"] {
        let error = reader.find_files(url, "x").await.unwrap_err();
        assert!(error.to_string().contains("is not read"), "{error}");
    }
}

#[tokio::test]
async fn only_its_own_host_is_asked() {
    let reader = reader(&MockServer::start().await, 100);
    let matches = |url: &str| reader.matches(&Url::parse(url).unwrap());
    assert!(matches("https://github.acme.test/acme/shop"));
    assert!(!matches("https://github.acme.test:8443/acme/shop"));
    assert!(!matches("https://github.com/acme/shop"));
    assert!(!matches("ftp://github.acme.test/acme/shop"));
}

#[test]
fn the_api_is_where_githubs_have_it() {
    let api = |host: &str| GitHubSettings::new(host).map(|settings| settings.api.to_string());
    assert_eq!(api("github.com").as_deref(), Some("https://api.github.com/"));
    assert_eq!(api(HOST).as_deref(), Some("https://github.acme.test/api/v3"));
    assert_eq!(api("a b"), None);
}
