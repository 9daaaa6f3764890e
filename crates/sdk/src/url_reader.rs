use async_trait::async_trait;
use bytes::Bytes;
use callboard_model::EntityError;
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;

/// Why a URL could not be read. The kinds have a meaning to the catalog.
#[derive(Debug, Clone, Error)]
pub enum ReadError {
    /// It is what it was when the given `ETag` was valid.
    #[error("not modified")]
    NotModified,
    /// There is nothing at that URL.
    #[error("{0}")]
    NotFound(String),
    /// The configuration does not allow reading from there.
    #[error("{0}")]
    NotAllowed(String),
    /// It failed; it may work the next time.
    #[error("{0}")]
    Failed(String),
}

/// What the caller knows already.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The `ETag` of the last answer: if it still holds, the answer is [`ReadError::NotModified`].
    pub etag: Option<String>,
}

impl ReadOptions {
    /// The caller has the answer with this `ETag`, if any.
    pub fn unless(etag: Option<String>) -> Self {
        Self { etag }
    }
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct ReadResponse {
    /// Its content.
    pub data: Bytes,
    /// Its `ETag`, if the host gives one.
    pub etag: Option<String>,
}

impl ReadResponse {
    /// Its content, read as JSON into a type.
    ///
    /// # Errors
    ///
    /// [`ReadError::Failed`]: it is no JSON, or not of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        serde_json::from_slice(&self.data).map_err(|error| {
            ReadError::Failed(format!("the answer is not the JSON that was expected: {error}"))
        })
    }
}

/// What a run that could not read says of it.
impl From<ReadError> for EntityError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound(message) => Self::not_found(message),
            ReadError::NotAllowed(message) => Self::not_allowed(message),
            ReadError::NotModified | ReadError::Failed(_) => Self::general(error.to_string()),
        }
    }
}

/// One file of a search.
#[derive(Debug, Clone)]
pub struct SearchFile {
    /// Where it is.
    pub url: String,
    /// Its content.
    pub data: Bytes,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct SearchResponse {
    /// The files; none is no error.
    pub files: Vec<SearchFile>,
    /// Stands for all of them together.
    pub etag: Option<String>,
}

/// What a source control host makes of the URL of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScmFile {
    /// Where people can edit it, if the host has such a page.
    pub edit_url: Option<String>,
    /// The URL of the directory it is in, with a slash at the end.
    pub directory_url: String,
    /// Stands for host and repository: equal for two files of one repository. `None` if the URL does not name
    /// a file in a repository.
    pub repository: Option<String>,
}

/// Reads files from the outside world. Every call is bounded in time and size, and asks no host that the
/// configuration does not allow.
#[async_trait]
pub trait UrlReader: Send + Sync {
    /// Reads one file.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    async fn read(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError>;

    /// Finds and reads the files that a URL stands for: one, or many where the host understands globs. A file
    /// that is not there makes an empty answer.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; never `NotFound` for a plain URL.
    async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError>;

    /// Finds and reads all files with this name in the repository that a URL leads to. `None` if the host cannot be
    /// searched.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    async fn find_files(&self, _url: &str, _file_name: &str) -> Result<Option<SearchResponse>, ReadError> {
        Ok(None)
    }

    /// Makes `target`, as written in a file at `base`, absolute: by the rules of the host, else of URLs.
    ///
    /// # Errors
    ///
    /// [`ReadError::Failed`] if either is not a URL.
    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError>;

    /// What is known of a URL on a host that source control is configured for; `None` on any other host.
    fn scm_file(&self, _url: &str) -> Option<ScmFile> {
        None
    }
}

/// A reader that is responsible for some hosts.
///
/// ```
/// use callboard_sdk::{
///     HostReader, ReadError, ReadOptions, ReadResponse, SearchFile, SearchResponse, UrlReader, async_trait,
/// };
/// use url::Url;
///
/// /// Knows one file of one host.
/// struct Vault;
///
/// #[async_trait]
/// impl UrlReader for Vault {
///     async fn read(&self, url: &str, _options: &ReadOptions) -> Result<ReadResponse, ReadError> {
///         match url {
///             "https://vault.example.com/motto" => Ok(ReadResponse { data: "Silence!".into(), etag: None }),
///             _ => Err(ReadError::NotFound(format!("the vault has no {url}"))),
///         }
///     }
///
///     async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
///         let files = match self.read(url, options).await {
///             Ok(answer) => vec![SearchFile { url: url.to_owned(), data: answer.data }],
///             Err(ReadError::NotFound(_)) => Vec::new(),
///             Err(error) => return Err(error),
///         };
///         Ok(SearchResponse { files, etag: None })
///     }
///
///     fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
///         let resolved = Url::parse(base).and_then(|base| base.join(target));
///         resolved.map(String::from).map_err(|error| ReadError::Failed(error.to_string()))
///     }
/// }
///
/// impl HostReader for Vault {
///     fn matches(&self, url: &Url) -> bool {
///         url.host_str() == Some("vault.example.com")
///     }
/// }
/// ```
pub trait HostReader: UrlReader {
    /// Whether this reader is to be asked for a URL. The first one that says so is the only one that is.
    fn matches(&self, url: &Url) -> bool;
}
