//! Ids of terms: small numbers that entities keep instead of text.

use super::vec_growth::{narrow, push};

/// Marks an id that is not in use.
const UNUSED: u32 = u32::MAX;

/// Knows for each term id which chunk of its key's [`ValueMap`](super::value_map::ValueMap) holds the value.
#[derive(Debug, Default)]
pub(crate) struct TermTable {
    chunks: Vec<u32>,
    free: Vec<u32>,
}

impl TermTable {
    pub(crate) fn allocate(&mut self, chunk: u32) -> u32 {
        if let Some(term) = self.free.pop() {
            self.chunks[term as usize] = chunk;
            return term;
        }
        push(&mut self.chunks, chunk);
        narrow(self.chunks.len() - 1)
    }

    pub(crate) fn release(&mut self, term: u32) {
        self.chunks[term as usize] = UNUSED;
        self.free.push(term);
    }

    pub(crate) fn move_to(&mut self, term: u32, chunk: u32) {
        self.chunks[term as usize] = chunk;
    }

    pub(crate) fn chunk_of(&self, term: u32) -> Option<u32> {
        self.chunks.get(term as usize).copied().filter(|chunk| *chunk != UNUSED)
    }

    /// The number of terms in use.
    pub(crate) fn len(&self) -> usize {
        self.chunks.len() - self.free.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        (self.chunks.capacity() + self.free.capacity()) * size_of::<u32>()
    }
}
