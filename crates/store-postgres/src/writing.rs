use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

use callboard_store::{ChangeSequence, DueEntity, Result};
use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction};

use crate::PostgresStore;
use crate::change_log::{bury, change_sequence};
use crate::connection::commit;
use crate::locks::ClaimLock;
use crate::marks::mark_for_stitching;

/// A transaction that changes claims or entities. What others wait for longest is done last, by
/// [`Writing::finish`]: stitch marks, then the change log.
pub(crate) struct Writing {
    transaction: Transaction<'static, Postgres>,
    pub(crate) claim_lock: ClaimLock,
    /// By the clock of this node.
    pub(crate) began: Timestamp,
    /// The same in milliseconds, by the clock of the database.
    pub(crate) now: i64,
    /// Entities to mark for stitching.
    pub(crate) to_stitch: BTreeSet<i64>,
    /// Those among them that have their first output, a good one, and so were never stitched.
    pub(crate) first_outputs: BTreeSet<i64>,
    /// Entities that were seen and are deleted.
    pub(crate) buried: Vec<i64>,
    /// How entities that are made are taken up at once, and how many more may be.
    pub(crate) lease: NewLease,
    /// Those that were.
    pub(crate) taken_up: Vec<DueEntity>,
}

/// A lease for entities that are made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NewLease {
    /// For how many there is one.
    pub(crate) limit: usize,
    /// Until when, in milliseconds by the clock of the database.
    pub(crate) until: i64,
    pub(crate) node: i32,
}

impl Writing {
    pub(crate) async fn begin(store: &PostgresStore, claim_lock: ClaimLock, now: Timestamp) -> Result<Self> {
        let mut transaction = store.write().await?;
        claim_lock.take(&mut transaction).await?;
        Ok(Self {
            transaction,
            claim_lock,
            began: now,
            now: store.to_stored(now),
            to_stitch: BTreeSet::new(),
            first_outputs: BTreeSet::new(),
            buried: Vec::new(),
            lease: NewLease::default(),
            taken_up: Vec::new(),
        })
    }

    /// Commits. Returns the newest entry of the change log.
    pub(crate) async fn finish(mut self) -> Result<ChangeSequence> {
        mark_for_stitching(&mut self.transaction, &self.to_stitch, &self.first_outputs, self.now).await?;
        let sequence = if self.buried.is_empty() {
            change_sequence(&mut self.transaction).await?
        } else {
            bury(&mut self.transaction, &self.buried).await?
        };
        commit(self.transaction).await?;
        Ok(sequence)
    }
}

impl Deref for Writing {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.transaction
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }
}
