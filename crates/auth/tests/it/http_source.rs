use callboard_auth::{HttpJwksSource, JwksSource};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::test]
async fn documents_over_http() {
    let server = MockServer::start().await;
    let answers = [
        ("/good", ResponseTemplate::new(200).set_body_string(r#"{"keys":[]}"#)),
        ("/large", ResponseTemplate::new(200).set_body_bytes(vec![b' '; 300 * 1024])),
        ("/moved", ResponseTemplate::new(302).insert_header("location", "/good")),
    ];
    for (at, answer) in answers {
        Mock::given(path(at)).respond_with(answer).mount(&server).await;
    }
    let source = HttpJwksSource::new().unwrap();
    let load = async |at: &str| source.load(&format!("{}{at}", server.uri())).await;
    assert_eq!(load("/good").await.unwrap(), br#"{"keys":[]}"#);
    let failure = async |at: &str| load(at).await.unwrap_err().to_string();
    assert_eq!(failure("/large").await, "it is larger than 262144 bytes");
    assert_eq!(failure("/moved").await, "the answer is 302 Found");
    assert_eq!(failure("/missing").await, "the answer is 404 Not Found");
    assert!(source.load("no url").await.is_err());
}
