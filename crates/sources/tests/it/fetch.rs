use std::time::Duration;

use callboard_sdk::{ReadError, ReadOptions, UrlReader};
use callboard_sources::{AllowedHost, FetchOptions, FetchReader, ProxyUse, ReadingRules};
use rstest::rstest;
use url::Url;
use wiremock::matchers::{any, header, headers, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A reader that may read from `server`, with small bounds.
fn reader_for(server: &MockServer) -> FetchReader {
    reader_with(&server.address().to_string(), None, options())
}

fn reader_with(host: &str, paths: Option<&[String]>, options: FetchOptions) -> FetchReader {
    let allow = vec![AllowedHost::parse(host, paths).unwrap()];
    FetchReader::new(ReadingRules { allow }, options).unwrap()
}

fn options() -> FetchOptions {
    FetchOptions {
        max_bytes: 1000,
        connect_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(20),
        proxies: ProxyUse::Never,
    }
}

async fn serve(server: &MockServer, at: &str, response: ResponseTemplate) {
    Mock::given(method("GET")).and(path(at)).respond_with(response).mount(server).await;
}

fn redirect(to: &str) -> ResponseTemplate {
    ResponseTemplate::new(302).insert_header("location", to)
}

fn message(error: &ReadError) -> String {
    match error {
        ReadError::NotModified => "not modified".to_owned(),
        ReadError::NotFound(text) | ReadError::NotAllowed(text) | ReadError::Failed(text) => text.clone(),
    }
}

#[tokio::test]
async fn reads_a_file_with_its_etag() {
    let server = MockServer::start().await;
    serve(
        &server,
        "/a.yaml",
        ResponseTemplate::new(200).set_body_string("a: 1").insert_header("etag", "\"v1\""),
    )
    .await;
    let url = format!("{}/a.yaml", server.uri());
    let response = reader_for(&server).read(&url, &ReadOptions::default()).await.unwrap();
    assert_eq!(&response.data[..], b"a: 1");
    assert_eq!(response.etag.as_deref(), Some("\"v1\""));

    let found = reader_for(&server).search(&url, &ReadOptions::default()).await.unwrap();
    assert_eq!(found.files.len(), 1);
    assert_eq!((found.files[0].url.as_str(), &found.files[0].data[..]), (url.as_str(), &b"a: 1"[..]));
    assert_eq!(found.etag.as_deref(), Some("\"v1\""));
}

#[tokio::test]
async fn says_who_it_is_and_sends_the_condition() {
    let server = MockServer::start().await;
    let agent = format!("callboard/{}", env!("CARGO_PKG_VERSION"));
    Mock::given(header("user-agent", agent.as_str()))
        .and(headers("if-none-match", vec!["\"v1\""]))
        .respond_with(ResponseTemplate::new(304))
        .mount(&server)
        .await;
    let known = ReadOptions { etag: Some("\"v1\"".to_owned()) };
    let error = reader_for(&server).search(&server.uri(), &known).await.unwrap_err();
    assert!(matches!(error, ReadError::NotModified), "{error:?}");
}

#[rstest]
#[case::none(None)]
#[case::empty(Some(""))]
#[case::no_header(Some("\n"))]
#[tokio::test]
async fn an_etag_that_says_nothing_is_not_sent(#[case] etag: Option<&str>) {
    let server = MockServer::start().await;
    serve(&server, "/a", ResponseTemplate::new(200)).await;
    let options = ReadOptions { etag: etag.map(str::to_owned) };
    let response = reader_for(&server).read(&format!("{}/a", server.uri()), &options).await.unwrap();
    assert_eq!(response.etag, None);
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| !request.headers.contains_key("if-none-match")));
}

