//! Compression of many documents at once.

use std::sync::Arc;
use std::thread::available_parallelism;

use callboard_store::{Result, StoreError};
use tokio::sync::mpsc;

use crate::body::compress;

/// Up to so many are compressed where they are needed.
const FEW: usize = 32;
/// Of more than that, a thread compresses so many before it hands them over.
const CHUNK: usize = 256;
/// How many chunks of a thread may wait to be taken.
const CHUNKS_WAITING: usize = 16;

/// Documents that are compressed on all cores, while what has been compressed is written.
#[derive(Debug)]
pub struct Compression {
    /// Chunks in turns, one thread after the other.
    chunks: Vec<mpsc::Receiver<Vec<Vec<u8>>>>,
    turn: usize,
    /// How many documents have not been handed over.
    missing: usize,
    /// Those that are compressed and were not asked for yet.
    ready: Vec<Vec<u8>>,
}

impl Compression {
    /// Begins to compress documents.
    pub fn begin(documents: Vec<Arc<[u8]>>) -> Self {
        if documents.len() <= FEW {
            let ready = documents.iter().map(|json| compress(json)).collect();
            return Self { chunks: Vec::new(), turn: 0, missing: 0, ready };
        }
        let threads = available_parallelism().map_or(1, usize::from).min(documents.len().div_ceil(CHUNK));
        let missing = documents.len();
        let documents: Arc<[Arc<[u8]>]> = documents.into();
        let chunks = (0..threads).map(|thread| {
            let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
            let documents = Arc::clone(&documents);
            tokio::task::spawn_blocking(move || {
                for chunk in documents.chunks(CHUNK).skip(thread).step_by(threads) {
                    let compressed = chunk.iter().map(|json| compress(json)).collect();
                    if sender.blocking_send(compressed).is_err() {
                        // Nobody waits for them any more.
                        return;
                    }
                }
            });
            receiver
        });
        Self { chunks: chunks.collect(), turn: 0, missing, ready: Vec::new() }
    }

    /// The next documents in their order: so many, or as many as there are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]: the runtime is about to end.
    pub async fn next(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        while self.ready.len() < count && self.missing > 0 {
            let chunk = self.chunks[self.turn].recv().await;
            let chunk =
                chunk.ok_or_else(|| StoreError::Unavailable("compression ended before its time".into()))?;
            self.turn = (self.turn + 1) % self.chunks.len();
            self.missing -= chunk.len();
            self.ready.extend(chunk);
        }
        let later = self.ready.split_off(count.min(self.ready.len()));
        Ok(std::mem::replace(&mut self.ready, later))
    }
}

/// Compresses documents on all cores; in the same order.
///
/// # Errors
///
/// [`StoreError::Unavailable`]: the runtime is about to end.
pub async fn compress_all(documents: Vec<Arc<[u8]>>) -> Result<Vec<Vec<u8>>> {
    let count = documents.len();
    Compression::begin(documents).next(count).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::decompress;

    fn documents(count: usize) -> Vec<Arc<[u8]>> {
        (0..count).map(|number| format!("{{\"number\":{number}}}").into_bytes().into()).collect()
    }

    async fn compressed_by(count: usize, block: usize) -> Vec<Arc<[u8]>> {
        let mut compression = Compression::begin(documents(count));
        let mut all = Vec::new();
        loop {
            let bodies = compression.next(block).await.unwrap();
            assert_eq!(bodies.len(), block.min(count - all.len()));
            if bodies.is_empty() {
                return all;
            }
            all.extend(bodies.iter().map(|body| decompress(body).unwrap()));
        }
    }

    #[tokio::test]
    async fn documents_come_in_their_order_whatever_their_number() {
        for (count, block) in
            [(0, 7), (1, 7), (32, 10), (33, 40), (700, 256), (10_000, 1000), (10_000, 20_000)]
        {
            assert_eq!(compressed_by(count, block).await, documents(count));
        }
    }
}
