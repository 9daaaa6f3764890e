use std::sync::Arc;

use callboard_sdk::{PageSink, ProviderError, UrlReader, WrittenPage, async_trait};
use callboard_store::{IngestionMark, ProviderName, StoreError, Uid};
use jiff::Timestamp;
use serde_json::Value;

use crate::core::Core;
use crate::providers::connection::claims;

/// Writes pages of one pass, from where it was on.
pub(super) struct Pages {
    core: Arc<Core>,
    provider: ProviderName,
    pass: Uid,
    /// Of the next page.
    sequence: u64,
    cursor: Option<Value>,
    are_all_read: bool,
    is_stopped: bool,
    /// When the burst has taken long enough.
    until: Timestamp,
}

impl Pages {
    pub(super) async fn resume(
        core: Arc<Core>,
        provider: ProviderName,
        pass: Uid,
        until: Timestamp,
    ) -> Result<Self, StoreError> {
        let last = core.store.marks(pass, 1).await?.pop();
        let sequence = last.as_ref().map_or(0, |mark| mark.sequence + 1);
        let are_all_read = last.as_ref().is_some_and(|mark| mark.cursor.is_none());
        let cursor = last
            .and_then(|mark| mark.cursor)
            .map(|cursor| serde_json::from_str(&cursor))
            .transpose()
            .map_err(|error| StoreError::Corrupt(format!("the cursor of a large source: {error}")))?;
        Ok(Self { core, provider, pass, sequence, cursor, are_all_read, is_stopped: false, until })
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether the last page has been written.
    pub(super) fn are_all_read(&self) -> bool {
        self.are_all_read
    }

    /// Whether the pass takes no more pages: somebody has changed it.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

#[async_trait]
impl PageSink for Pages {
    fn url_reader(&self) -> Arc<dyn UrlReader> {
        Arc::clone(&self.core.pipeline.reader)
    }

    fn cursor(&self) -> Option<Value> {
        self.cursor.clone()
    }

    async fn take(&mut self, page: WrittenPage) -> Result<bool, ProviderError> {
        let claims = claims(&self.provider, page.entities).await?;
        let now = self.core.clock.now();
        let mark = IngestionMark {
            id: Uid::random(),
            pass: self.pass,
            sequence: self.sequence,
            cursor: page.cursor.as_ref().map(Value::to_string),
            created_at: now,
        };
        let Some(report) = self.core.store.apply_page(&self.provider, mark, claims, now).await? else {
            self.is_stopped = true;
            return Ok(false);
        };
        self.core.changed(&report).await;
        self.sequence += 1;
        self.are_all_read = page.cursor.is_none();
        self.cursor = page.cursor;
        Ok(!self.are_all_read && self.core.clock.now() < self.until)
    }
}
