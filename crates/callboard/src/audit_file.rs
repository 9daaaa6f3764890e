//! `callboard.audit.file`: events as lines of JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use callboard_api::{AuditEvent, AuditSink};
use parking_lot::Mutex;
use serde_json::json;

/// How many events may wait to be written. Beyond that they are counted, and only the log has them.
const WAITING: usize = 4096;
/// How many are written at once.
const BATCH: usize = 256;

/// Writes events to the end of a file, on a thread of its own. The file may be moved away at any time, as programs do
/// that rotate logs: the next event is then in a new file of the name.
pub(crate) struct AuditFile {
    sender: Mutex<Option<SyncSender<Vec<u8>>>>,
    lost: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl AuditFile {
    /// Opens the file, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// It cannot be written to.
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        let cannot_open = || format!("callboard.audit.file: cannot open {}", path.display());
        let file = open(&path).with_context(cannot_open)?;
        let (sender, receiver) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { path, file, lost: Arc::clone(&lost) };
        let thread =
            std::thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(&receiver))?;
        Ok(Self { sender: Mutex::new(Some(sender)), lost, writer: Mutex::new(Some(thread)) })
    }

    /// Writes what waits, and ends. Later events are in the log alone.
    pub(crate) fn close(&self) {
        self.sender.lock().take();
        let writer = self.writer.lock().take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the audit file was not written to its end");
        }
    }
}

impl AuditSink for AuditFile {
    fn record(&self, event: &AuditEvent) {
        let line = match serde_json::to_vec(event) {
            Ok(mut line) => {
                line.push(b'\n');
                line
            }
            Err(error) => {
                tracing::error!(%error, "an audit event cannot be written as JSON");
                return;
            }
        };
        let sent = match &*self.sender.lock() {
            Some(sender) => sender.try_send(line),
            None => Err(TrySendError::Disconnected(line)),
        };
        if sent.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Writer {
    path: PathBuf,
    file: File,
    lost: Arc<AtomicU64>,
}

impl Writer {
    /// Writes until there is nobody left who could send.
    fn run(mut self, receiver: &Receiver<Vec<u8>>) {
        while let Ok(first) = receiver.recv() {
            let mut batch = first;
            let mut events: u64 = 1;
            for line in receiver.try_iter().take(BATCH - 1) {
                batch.extend_from_slice(&line);
                events += 1;
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                batch.extend_from_slice(loss(lost).as_bytes());
                tracing::error!(
                    events = lost,
                    "audit events are missing in the file, for it could not keep up"
                );
            }
            if let Err(error) = self.write(&batch) {
                self.lost.fetch_add(events + lost, Ordering::Relaxed);
                tracing::error!(file = %self.path.display(), %error, events, "audit events could not be written");
            }
        }
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            tracing::error!(events = lost, "audit events are missing in the file");
        }
    }

    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        if self.is_elsewhere() {
            self.file = open(&self.path)?;
        }
        self.file.write_all(batch)
    }

    /// Whether the file was moved away or removed since it was opened.
    fn is_elsewhere(&self) -> bool {
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        match (std::fs::metadata(&self.path), self.file.metadata()) {
            (Ok(named), Ok(opened)) => identity(named) != identity(opened),
            _ => true,
        }
    }
}

/// Only its owner may read it: it says who did what.
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// The line that says how many are missing.
fn loss(events: u64) -> String {
    let at = jiff::Timestamp::now();
    format!(
        "{}\n",
        json!({ "at": at, "eventId": "audit-loss", "severityLevel": "high", "lostEvents": events })
    )
}

#[cfg(test)]
mod tests {
    use callboard_api::{AuditActor, AuditRequest, AuditSeverity, AuditStatus};
    use serde_json::{Map, Value};

    use super::*;

    fn event(id: &str) -> AuditEvent {
        AuditEvent {
            at: jiff::Timestamp::UNIX_EPOCH,
            event_id: "location-mutate",
            action: "create",
            severity_level: AuditSeverity::Medium,
            status: AuditStatus::Succeeded,
            error: None,
            actor: AuditActor::default(),
            target: Map::new(),
            request: AuditRequest { id: id.to_owned(), ..AuditRequest::default() },
        }
    }

    fn ids(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line.pointer("/request/id").unwrap_or(&line["lostEvents"]).clone()).collect()
    }

    #[test]
    fn lines_are_added_to_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/audit.jsonl");
        for id in ["1", "2"] {
            let file = AuditFile::open(path.clone()).unwrap();
            file.record(&event(id));
            file.close();
        }
        assert_eq!(ids(&path), ["1", "2"]);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit"), folder.path().join("audit.1"));
        let opened = open(&path).unwrap();
        let mut writer = Writer { path: path.clone(), file: opened, lost: Arc::default() };
        let line = |id: &str| serde_json::to_vec(&event(id)).unwrap();
        writer.write(&line("1")).unwrap();
        std::fs::rename(&path, &moved).unwrap();
        writer.write(&line("2")).unwrap();
        assert_eq!((ids(&moved), ids(&path)), (vec!["1".into()], vec!["2".into()]));
        std::fs::remove_file(&path).unwrap();
        writer.write(&line("3")).unwrap();
        assert_eq!(ids(&path), ["3"]);
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let (sender, receiver) = sync_channel(2);
        let lost = Arc::new(AtomicU64::new(0));
        let file =
            AuditFile { sender: Mutex::new(Some(sender)), lost: Arc::clone(&lost), writer: Mutex::default() };
        for id in ["1", "2", "3", "4", "5"] {
            file.record(&event(id));
        }
        file.close();
        Writer { file: open(&path).unwrap(), path: path.clone(), lost }.run(&receiver);
        assert_eq!(ids(&path), [Value::from("1"), Value::from("2"), Value::from(3)]);
    }
}
