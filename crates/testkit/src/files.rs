use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use callboard::sdk::{ReadError, ReadOptions, ReadResponse, SearchFile, SearchResponse, UrlReader};
use serde_json::Value;
use url::Url;

/// Files behind URLs of any host, without a network. Clones share them.
///
/// What is read has an `ETag` that stands for its content, so that readers can be told that nothing changed.
///
/// ```
/// use callboard::sdk::{ReadError, ReadOptions, UrlReader as _};
/// use callboard_testkit::FakeFiles;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let files = FakeFiles::default();
/// files.set_json("https://frobs.example.com/data", &serde_json::json!([{ "id": 1 }]));
/// let answer = files.read("https://frobs.example.com/data", &ReadOptions::default()).await?;
/// let again = files.read("https://frobs.example.com/data", &ReadOptions::unless(answer.etag)).await;
/// assert!(matches!(again, Err(ReadError::NotModified)));
/// assert_eq!(files.reads("https://frobs.example.com/data"), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FakeFiles(Arc<Mutex<HashMap<String, File>>>);

#[derive(Debug, Default)]
struct File {
    content: Option<Bytes>,
    failure: Option<ReadError>,
    reads: usize,
    unchanged: usize,
}

impl FakeFiles {
    /// Puts a file there, or another content into it; mends it if it failed.
    pub fn set(&self, url: &str, content: impl Into<Bytes>) {
        let mut files = self.lock();
        let file = files.entry(url.to_owned()).or_default();
        file.content = Some(content.into());
        file.failure = None;
    }

    /// The same, with JSON in it.
    pub fn set_json(&self, url: &str, content: &Value) {
        self.set(url, content.to_string());
    }

    /// Has reads of a file fail.
    pub fn fail(&self, url: &str, error: ReadError) {
        self.lock().entry(url.to_owned()).or_default().failure = Some(error);
    }

    /// Takes a file away.
    pub fn remove(&self, url: &str) {
        if let Some(file) = self.lock().get_mut(url) {
            file.content = None;
        }
    }

    /// How often a file was handed out.
    pub fn reads(&self, url: &str) -> usize {
        self.lock().get(url).map_or(0, |file| file.reads)
    }

    /// How often the answer was that a file had not changed.
    pub fn unchanged(&self, url: &str) -> usize {
        self.lock().get(url).map_or(0, |file| file.unchanged)
    }

    fn find(&self, url: &str, known: Option<&str>) -> Result<(Bytes, String), ReadError> {
        let mut files = self.lock();
        let not_found = || ReadError::NotFound(format!("there is no {url}"));
        let file = files.get_mut(url).ok_or_else(not_found)?;
        if let Some(failure) = &file.failure {
            return Err(failure.clone());
        }
        let content = file.content.clone().ok_or_else(not_found)?;
        let etag = blake3::hash(&content).to_hex().to_string();
        if known == Some(&etag) {
            file.unchanged += 1;
            return Err(ReadError::NotModified);
        }
        file.reads += 1;
        Ok((content, etag))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl UrlReader for FakeFiles {
    async fn read(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        let (data, etag) = self.find(url, options.etag.as_deref())?;
        Ok(ReadResponse { data, etag: Some(etag) })
    }

    async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        match self.find(url, options.etag.as_deref()) {
            Ok((data, etag)) => {
                Ok(SearchResponse { files: vec![SearchFile { url: url.to_owned(), data }], etag: Some(etag) })
            }
            Err(ReadError::NotFound(_)) => Ok(SearchResponse { files: Vec::new(), etag: None }),
            Err(error) => Err(error),
        }
    }

    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        let resolved = Url::parse(base).and_then(|base| base.join(target));
        resolved
            .map(String::from)
            .map_err(|error| ReadError::Failed(format!("{target} at {base} is no URL: {error}")))
    }
}
