use std::sync::Arc;
use std::time::Duration;

use callboard_sdk::TaskScheduler as _;
use callboard_store::{
    IngestionAction, IngestionCounts, IngestionMark, IngestionPass, IngestionStatus, ProviderName, StoreError,
};
use jiff::Timestamp;

use super::ingester::{ended, new_pass};
use crate::clock::later;
use crate::core::Core;

/// How long a provider does nothing after its pass was given up or forgotten.
const LONG_REST: Duration = Duration::from_hours(24);

/// How it stands with a large source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncrementalState {
    /// There is none of this name.
    Unknown,
    /// One pass has ended, and the next one begins soon.
    BetweenPasses,
    /// In a pass.
    Open(IngestionPass),
}

/// What people can do to the passes over large sources. What it changes is taken up at once, also by other nodes.
#[derive(Clone)]
pub struct IncrementalControl {
    core: Arc<Core>,
}

impl IncrementalControl {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The large sources that have been read.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn providers(&self) -> Result<Vec<ProviderName>, StoreError> {
        self.core.store.incremental_providers().await
    }

    /// How it stands with one.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn state(&self, provider: &ProviderName) -> Result<IncrementalState, StoreError> {
        if let Some(pass) = self.core.store.open_pass(provider).await? {
            return Ok(IncrementalState::Open(pass));
        }
        let known = self.core.incremental.contains(provider) || self.providers().await?.contains(provider);
        Ok(if known { IncrementalState::BetweenPasses } else { IncrementalState::Unknown })
    }

    /// Has the next thing done now. Returns how it stood before.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn trigger(&self, provider: &ProviderName) -> Result<IncrementalState, StoreError> {
        self.change(provider, |pass, now| IngestionPass { next_action_at: now, ..pass }).await
    }

    /// Begins a new pass: at once if the present one rests, else when that has been given up. Returns how it
    /// stood before.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn start(&self, provider: &ProviderName) -> Result<IncrementalState, StoreError> {
        self.change(provider, |pass, now| {
            if pass.status == IngestionStatus::Resting {
                return ended(pass, IngestionAction::NothingDone, now);
            }
            IngestionPass {
                status: IngestionStatus::Canceling,
                next_action: IngestionAction::Cancel,
                next_action_at: now,
                ..pass
            }
        })
        .await
    }

    /// Gives the present pass up; nothing happens until somebody [starts](Self::start) another. Returns how it
    /// stood before.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn cancel(&self, provider: &ProviderName) -> Result<IncrementalState, StoreError> {
        self.change(provider, |pass, now| IngestionPass {
            status: IngestionStatus::Resting,
            next_action: IngestionAction::NothingDone,
            next_action_at: later(now, LONG_REST),
            ..pass
        })
        .await
    }

    /// Forgets all passes of a provider, but not its entities, and rests for a day.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn purge(&self, provider: &ProviderName) -> Result<IngestionCounts, StoreError> {
        if self.state(provider).await? == IncrementalState::Unknown {
            return Ok(IngestionCounts::default());
        }
        let now = self.core.clock.now();
        let resting = IngestionPass {
            status: IngestionStatus::Resting,
            next_action: IngestionAction::Rest,
            next_action_at: later(now, LONG_REST),
            ..new_pass(provider, now)
        };
        self.core.store.purge(resting).await
    }

    /// The marks of the present pass, the latest first; `None` if there is no such pass.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn marks(&self, provider: &ProviderName) -> Result<Option<Vec<IngestionMark>>, StoreError> {
        let Some(pass) = self.core.store.open_pass(provider).await? else { return Ok(None) };
        self.core.store.marks(pass.id, usize::MAX).await.map(Some)
    }

    /// Forgets the passes that have ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn forget_ended(&self, provider: &ProviderName) -> Result<IngestionCounts, StoreError> {
        self.core.store.forget_ended(provider).await
    }

    async fn change(
        &self,
        provider: &ProviderName,
        change: impl Fn(IngestionPass, Timestamp) -> IngestionPass,
    ) -> Result<IncrementalState, StoreError> {
        loop {
            let state = self.state(provider).await?;
            let IncrementalState::Open(pass) = &state else { return Ok(state) };
            // Fails only when somebody else has changed it, so that there is always one who goes on.
            if self.core.store.update_pass(change(pass.clone(), self.core.clock.now())).await? {
                // A task that runs, or that another node knows, sees the change by itself.
                let _ = self.core.scheduler.trigger(provider.as_str()).await;
                return Ok(state);
            }
        }
    }
}
