//! Runs that cannot come to anything else. Most entities depend on nothing but their document: as long as that is the
//! same, and what is stored is what it came to, a routine refresh has nothing to do.

use std::collections::HashSet;

use callboard_store::KnownRun;
use parking_lot::RwLock;

/// So many are remembered, some 20 bytes each; then all are forgotten, and done once more.
const CAPACITY: usize = 2_000_000;

/// The runs that this process has done, by a hash. Another process may have other processors or settings.
#[derive(Default)]
pub(crate) struct SettledRuns(RwLock<HashSet<u128>>);

impl SettledRuns {
    pub(crate) fn contains(&self, run: KnownRun) -> bool {
        self.0.read().contains(&shortened(&run))
    }

    pub(crate) fn remember(&self, run: &KnownRun) {
        let mut settled = self.0.write();
        if settled.len() >= CAPACITY {
            settled.clear();
        }
        settled.insert(shortened(run));
    }
}

fn shortened(run: &KnownRun) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(run.uid.as_bytes());
    hasher.update(run.document_hash.as_bytes());
    hasher.update(run.result_hash.as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    u128::from_le_bytes(bytes)
}
