use async_trait::async_trait;
use callboard_sdk::{ReadError, ReadOptions, ReadResponse, SearchResponse, UrlReader};
use callboard_sources::{HostReader, KnownHosts, UrlReaders};
use rstest::rstest;
use url::Url;

/// Answers for one host with its own name.
struct Named {
    name: &'static str,
    host: &'static str,
}

#[async_trait]
impl UrlReader for Named {
    async fn read(&self, _url: &str, _options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        Ok(ReadResponse { data: self.name.into(), etag: None })
    }

    async fn search(&self, _url: &str, _options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        Ok(SearchResponse { files: Vec::new(), etag: Some(self.name.to_owned()) })
    }

    fn resolve(&self, target: &str, _base: &str) -> Result<String, ReadError> {
        Ok(format!("{}:{target}", self.name))
    }
}

impl HostReader for Named {
    fn matches(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host)
    }
}

fn readers() -> UrlReaders {
    let named = |name, host| -> Box<dyn HostReader> { Box::new(Named { name, host }) };
    let readers = vec![named("first", "a.test"), named("second", "a.test"), named("third", "github.com")];
    UrlReaders::new(readers, KnownHosts::default())
}

#[tokio::test]
async fn the_first_that_is_responsible_is_asked() {
    let response = readers().read("http://a.test/x", &ReadOptions::default()).await.unwrap();
    assert_eq!(&response.data[..], b"first");
    let response = readers().search("https://github.com/x", &ReadOptions::default()).await.unwrap();
    assert_eq!(response.etag.as_deref(), Some("third"));
}

#[rstest]
#[case::unknown("http://b.test/x", "Reading from 'http://b.test/x' is not allowed. You may need to")]
#[case::scheme("ftp://127.0.0.1/x", "Reading from 'ftp://127.0.0.1/x' is not allowed. You may need to")]
#[case::credentials(
    "http://u:hush@b.test/x",
    "Reading from 'http://b.test/x' is not allowed. You may need to"
)]
#[tokio::test]
async fn nobody_is_responsible(#[case] url: &str, #[case] beginning: &str) {
    for error in [
        readers().read(url, &ReadOptions::default()).await.unwrap_err(),
        readers().search(url, &ReadOptions::default()).await.unwrap_err(),
    ] {
        assert!(matches!(&error, ReadError::NotAllowed(text) if text.starts_with(beginning)), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_no_url_fails() {
    let error = readers().read("/x.yaml", &ReadOptions::default()).await.unwrap_err();
    assert!(
        matches!(&error, ReadError::Failed(text) if text.starts_with("'/x.yaml' is not a URL")),
        "{error:?}"
    );
}

#[rstest]
#[case::by_its_reader("x", "http://a.test/y", "first:x")]
#[case::known_hosts_first("x", "https://github.com/o/r/blob/main/y", "https://github.com/o/r/tree/main/x")]
#[case::known_without_reader(
    "/x",
    "https://gitlab.com/g/r/-/blob/main/a/y",
    "https://gitlab.com/g/r/-/blob/main/x"
)]
#[case::nobody("x", "http://b.test/y", "http://b.test/x")]
fn targets_are_resolved(#[case] target: &str, #[case] base: &str, #[case] expected: &str) {
    assert_eq!(readers().resolve(target, base).unwrap(), expected);
}
