//! Reads locations of type `file`: one file, or all that a pattern stands for.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use callboard_model::{EntityError, LocationPresence, LocationRef, LocationSpec};
use callboard_sdk::{Emission, EntityParser, Hooks, Processor, ReadContext, async_trait};
use parking_lot::Mutex;

use super::glob_walk;
use parsed_files::{ParsedFiles, Stamp};

mod parsed_files;

pub(crate) const NAME: &str = "FileReaderProcessor";
/// Files that are larger are not descriptors.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// A file changed this shortly before may change again without its time showing it.
const CLOCK_GRAIN: Duration = Duration::from_secs(2);

pub(crate) struct FileReaderProcessor {
    reader: Arc<Reader>,
    timeout: Duration,
}

struct Reader {
    parser: Arc<dyn EntityParser>,
    parsed: Mutex<ParsedFiles>,
}

/// What one file gave.
struct FileResult {
    path: String,
    emissions: Arc<[Emission]>,
}

impl FileReaderProcessor {
    pub(crate) fn new(parser: Arc<dyn EntityParser>, timeout: Duration) -> Self {
        Self { reader: Arc::new(Reader { parser, parsed: Mutex::default() }), timeout }
    }

    async fn read(&self, target: &str) -> Result<Vec<FileResult>, String> {
        let (reader, pattern) = (Arc::clone(&self.reader), target.to_owned());
        let work = tokio::task::spawn_blocking(move || reader.read_all(&pattern));
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("the parser panicked".to_owned()),
            Err(_) => Err(format!("it took longer than {:?}", self.timeout)),
        }
    }
}

#[async_trait]
impl Processor for FileReaderProcessor {
    fn name(&self) -> &str {
        NAME
    }

    fn hooks(&self) -> Hooks {
        Hooks { read_location: true, ..Hooks::NONE }
    }

    async fn read_location(
        &self,
        location: &LocationSpec,
        context: ReadContext<'_>,
    ) -> Result<bool, EntityError> {
        if location.location_type != "file" {
            return Ok(false);
        }
        let target = &location.target;
        match self.read(target).await {
            Ok(files) if files.is_empty() => {
                if location.presence == LocationPresence::Required {
                    context.emit.error(EntityError::not_found(format!("file {target} does not exist")));
                }
            }
            Ok(files) => {
                for file in files {
                    file.emissions.iter().for_each(|emission| context.emit.emit(emission.clone()));
                    if !file.emissions.is_empty() {
                        context.emit.refresh_key(format!("file:{}", file.path));
                    }
                }
            }
            Err(reason) => {
                context
                    .emit
                    .error(EntityError::general(format!("file {target} could not be read, {reason}")));
            }
        }
        Ok(true)
    }
}

impl Reader {
    fn read_all(&self, pattern: &str) -> Result<Vec<FileResult>, String> {
        let paths = glob_walk::expand(pattern).map_err(|error| error.to_string())?;
        let readers = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(paths.len());
        if readers <= 1 {
            return paths.iter().map(|path| self.read_file(path)).collect();
        }
        // Parsing is all computation: many files are shared out among the cores.
        let share = paths.len().div_ceil(readers);
        let read_share =
            |paths: &[PathBuf]| paths.iter().map(|path| self.read_file(path)).collect::<Vec<_>>();
        let results = thread::scope(|scope| {
            let shares: Vec<_> =
                paths.chunks(share).map(|paths| scope.spawn(move || read_share(paths))).collect();
            shares.into_iter().map(thread::ScopedJoinHandle::join).collect::<Result<Vec<_>, _>>()
        });
        let results = results.map_err(|_| "the parser panicked".to_owned())?;
        results.into_iter().flatten().collect()
    }

    fn read_file(&self, path: &PathBuf) -> Result<FileResult, String> {
        let describe = |error: std::io::Error| format!("{}: {error}", path.display());
        let before = stamp(path).map_err(describe)?;
        let name = crate::file_path::normalize(path);
        if let Some(emissions) = self.parsed.lock().unchanged(&name, before) {
            return Ok(FileResult { path: name, emissions });
        }
        if before.bytes > MAX_FILE_BYTES {
            return Err(format!("{}: larger than {MAX_FILE_BYTES} bytes", path.display()));
        }
        let data = fs::read(path).map_err(describe)?;
        let hash = blake3::hash(&data);
        let known = self.parsed.lock().same_content(&name, hash);
        let emissions = if let Some(emissions) = known {
            emissions
        } else {
            let location = LocationRef::new("file", &*name).map_err(|error| error.to_string())?;
            self.parser.parse(&data, &location).into()
        };
        self.parsed.lock().remember(&name, before, hash, Arc::clone(&emissions));
        Ok(FileResult { path: name, emissions })
    }
}

fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let metadata = fs::metadata(path)?;
    let modified = metadata.modified()?;
    let settled = SystemTime::now().duration_since(modified).is_ok_and(|age| age > CLOCK_GRAIN);
    Ok(Stamp { bytes: metadata.len(), modified, settled })
}
