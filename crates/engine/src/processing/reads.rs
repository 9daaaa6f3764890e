//! The way to the outside world: so many reads at a time, each bounded, and routine ones never in the way of
//! urgent ones.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use callboard_sdk::{HostReader, ReadError, ReadOptions, ReadResponse, ScmFile, SearchResponse, UrlReader};
use tokio::sync::Semaphore;

use crate::settings::ProcessingSettings;

tokio::task_local! {
    static LANE: Lane;
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Something is new, changed or asked for.
    Urgent,
    /// It is only time to look again.
    Routine,
}

impl Lane {
    /// Runs `work` so that its reads count as of this lane. Without a lane, reads are urgent.
    pub(crate) fn run<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        LANE.scope(self, work)
    }

    fn current() -> Self {
        LANE.try_with(|lane| *lane).unwrap_or(Self::Urgent)
    }
}

/// Readers for some hosts before the reader of all others.
pub(crate) struct OwnReaders {
    pub(crate) own: Vec<Arc<dyn HostReader>>,
    pub(crate) others: Arc<dyn UrlReader>,
}

impl OwnReaders {
    fn of(&self, url: &str) -> &dyn UrlReader {
        let parsed = url::Url::parse(url).ok();
        let own = parsed.and_then(|url| self.own.iter().find(|reader| reader.matches(&url)));
        match own {
            Some(reader) => &**reader,
            None => &*self.others,
        }
    }
}

#[async_trait]
impl UrlReader for OwnReaders {
    async fn read(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        self.of(url).read(url, options).await
    }

    async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        self.of(url).search(url, options).await
    }

    async fn find_files(&self, url: &str, file_name: &str) -> Result<Option<SearchResponse>, ReadError> {
        self.of(url).find_files(url, file_name).await
    }

    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        self.of(base).resolve(target, base)
    }

    fn scm_file(&self, url: &str) -> Option<ScmFile> {
        self.of(url).scm_file(url).or_else(|| self.others.scm_file(url))
    }
}

/// A URL reader with a limited number of calls at a time.
pub(crate) struct GatedReader {
    inner: Arc<dyn UrlReader>,
    urgent: Semaphore,
    routine: Semaphore,
    timeout: Duration,
}

impl GatedReader {
    pub(crate) fn new(inner: Arc<dyn UrlReader>, settings: &ProcessingSettings) -> Self {
        Self {
            inner,
            urgent: Semaphore::new(settings.urgent_reads.max(1)),
            routine: Semaphore::new(settings.routine_reads.max(1)),
            timeout: settings.read_timeout,
        }
    }

    async fn in_turn<T>(
        &self,
        url: &str,
        read: impl Future<Output = Result<T, ReadError>> + Send,
    ) -> Result<T, ReadError> {
        let gate = match Lane::current() {
            Lane::Urgent => &self.urgent,
            Lane::Routine => &self.routine,
        };
        let _turn =
            gate.acquire().await.map_err(|_| ReadError::Failed("the server is shutting down".to_owned()))?;
        tokio::time::timeout(self.timeout, read).await.unwrap_or_else(|_| {
            Err(ReadError::Failed(format!("{url} did not answer within {:?}", self.timeout)))
        })
    }
}

#[async_trait]
impl UrlReader for GatedReader {
    async fn read(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        self.in_turn(url, self.inner.read(url, options)).await
    }

    async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        self.in_turn(url, self.inner.search(url, options)).await
    }

    async fn find_files(&self, url: &str, file_name: &str) -> Result<Option<SearchResponse>, ReadError> {
        self.in_turn(url, self.inner.find_files(url, file_name)).await
    }

    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        self.inner.resolve(target, base)
    }

    fn scm_file(&self, url: &str) -> Option<ScmFile> {
        self.inner.scm_file(url)
    }
}

/// Stands in where no reader is installed: nothing may be read.
pub(crate) struct NoReader;

#[async_trait]
impl UrlReader for NoReader {
    async fn read(&self, url: &str, _options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        Err(not_allowed(url))
    }

    async fn search(&self, url: &str, _options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        Err(not_allowed(url))
    }

    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        url::Url::parse(base)
            .and_then(|base| base.join(target))
            .map(String::from)
            .map_err(|error| ReadError::Failed(error.to_string()))
    }
}

fn not_allowed(url: &str) -> ReadError {
    ReadError::NotAllowed(format!("Reading from '{url}' is not allowed: no URL reader is installed"))
}
