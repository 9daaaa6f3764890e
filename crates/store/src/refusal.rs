use async_trait::async_trait;
use callboard_model::EntityRef;
use jiff::Timestamp;

use crate::{ProviderName, Result};

/// How much of a provider's bucket some refs are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BucketShare {
    /// How many claims the provider has.
    pub total: u64,
    /// How many of them are on these refs.
    pub part: u64,
}

/// A change of a bucket that was refused because it would have removed too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRemoval {
    /// Whose bucket.
    pub provider: ProviderName,
    /// When it was refused last.
    pub at: Timestamp,
    /// How many entities it would have removed.
    pub removed: u64,
    /// How many there were.
    pub total: u64,
    /// Until when the next such change is let pass, once, if somebody has said so.
    pub confirmed_until: Option<Timestamp>,
}

/// Removals that were refused, and whether the next one is wanted. Each method is one transaction.
#[async_trait]
pub trait Refusals: Send + Sync {
    /// How many claims a provider has, and on how many of these refs.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn bucket_share(&self, provider: &ProviderName, refs: &[EntityRef]) -> Result<BucketShare>;

    /// Writes down that a change was refused, in place of what was there of this provider.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn record_refusal(&self, refusal: RefusedRemoval) -> Result<()>;

    /// All that stands, in order of the providers' names.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn refusals(&self) -> Result<Vec<RefusedRemoval>>;

    /// Lets the next change of this provider pass until that time. `false`: nothing was refused.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn confirm_refusal(&self, provider: &ProviderName, until: Timestamp) -> Result<bool>;

    /// Forgets a refusal; returns whether a confirmation of it still held.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn settle_refusal(&self, provider: &ProviderName, now: Timestamp) -> Result<bool>;
}