#[rstest]
#[case(400, "400 Bad Request")]
#[case(403, "403 Forbidden")]
#[case(429, "429 Too Many Requests")]
#[case(500, "500 Internal Server Error")]
#[case(302, "302 Found")]
#[case(599, "599")]
#[tokio::test]
async fn other_statuses_are_failures(#[case] status: u16, #[case] described: &str) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&server).await;
    let error = reader_for(&server).search(&server.uri(), &ReadOptions::default()).await.unwrap_err();
    assert!(matches!(error, ReadError::Failed(_)), "{error:?}");
    assert_eq!(message(&error), format!("could not read {}, {described}", server.uri()));
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_an_empty_search() {
    let server = MockServer::start().await;
    let url = format!("{}/nope.yaml", server.uri());
    let reader = reader_for(&server);
    let error = reader.read(&url, &ReadOptions::default()).await.unwrap_err();
    assert!(matches!(error, ReadError::NotFound(_)), "{error:?}");
    assert_eq!(message(&error), format!("could not read {url}, 404 Not Found"));
    let found = reader.search(&url, &ReadOptions::default()).await.unwrap();
    assert_eq!((found.files.len(), found.etag), (0, None));
}

#[tokio::test]
async fn no_content_is_an_empty_file() {
    let server = MockServer::start().await;
    serve(&server, "/empty", ResponseTemplate::new(204)).await;
    let found = reader_for(&server)
        .search(&format!("{}/empty", server.uri()), &ReadOptions::default())
        .await
        .unwrap();
    assert_eq!(found.files.len(), 1);
    assert!(found.files[0].data.is_empty());
}

#[tokio::test]
async fn globs_are_not_understood() {
    let server = MockServer::start().await;
    let url = format!("{}/star-*.yaml", server.uri());
    let error = reader_for(&server).search(&url, &ReadOptions::default()).await.unwrap_err();
    assert!(matches!(error, ReadError::Failed(_)), "{error:?}");
    assert_eq!(message(&error), "Unsupported search pattern URL");
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn redirects_are_followed() {
    let server = MockServer::start().await;
    serve(&server, "/dir/moved", redirect("./there")).await;
    serve(&server, "/dir/there", redirect(&format!("{}/end", server.uri()))).await;
    serve(&server, "/end", ResponseTemplate::new(200).set_body_string("end").insert_header("etag", "e"))
        .await;
    let url = format!("{}/dir/moved", server.uri());
    let found = reader_for(&server).search(&url, &ReadOptions::default()).await.unwrap();
    assert_eq!(&found.files[0].data[..], b"end");
    assert_eq!(found.files[0].url, url, "the file stays where it was asked for");
    assert_eq!(found.etag.as_deref(), Some("e"));
}

#[rstest]
#[case::as_many_as_allowed(5, true)]
#[case::one_more(6, false)]
#[tokio::test]
async fn redirects_end(#[case] hops: usize, #[case] arrives: bool) {
    let server = MockServer::start().await;
    for hop in 0..hops {
        serve(&server, &format!("/{hop}"), redirect(&format!("/{}", hop + 1))).await;
    }
    serve(&server, &format!("/{hops}"), ResponseTemplate::new(200)).await;
    let result = reader_for(&server).read(&format!("{}/0", server.uri()), &ReadOptions::default()).await;
    assert_eq!(result.is_ok(), arrives, "{result:?}");
}

#[tokio::test]
async fn a_loop_of_redirects_is_a_failure() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(redirect("/loop")).mount(&server).await;
    let error = reader_for(&server).read(&server.uri(), &ReadOptions::default()).await.unwrap_err();
    assert_eq!(message(&error), format!("could not read {}, more than 5 redirects", server.uri()));
}

#[tokio::test]
async fn each_hop_is_checked() {
    let elsewhere = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    let server = MockServer::start().await;
    let target = format!("{}/secret", elsewhere.uri());
    Mock::given(any()).respond_with(redirect(&target)).mount(&server).await;
    let error = reader_for(&server).read(&server.uri(), &ReadOptions::default()).await.unwrap_err();
    assert!(matches!(error, ReadError::NotAllowed(_)), "{error:?}");
    assert!(message(&error).starts_with(&format!("Reading from '{target}' is not allowed.")), "{error:?}");
}

#[tokio::test]
async fn a_redirect_may_not_leave_the_allowed_paths() {
    let server = MockServer::start().await;
    serve(&server, "/open/a", redirect("/closed/a")).await;
    Mock::given(path("/closed/a")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let reader = reader_with(&server.address().to_string(), Some(&["/open".to_owned()]), options());
    let error = reader.read(&format!("{}/open/a", server.uri()), &ReadOptions::default()).await.unwrap_err();
    assert!(matches!(error, ReadError::NotAllowed(_)), "{error:?}");
}

#[tokio::test]
async fn hosts_that_are_not_allowed_are_not_asked() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let reader = reader_with("example.com", None, options());
    let error = reader.read(&server.uri(), &ReadOptions::default()).await.unwrap_err();
    let expected = format!(
        "Reading from '{}' is not allowed. You may need to configure an integration for the target host, or add \
         it to the configured list of allowed hosts at 'backend.reading.allow'",
        server.uri()
    );
    assert!(matches!(error, ReadError::NotAllowed(_)), "{error:?}");
    assert_eq!(message(&error), expected);
}

#[tokio::test]
async fn credentials_in_a_url_are_neither_sent_nor_shown() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    let mut url = Url::parse(&server.uri()).unwrap();
    url.set_username("user").unwrap();
    url.set_password(Some("hush")).unwrap();
    let error = reader_for(&server).read(url.as_str(), &ReadOptions::default()).await.unwrap_err();
    assert_eq!(message(&error), "a URL that includes credentials is not read");
}

