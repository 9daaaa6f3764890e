use std::time::Duration;

use async_trait::async_trait;
use callboard_sdk::{ReadError, ReadOptions, ReadResponse, SearchFile, SearchResponse, UrlReader};
use reqwest::header::{HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, Response};
use url::Url;

use crate::allow::has_credentials;
use crate::client::http_client;
use crate::download::{
    MAX_REDIRECTS, body, check_status, etag, redirect_target, too_many_redirects, unreadable,
};
use crate::known_hosts::KnownHosts;
use crate::readers::{not_allowed, parse_url};
use crate::resolve::resolve;
use crate::{ClientError, HostReader, ProxyUse, ReadingRules};

/// Bounds of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// The largest file that is taken, after decompression.
    pub max_bytes: usize,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long a read may take in all: redirects and the whole body included.
    pub total_timeout: Duration,
    /// Whether requests go through a proxy.
    pub proxies: ProxyUse,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024 * 1024,
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_mins(1),
            proxies: ProxyUse::default(),
        }
    }
}

/// Reads with plain HTTP, on the hosts that the allow-list names. One URL is one file: it knows no globs.
#[derive(Debug, Clone)]
pub struct FetchReader {
    client: Client,
    rules: ReadingRules,
    options: FetchOptions,
}

impl FetchReader {
    /// A reader for what `rules` allow.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn new(rules: ReadingRules, options: FetchOptions) -> Result<Self, ClientError> {
        let client = http_client(options.connect_timeout, options.proxies)?;
        Ok(Self { client, rules, options })
    }

    async fn fetch(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        let response = self.follow(url, options.etag.as_deref()).await?;
        check_status(&response, url)?;
        let etag = etag(&response);
        let data = body(response, url, self.options.max_bytes).await?;
        Ok(ReadResponse { data, etag })
    }

    /// Asks, and asks again where the answer points to, so long as that is allowed.
    async fn follow(&self, url: &str, etag: Option<&str>) -> Result<Response, ReadError> {
        let mut current = parse_url(url)?;
        self.check(&current, url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&current, etag).await.map_err(|error| unreadable(url, &error))?;
            let Some(next) = redirect_target(&response, &current) else { return Ok(response) };
            self.check(&next, next.as_str())?;
            current = next;
        }
        Err(too_many_redirects(url))
    }

    fn check(&self, url: &Url, shown: &str) -> Result<(), ReadError> {
        if has_credentials(url) {
            return Err(ReadError::Failed("a URL that includes credentials is not read".to_owned()));
        }
        if self.rules.allows(url) { Ok(()) } else { Err(not_allowed(shown)) }
    }

    async fn ask(&self, url: &Url, etag: Option<&str>) -> Result<Response, reqwest::Error> {
        let mut request = self.client.get(url.clone());
        // What cannot be a header cannot have been an `ETag`; the file is read in full then.
        let condition =
            etag.filter(|etag| !etag.is_empty()).and_then(|etag| HeaderValue::from_str(etag).ok());
        if let Some(condition) = condition {
            request = request.header(IF_NONE_MATCH, condition);
        }
        callboard_traces::send(request).await
    }
}

#[async_trait]
impl UrlReader for FetchReader {
    async fn read(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        let limit = self.options.total_timeout;
        match tokio::time::timeout(limit, self.fetch(url, options)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(ReadError::Failed(format!(
                "could not read {url}, no answer within {} ms",
                limit.as_millis()
            ))),
        }
    }

    async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        if parse_url(url)?.path().contains(['*', '?']) {
            return Err(ReadError::Failed("Unsupported search pattern URL".to_owned()));
        }
        match self.read(url, options).await {
            Ok(ReadResponse { data, etag }) => {
                Ok(SearchResponse { files: vec![SearchFile { url: url.to_owned(), data }], etag })
            }
            Err(ReadError::NotFound(_)) => Ok(SearchResponse { files: Vec::new(), etag: None }),
            Err(error) => Err(error),
        }
    }

    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        resolve(target, base, &KnownHosts::none()).map_err(|error| ReadError::Failed(error.to_string()))
    }
}

impl HostReader for FetchReader {
    fn matches(&self, url: &Url) -> bool {
        self.rules.allows(url)
    }
}
