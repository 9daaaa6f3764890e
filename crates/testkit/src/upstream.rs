use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// An HTTP server of files that a catalog reads from.
pub struct Upstream {
    address: SocketAddr,
    files: Files,
    task: AbortHandle,
}

type Files = Arc<Mutex<HashMap<String, File>>>;

#[derive(Default)]
struct File {
    content: Option<Bytes>,
    failing: Option<StatusCode>,
    version: u64,
    reads: usize,
    unchanged: usize,
}

impl Upstream {
    /// Starts one without files.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let files = Files::default();
        let router =
            Router::new().route("/{*path}", axum::routing::get(serve)).with_state(Arc::clone(&files));
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, files, task: task.abort_handle() }
    }

    /// The entry for `backend.reading.allow`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The URL of a file.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Puts a file there, or another content into it; mends it if it failed.
    pub fn set(&self, path: &str, content: impl Into<Bytes>) {
        let mut files = lock(&self.files);
        let file = files.entry(path.to_owned()).or_default();
        file.content = Some(content.into());
        file.failing = None;
        file.version += 1;
    }

    /// Takes a file away.
    pub fn remove(&self, path: &str) {
        if let Some(file) = lock(&self.files).get_mut(path) {
            file.content = None;
        }
    }

    /// Has reads of a file fail with this status.
    pub fn fail(&self, path: &str, status: StatusCode) {
        lock(&self.files).entry(path.to_owned()).or_default().failing = Some(status);
    }

    /// How often a file was sent.
    pub fn reads(&self, path: &str) -> usize {
        lock(&self.files).get(path).map_or(0, |file| file.reads)
    }

    /// How often the answer was that a file had not changed.
    pub fn unchanged(&self, path: &str) -> usize {
        lock(&self.files).get(path).map_or(0, |file| file.unchanged)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(files): State<Files>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let mut files = lock(&files);
    let Some(file) = files.get_mut(&path) else { return StatusCode::NOT_FOUND.into_response() };
    if let Some(status) = file.failing {
        return status.into_response();
    }
    let Some(content) = file.content.clone() else { return StatusCode::NOT_FOUND.into_response() };
    let etag = format!("\"{}\"", file.version);
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        file.unchanged += 1;
        return StatusCode::NOT_MODIFIED.into_response();
    }
    file.reads += 1;
    ([(ETAG, etag)], content).into_response()
}

fn lock(files: &Mutex<HashMap<String, File>>) -> MutexGuard<'_, HashMap<String, File>> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}