#[tokio::test]
async fn files_may_be_as_large_as_the_bound_and_no_larger() {
    let server = MockServer::start().await;
    serve(&server, "/fits", ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 1000])).await;
    serve(&server, "/large", ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 1001])).await;
    let reader = reader_for(&server);
    let fits = reader.read(&format!("{}/fits", server.uri()), &ReadOptions::default()).await.unwrap();
    assert_eq!(fits.data.len(), 1000);
    let url = format!("{}/large", server.uri());
    let error = reader.read(&url, &ReadOptions::default()).await.unwrap_err();
    assert_eq!(message(&error), format!("could not read {url}, it is larger than 1000 bytes"));
}

/// 20 000 zero bytes, compressed to less than the bound.
const BOMB: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 237, 193, 49, 1, 0, 0, 0, 194, 160, 245, 79, 109, 13, 15, 160, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 120, 48, 2, 83, 47, 151, 32, 78, 0, 0,
];

#[tokio::test]
async fn the_bound_is_on_what_comes_out_of_compression() {
    let server = MockServer::start().await;
    let response = ResponseTemplate::new(200).set_body_bytes(BOMB).insert_header("content-encoding", "gzip");
    serve(&server, "/bomb", response).await;
    let url = format!("{}/bomb", server.uri());
    let error = reader_for(&server).read(&url, &ReadOptions::default()).await.unwrap_err();
    assert_eq!(message(&error), format!("could not read {url}, it is larger than 1000 bytes"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_failure() {
    let server = MockServer::start().await;
    serve(&server, "/slow", ResponseTemplate::new(200).set_delay(Duration::from_mins(5))).await;
    let impatient = FetchOptions { total_timeout: Duration::from_millis(50), ..options() };
    let reader = reader_with(&server.address().to_string(), None, impatient);
    let url = format!("{}/slow", server.uri());
    let error = reader.read(&url, &ReadOptions::default()).await.unwrap_err();
    assert_eq!(message(&error), format!("could not read {url}, no answer within 50 ms"));
}

#[tokio::test]
async fn nobody_listening_is_a_failure_that_names_its_cause() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let reader = reader_with(&host, None, options());
    let error = reader.read(&format!("http://{host}/"), &ReadOptions::default()).await.unwrap_err();
    assert!(matches!(error, ReadError::Failed(_)), "{error:?}");
    assert!(message(&error).starts_with(&format!("Unable to read http://{host}/, ")), "{error:?}");
    assert!(message(&error).contains("refused"), "{error:?}");
}

#[tokio::test]
async fn a_host_that_speaks_no_tls_is_a_failure() {
    let server = MockServer::start().await;
    let url = format!("https://{}/", server.address());
    let error = reader_for(&server).read(&url, &ReadOptions::default()).await.unwrap_err();
    assert!(matches!(&error, ReadError::Failed(text) if text.starts_with("Unable to read")), "{error:?}");
}
