use async_trait::async_trait;
use callboard_model::EntityRef;
use jiff::Timestamp;

use crate::{BucketShare, MutationReport, NewClaim, ProviderName, Result, Uid};

/// How it stands with a pass over a large source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestionStatus {
    /// Pages are being read.
    Bursting,
    /// Between two bursts.
    Interstitial,
    /// All pages were read; nothing is done for a while.
    Resting,
    /// The last burst failed; nothing is done for a while.
    BackingOff,
    /// It is to be given up.
    Canceling,
    /// It has ended.
    Complete,
}

/// What is done next in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IngestionAction {
    /// Pages are read.
    Ingest,
    /// After that time, pages are read again.
    Backoff,
    /// After that time, the pass ends.
    Rest,
    /// It ends, unfinished.
    Cancel,
    /// Nothing, until somebody has it start anew.
    NothingDone,
    /// Nothing: it was given up.
    NothingCanceled,
}

/// One pass over a large source, page by page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestionPass {
    /// Its id.
    pub id: Uid,
    /// Whose source.
    pub provider: ProviderName,
    /// How it stands.
    pub status: IngestionStatus,
    /// What is next.
    pub next_action: IngestionAction,
    /// When that is, of what has to wait.
    pub next_action_at: Timestamp,
    /// Why the last burst failed, or why nothing was removed.
    pub last_error: Option<String>,
    /// How many bursts have failed in a row.
    pub attempts: u32,
    /// When it began.
    pub created_at: Timestamp,
    /// When the last page was read.
    pub ingestion_completed_at: Option<Timestamp>,
    /// When it ended; a provider has at most one pass that has not.
    pub rest_completed_at: Option<Timestamp>,
    /// Counts its changes, so that of two who change it at once one is told.
    pub version: u64,
}

/// How far a pass has come: what is written with each page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestionMark {
    /// Its id.
    pub id: Uid,
    /// Of which pass.
    pub pass: Uid,
    /// Its place in the pass, from 0.
    pub sequence: u64,
    /// Where the next page begins, as JSON; `None` after the last one.
    pub cursor: Option<String>,
    /// When the page was written.
    pub created_at: Timestamp,
}

/// How much was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestionCounts {
    /// Passes.
    pub passes: u64,
    /// Marks.
    pub marks: u64,
    /// Entities of which it was known when they were seen last.
    pub seen: u64,
}

/// A place among the claims of a provider, in an order of the store's own: a sweep goes through them once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepPosition(pub i64);

/// A part of a sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// What it changed.
    pub report: MutationReport,
    /// Where to go on; `None` if there is no more.
    pub next: Option<SweepPosition>,
}

/// Large sources, read page by page in several passes: where a pass has come to, and what it has seen.
///
/// What a pass has not seen when it ends is swept away. Each method is one transaction.
#[async_trait]
pub trait Incremental: Send + Sync {
    /// The pass of this provider that has not ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn open_pass(&self, provider: &ProviderName) -> Result<Option<IngestionPass>>;

    /// Begins a pass. If there is one that has not ended, it is that one which is returned.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn begin_pass(&self, pass: IngestionPass) -> Result<IngestionPass>;

    /// Changes a pass; its version goes up by one. `false`: it is not of that version any more, and nothing was
    /// changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn update_pass(&self, pass: IngestionPass) -> Result<bool>;

    /// The providers that have passes, in alphabetical order.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn incremental_providers(&self) -> Result<Vec<ProviderName>>;

    /// The marks of a pass, the latest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn marks(&self, pass: Uid, limit: usize) -> Result<Vec<IngestionMark>>;

    /// Writes a page with its mark: its claims are added to the bucket, and count as seen in this pass. `None`:
    /// the pass is not reading pages any more, or has a mark of this sequence already, and nothing was changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn apply_page(
        &self,
        provider: &ProviderName,
        mark: IngestionMark,
        claims: Vec<NewClaim>,
        now: Timestamp,
    ) -> Result<Option<MutationReport>>;

    /// Changes the bucket between pages: what is added counts as seen in the latest pass.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn apply_between_pages(
        &self,
        provider: &ProviderName,
        added: Vec<NewClaim>,
        removed: Vec<EntityRef>,
        now: Timestamp,
    ) -> Result<MutationReport>;

    /// How many claims the provider has, and how many of them the pass has not seen.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn unseen(&self, provider: &ProviderName, pass: Uid) -> Result<BucketShare>;

    /// Releases up to `limit` of the claims that the pass has not seen, from `after` on. A pass that does not read
    /// pages any more sweeps nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn sweep(
        &self,
        provider: &ProviderName,
        pass: Uid,
        after: Option<SweepPosition>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Swept>;

    /// Forgets the passes of a provider that have ended, with their marks.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn forget_ended(&self, provider: &ProviderName) -> Result<IngestionCounts>;

    /// Forgets everything of a provider but its entities, and begins this pass.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn purge(&self, pass: IngestionPass) -> Result<IngestionCounts>;
}
