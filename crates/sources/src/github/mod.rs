//! GitHub: files and whole repositories, by its REST API.
//!
//! `api.rs` asks the questions; this file says which ones a URL needs.

mod api;

use std::time::Duration;

use async_trait::async_trait;
use callboard_sdk::{ReadError, ReadOptions, ReadResponse, SearchFile, SearchResponse, UrlReader};
use futures::{StreamExt as _, TryStreamExt as _};
use globset::GlobBuilder;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use self::api::GitHubApi;
use crate::allow::{climbs, has_credentials};
use crate::client::http_client;
use crate::known_hosts::{HostKind, KnownHosts, host_and_port};
use crate::readers::parse_url;
use crate::repository::RepositoryFile;
use crate::resolve::resolve;
use crate::{ClientError, FetchOptions, HostReader};

/// The most files that one search reads.
const MAX_FILES: usize = 1000;
/// How many of them are read at a time.
const CONCURRENT_READS: usize = 8;

/// A GitHub that may be read from.
#[derive(Clone)]
pub struct GitHubSettings {
    /// The host in the URLs that people see, with the port if there is one.
    pub host: String,
    /// Where its API is.
    pub api: Url,
    /// Opens what is not public, and allows for more requests.
    pub token: Option<String>,
}

impl GitHubSettings {
    /// The public GitHub, or the address that others have by default. `None` if the host cannot be one.
    pub fn new(host: &str) -> Option<Self> {
        let api = match host {
            "github.com" => "https://api.github.com".to_owned(),
            other => format!("https://{other}/api/v3"),
        };
        Some(Self { host: host.to_ascii_lowercase(), api: Url::parse(&api).ok()?, token: None })
    }
}

/// Reads files of repositories on one GitHub, also with globs, and finds files by their name. It follows no link to
/// another host.
pub struct GitHubReader {
    host: String,
    hosts: KnownHosts,
    api: GitHubApi,
    limit: Duration,
}

