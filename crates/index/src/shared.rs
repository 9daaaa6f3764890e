//! The index shared between one writer and many readers.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::entity::Change;
use crate::index::Index;

/// The number of changes applied at once. One takes some ten microseconds, so readers wait about a millisecond.
const BATCH_SIZE: usize = 32;

/// How often the writer steps aside for waiting readers before it goes on regardless.
const YIELD_LIMIT: usize = 1000;

/// Puts an index into the hands of one writer and any number of readers.
///
/// # Examples
///
/// ```
/// use callboard_index::{Index, share};
///
/// let (mut writer, reader) = share(Index::new());
/// writer.apply([], 7);
/// assert_eq!(reader.version(), 7);
/// assert_eq!(reader.read().len(), 0);
/// ```
pub fn share(index: Index) -> (IndexWriter, IndexReader) {
    let version = AtomicU64::new(index.version());
    let shared =
        Arc::new(SharedIndex { index: RwLock::new(index), version, waiting_readers: AtomicUsize::new(0) });
    (IndexWriter { shared: Arc::clone(&shared) }, IndexReader { shared })
}

#[derive(Debug)]
struct SharedIndex {
    index: RwLock<Index>,
    /// The version of the index, to be read without waiting for the lock.
    version: AtomicU64,
    waiting_readers: AtomicUsize,
}

/// Changes the index. There is one, so changes have an order.
#[derive(Debug)]
pub struct IndexWriter {
    shared: Arc<SharedIndex>,
}

/// Reads the index. Cloning copies a pointer.
#[derive(Debug, Clone)]
pub struct IndexReader {
    shared: Arc<SharedIndex>,
}

/// A view of the index that does not change while it is held. The writer waits for it, so hold it for one query only,
/// and never across an await.
#[derive(Debug)]
pub struct IndexView<'a> {
    guard: RwLockReadGuard<'a, Index>,
}

impl IndexWriter {
    /// Applies changes in small batches, so that readers see some of them before others, and finally says that the index
    /// is at a version.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>, version: u64) {
        let mut rest = changes.into_iter().peekable();
        while rest.peek().is_some() {
            // Made here: drawing from the iterator may be slow, and no reader should wait for that.
            let batch: Vec<Change> = rest.by_ref().take(BATCH_SIZE).collect();
            self.change(|index| index.apply(batch));
            self.let_readers_pass();
        }
        self.change(|index| index.set_version(version));
        self.shared.version.store(version, Ordering::Release);
    }

    /// Puts another index in place of the present one, at once: for building a large one aside.
    pub fn replace(&mut self, index: Index) {
        let version = index.version();
        let mut former = index;
        self.change(|present| std::mem::swap(present, &mut former));
        self.shared.version.store(version, Ordering::Release);
        // The former index is dropped here, after the lock.
    }

    /// A reader of the same index.
    pub fn reader(&self) -> IndexReader {
        IndexReader { shared: Arc::clone(&self.shared) }
    }

    fn change(&mut self, change: impl FnOnce(&mut Index)) {
        // A panic inside a change would be a defect of the index; serving on is better than failing every request.
        let mut index = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut index);
    }

    /// The lock itself does not keep the writer from taking it again before a waiting reader wakes up.
    fn let_readers_pass(&self) {
        for _ in 0..YIELD_LIMIT {
            if self.shared.waiting_readers.load(Ordering::Acquire) == 0 {
                return;
            }
            std::thread::yield_now();
        }
    }
}

impl IndexReader {
    /// A consistent view of the index. Waits for at most one small batch of changes.
    pub fn read(&self) -> IndexView<'_> {
        self.shared.waiting_readers.fetch_add(1, Ordering::AcqRel);
        let guard = self.shared.index.read().unwrap_or_else(PoisonError::into_inner);
        self.shared.waiting_readers.fetch_sub(1, Ordering::AcqRel);
        IndexView { guard }
    }

    /// The version that the index has reached, without waiting. A view taken afterwards is at least at this version.
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }
}

impl Deref for IndexView<'_> {
    type Target = Index;

    fn deref(&self) -> &Index {
        &self.guard
    }
}
