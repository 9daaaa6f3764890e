//! What files gave when they were last parsed, so that unchanged ones need not be parsed again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use callboard_sdk::Emission;

/// Parsed files take about ten times their length in memory.
const MAX_SOURCE_BYTES: u64 = 16 * 1024 * 1024;

/// What the file system says of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Its length.
    pub(super) bytes: u64,
    /// When it was last written.
    pub(super) modified: SystemTime,
    /// Whether that is long enough ago for a later change to show.
    pub(super) settled: bool,
}

/// The files used last, up to a total length.
#[derive(Default)]
pub(super) struct ParsedFiles {
    files: HashMap<String, ParsedFile>,
    source_bytes: u64,
    uses: u64,
}

struct ParsedFile {
    stamp: Stamp,
    hash: blake3::Hash,
    emissions: Arc<[Emission]>,
    last_use: u64,
}

impl ParsedFiles {
    /// What the file gave, if it certainly is what it was.
    pub(super) fn unchanged(&mut self, path: &str, stamp: Stamp) -> Option<Arc<[Emission]>> {
        let file = self.files.get_mut(path).filter(|file| file.stamp == stamp && stamp.settled)?;
        self.uses += 1;
        file.last_use = self.uses;
        Some(Arc::clone(&file.emissions))
    }

    /// What the file gave, if its content is what it was.
    pub(super) fn same_content(&self, path: &str, hash: blake3::Hash) -> Option<Arc<[Emission]>> {
        self.files.get(path).filter(|file| file.hash == hash).map(|file| Arc::clone(&file.emissions))
    }

    pub(super) fn remember(
        &mut self,
        path: &str,
        stamp: Stamp,
        hash: blake3::Hash,
        emissions: Arc<[Emission]>,
    ) {
        self.uses += 1;
        let file = ParsedFile { stamp, hash, emissions, last_use: self.uses };
        if let Some(previous) = self.files.insert(path.to_owned(), file) {
            self.source_bytes -= cost(previous.stamp);
        }
        self.source_bytes += cost(stamp);
        while self.source_bytes > MAX_SOURCE_BYTES {
            let Some(oldest) = self.files.iter().min_by_key(|(_, file)| file.last_use) else { break };
            let path = oldest.0.clone();
            if let Some(file) = self.files.remove(&path) {
                self.source_bytes -= cost(file.stamp);
            }
        }
    }
}

/// A file's share of the total; an empty one has its price too.
fn cost(stamp: Stamp) -> u64 {
    stamp.bytes + 512
}

#[cfg(test)]
mod tests {
    use super::{MAX_SOURCE_BYTES, ParsedFiles, Stamp};
    use std::time::{Duration, SystemTime};

    fn stamp(bytes: u64, seconds: u64, settled: bool) -> Stamp {
        Stamp { bytes, modified: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), settled }
    }

    #[test]
    fn only_a_settled_stamp_that_is_the_same_spares_the_reading() {
        let mut files = ParsedFiles::default();
        let hash = blake3::hash(b"content");
        files.remember("a", stamp(7, 1, true), hash, [].into());
        assert!(files.unchanged("a", stamp(7, 1, true)).is_some());
        assert!(files.unchanged("a", stamp(7, 2, true)).is_none());
        assert!(files.unchanged("a", stamp(8, 1, true)).is_none());
        assert!(files.unchanged("a", stamp(7, 1, false)).is_none());
        assert!(files.same_content("a", hash).is_some());
        assert!(files.same_content("a", blake3::hash(b"other")).is_none());
    }

    #[test]
    fn the_file_not_used_for_longest_makes_room() {
        let mut files = ParsedFiles::default();
        let (hash, half) = (blake3::hash(b""), stamp(MAX_SOURCE_BYTES / 2 - 512, 1, true));
        files.remember("a", half, hash, [].into());
        files.remember("b", half, hash, [].into());
        assert!(files.unchanged("a", half).is_some());
        files.remember("c", half, hash, [].into());
        assert!(files.unchanged("b", half).is_none());
        assert!(files.unchanged("a", half).is_some() && files.unchanged("c", half).is_some());
    }
}