impl GitHubReader {
    /// A reader for a GitHub, within the bounds of `options`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn new(settings: GitHubSettings, options: &FetchOptions) -> Result<Self, ClientError> {
        let client = http_client(options.connect_timeout, options.proxies)?;
        Ok(Self {
            hosts: KnownHosts::none().with(&settings.host, HostKind::GitHub),
            host: settings.host,
            api: GitHubApi::new(client, settings.api, settings.token, options.max_bytes),
            limit: options.total_timeout,
        })
    }

    /// The file that a URL names.
    fn file(&self, url: &str) -> Result<(Repository, String), ReadError> {
        let parsed = parse_url(url)?;
        let file = RepositoryFile::parse(&parsed, &self.hosts)
            .map_err(|error| ReadError::Failed(error.to_string()))?
            .ok_or_else(|| ReadError::Failed(format!("'{url}' does not name a file in a repository")))?;
        Ok((self.repository(url)?, file.path))
    }

    /// The repository that a URL leads to.
    fn repository(&self, url: &str) -> Result<Repository, ReadError> {
        let parsed = parse_url(url)?;
        if has_credentials(&parsed) || climbs(parsed.path()) {
            return Err(ReadError::Failed(
                "a URL with credentials, or with .. in it, is not read".to_owned(),
            ));
        }
        let segments: Vec<&str> =
            parsed.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty()).collect();
        let [owner, name, rest @ ..] = segments.as_slice() else {
            return Err(ReadError::Failed(format!("'{url}' does not lead to a repository")));
        };
        let reference = match rest {
            ["blob" | "tree" | "edit" | "raw", reference, ..] => Some((*reference).to_owned()),
            _ => None,
        };
        let name = name.strip_suffix(".git").unwrap_or(name);
        let origin = format!("{}://{}", parsed.scheme(), self.host);
        Ok(Repository { origin, path: format!("{owner}/{name}"), reference })
    }

    async fn read_file(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        let (repository, path) = self.file(url)?;
        self.api.content(&repository.path, &path, repository.reference.as_deref(), options, url).await
    }

    /// All files that a pattern matches. The tree stands for all of them, so it is their entity tag.
    async fn search_glob(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        let (repository, pattern) = self.file(url)?;
        let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
        let matcher = glob
            .map_err(|error| ReadError::Failed(format!("'{url}' is not a pattern: {error}")))?
            .compile_matcher();
        self.read_tree(&repository, options, url, |path| matcher.is_match(path)).await
    }

    async fn read_tree(
        &self,
        repository: &Repository,
        options: &ReadOptions,
        url: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<SearchResponse, ReadError> {
        let reference = match &repository.reference {
            Some(reference) => reference.clone(),
            None => self.api.default_branch(&repository.path, url).await?,
        };
        let tree = self.api.tree(&repository.path, &reference, url).await?;
        if options.etag.as_ref() == Some(&tree.sha) {
            return Err(ReadError::NotModified);
        }
        let paths: Vec<String> = tree.files.into_iter().filter(|path| wanted(path)).collect();
        if paths.len() > MAX_FILES {
            let found = paths.len();
            return Err(ReadError::Failed(format!(
                "could not read {url}, {found} files match, and {MAX_FILES} are read at most"
            )));
        }
        let reads = paths.into_iter().map(|path| {
            let reference = reference.as_str();
            async move {
                let options = ReadOptions::default();
                let read = self.api.content(&repository.path, &path, Some(reference), &options, url).await?;
                let url = repository.file_url(reference, &path);
                Ok::<_, ReadError>(SearchFile { url, data: read.data })
            }
        });
        let files = futures::stream::iter(reads).buffered(CONCURRENT_READS).try_collect().await?;
        Ok(SearchResponse { files, etag: Some(tree.sha) })
    }

    async fn in_time<T>(
        &self,
        url: &str,
        work: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let limit = self.limit;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let limit = limit.as_millis();
            Err(ReadError::Failed(format!("could not read {url}, no answer within {limit} ms")))
        })
    }
}

/// What cannot be part of a URL's path as it is.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// A repository, and perhaps a branch, a tag or a commit of it.
struct Repository {
    /// Scheme and host of its URLs.
    origin: String,
    /// Owner and name.
    path: String,
    reference: Option<String>,
}

impl Repository {
    /// The URL of a file, as people see it.
    fn file_url(&self, reference: &str, path: &str) -> String {
        let path = utf8_percent_encode(path, PATH);
        format!("{}/{}/blob/{reference}/{path}", self.origin, self.path)
    }
}

#[async_trait]
impl UrlReader for GitHubReader {
    async fn read(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        self.in_time(url, self.read_file(url, options)).await
    }

    async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        if parse_url(url)?.path().contains('*') {
            return self.in_time(url, self.search_glob(url, options)).await;
        }
        match self.read(url, options).await {
            Ok(ReadResponse { data, etag }) => {
                Ok(SearchResponse { files: vec![SearchFile { url: url.to_owned(), data }], etag })
            }
            Err(ReadError::NotFound(_)) => Ok(SearchResponse { files: Vec::new(), etag: None }),
            Err(error) => Err(error),
        }
    }

    async fn find_files(&self, url: &str, file_name: &str) -> Result<Option<SearchResponse>, ReadError> {
        let repository = self.repository(url)?;
        let is_wanted = |path: &str| path.rsplit('/').next() == Some(file_name) || path == file_name;
        let options = ReadOptions::default();
        self.in_time(url, self.read_tree(&repository, &options, url, is_wanted)).await.map(Some)
    }

    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        resolve(target, base, &self.hosts).map_err(|error| ReadError::Failed(error.to_string()))
    }
}

impl HostReader for GitHubReader {
    fn matches(&self, url: &Url) -> bool {
        matches!(url.scheme(), "https" | "http") && host_and_port(url).is_some_and(|host| host == self.host)
    }
}
