use async_trait::async_trait;
use jiff::Timestamp;

use crate::Result;

/// What another process on the same database may have brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wakeup {
    /// Something may be due.
    Processing,
    /// Something may be marked for stitching.
    Stitching,
    /// The change log may have grown.
    Index,
    /// Events may wait for their subscribers.
    Events,
}

/// What a sign of life came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// How many other processes work on the database.
    pub others: usize,
    /// How many entities were taken back from processes that are gone.
    pub reclaimed: usize,
}

/// Several processes on one database. A database for one process has nothing to do here: the defaults say that
/// nobody else is there.
#[async_trait]
pub trait Membership: Send + Sync {
    /// Says that this process is alive, and makes due what processes were doing that no longer say so. To be called
    /// every few seconds, before anything is taken up for the first time; it also tells the store by how much the
    /// caller's clock differs from that of the database.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError): the database cannot be reached.
    async fn heartbeat(&self, _now: Timestamp) -> Result<Heartbeat> {
        Ok(Heartbeat::default())
    }

    /// Writes about a megabyte and takes it away again: finds out whether a database that had no room, or could only be
    /// read, takes writes again. A sign of life fits where nothing else does.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError): it does not, or cannot be reached.
    async fn try_writing(&self) -> Result<()>;

    /// Waits until another process says that there is something. It is never told twice, and may get lost: who
    /// relies on it has to look from time to time all the same. For one caller at a time.
    async fn next_wakeups(&self) -> Vec<Wakeup> {
        std::future::pending().await
    }
}
