use async_trait::async_trait;
use jiff::Timestamp;

use crate::Result;

/// The public half of a key that a node signs tokens with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// The name by which tokens refer to it.
    pub id: String,
    /// The key itself, as published.
    pub key: String,
    /// From when on nothing that it signed is valid.
    pub expires_at: Timestamp,
}

/// The public keys of all nodes on one database. Private keys never come here: a node that restarts makes a new one,
/// and what it signed before stays valid.
#[async_trait]
pub trait PublishedKeys: Send + Sync {
    /// Publishes a key, and forgets those that have expired. An id that is there already keeps its key.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn publish_key(&self, key: PublishedKey, now: Timestamp) -> Result<()>;

    /// The keys that have not expired; the one that expires first comes first.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn published_keys(&self, now: Timestamp) -> Result<Vec<PublishedKey>>;
}
