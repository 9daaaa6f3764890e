//! The processes that share the database: each says from time to time that it is alive, and the work of one that
//! does not is given to others.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use callboard_store::{Heartbeat, Membership, Result, StoreError, Wakeup};
use jiff::Timestamp;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Postgres, Transaction};

use crate::PostgresStore;
use crate::change_log::drop_tombstones;
use crate::connection::{begin, commit};
use crate::error::{database_error, is_commit_unknown};
use crate::event_queue::reclaim_events;
use crate::hashing::text_hash;
use crate::locks::ClaimLock;
use crate::refresh_rounds;
use crate::retries::retrying;

/// Clocks that are no farther apart count as the same, so that times do not tremble.
const SAME_TIME_MS: i64 = 500;
/// How long removals are kept for nodes that did not hear of them.
const KEEP_TOMBSTONES_MS: i64 = 3_600_000;

#[async_trait]
impl Membership for PostgresStore {
    async fn heartbeat(&self, now: Timestamp) -> Result<Heartbeat> {
        retrying!(self, self.try_heartbeat(now))
    }

    async fn try_writing(&self) -> Result<()> {
        retrying!(self, self.try_probe())
    }

    async fn next_wakeups(&self) -> Vec<Wakeup> {
        self.listener.lock().await.next(self.node_id()).await
    }
}

const REGISTER: &str =
    "INSERT INTO nodes (beat) VALUES ((extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    RETURNING id";
const BEAT: &str = "UPDATE nodes SET beat = (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    WHERE id = $1 RETURNING beat";
const BURY_DEAD: &str = "DELETE FROM nodes WHERE id IN
    (SELECT id FROM nodes WHERE beat < $1 AND id <> $2 ORDER BY id FOR UPDATE SKIP LOCKED)";
const COUNT_OTHERS: &str = "SELECT count(*) FROM nodes WHERE id <> $1";
/// Nobody can bury a node while it writes.
const STAY_ALIVE: &str = "SELECT id FROM nodes WHERE id = $1 FOR KEY SHARE";
/// What nobody works on any more: leased by a node that is gone, or by `$2`. With new tickets: who had them may come late.
const RECLAIM_MARKS: &str = "UPDATE stitch_marks SET ticket = nextval('numbers'), due = $1, node = NULL
    WHERE (fresh AND due > $1 OR NOT fresh AND due > $1) AND (node = $2 OR node NOT IN (SELECT id FROM nodes))";
const RECLAIM_ENTITIES: &str = "UPDATE entities SET urgency = 1, due = $1, node = NULL WHERE urgency = 2
    AND (node = $2 OR node NOT IN (SELECT id FROM nodes))";
const RECLAIM_TASKS: &str =
    "UPDATE tasks SET ticket = NULL, started_at = NULL, expires_at = NULL, node = NULL
    WHERE ticket IS NOT NULL AND (node = $1 OR node NOT IN (SELECT id FROM nodes))";
/// A megabyte, in rows that are too short to be compressed.
const PROBE_ROWS: &str = "SELECT repeat('-', 1900) AS filler FROM generate_series(1, 560)";
/// No node has this number.
pub(crate) const NOBODY: i32 = 0;

impl PostgresStore {
    pub(crate) fn node_id(&self) -> i32 {
        self.node.id.load(Ordering::Acquire)
    }

    /// A time of this node by the clock of the database, in milliseconds.
    pub(crate) fn to_stored(&self, time: Timestamp) -> i64 {
        time.as_millisecond().saturating_add(self.node.skew.load(Ordering::Relaxed))
    }

    /// A stored time by the clock of this node.
    pub(crate) fn local_time(&self, milliseconds: i64) -> Result<Timestamp> {
        let milliseconds = milliseconds.saturating_sub(self.node.skew.load(Ordering::Relaxed));
        Timestamp::from_millisecond(milliseconds).map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    /// Whether others still take this node for alive; they do until the transaction ends.
    pub(crate) async fn stays_alive(&self, connection: &mut PgConnection) -> Result<bool> {
        let query = sqlx::query_scalar::<_, i32>(STAY_ALIVE).bind(self.node_id());
        Ok(query.fetch_optional(connection).await.map_err(database_error)?.is_some())
    }

    async fn try_heartbeat(&self, now: Timestamp) -> Result<Heartbeat> {
        let mut transaction = self.write().await?;
        let own = self.node_id();
        let beat = sqlx::query_scalar(BEAT).bind(own);
        let beat: Option<i64> = beat.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        let Some(beat) = beat else {
            // It was taken for dead, and others have its work: it goes on as a new one.
            let id = insert_node(&mut transaction).await?;
            commit(transaction).await?;
            wait_for_transactions(self.write().await?).await?;
            self.node.id.store(id, Ordering::Release);
            tracing::warn!("this node was silent for too long, and others have taken over what it was doing");
            return Ok(Heartbeat::default());
        };
        let skew = beat - now.as_millisecond();
        if (skew - self.node.skew.load(Ordering::Relaxed)).abs() > SAME_TIME_MS {
            tracing::debug!(milliseconds = skew, "the clock of the database is ahead of this node's");
            self.node.skew.store(skew, Ordering::Relaxed);
        }
        let timeout = i64::try_from(self.node.timeout.as_millis()).unwrap_or(i64::MAX);
        let dead = sqlx::query(BURY_DEAD).bind(beat - timeout).bind(own);
        let dead = dead.execute(&mut *transaction).await.map_err(database_error)?.rows_affected();
        // Always: a node that was taken for dead may have taken up more before it noticed.
        let reclaimed = reclaim(&mut transaction, beat, NOBODY).await?;
        let others = sqlx::query_scalar(COUNT_OTHERS).bind(own);
        let others: i64 = others.fetch_one(&mut *transaction).await.map_err(database_error)?;
        drop_tombstones(&mut transaction, beat - KEEP_TOMBSTONES_MS).await?;
        commit(transaction).await?;
        if others < self.node.others.swap(others, Ordering::Relaxed) {
            self.take_in_unscheduled().await?;
        }
        if dead > 0 || reclaimed > 0 {
            tracing::info!(nodes = dead, entities = reclaimed, "took back the work of nodes that are gone");
        }
        Ok(Heartbeat { others: usize::try_from(others).unwrap_or(usize::MAX), reclaimed })
    }

    /// Looks after what nodes of an older version leave behind when they go, or have left before this one came.
    async fn take_in_unscheduled(&self) -> Result<()> {
        let mut transaction = self.write().await?;
        let rounds = refresh_rounds::enter_missing(&mut transaction).await?;
        commit(transaction).await?;
        if rounds > 0 {
            tracing::info!(rounds, "took in refreshes that a node of an older version had scheduled");
        }
        Ok(())
    }

    /// Makes a table that needs room of its own, and takes it back.
    async fn try_probe(&self) -> Result<()> {
        let mut transaction = self.write().await?;
        let node = self.node_id();
        let probe = format!("CREATE TABLE room_probe_{node} AS {PROBE_ROWS}");
        transaction.execute(AssertSqlSafe(probe)).await.map_err(database_error)?;
        transaction.rollback().await.map_err(database_error)
    }

    pub(crate) async fn try_reclaim_leases(&self, now: Timestamp) -> Result<usize> {
        let mut transaction = self.write().await?;
        let reclaimed = reclaim(&mut transaction, self.to_stored(now), self.node_id()).await?;
        commit(transaction).await?;
        Ok(reclaimed)
    }

    /// Says good-bye: others take up at once what this node was doing.
    pub(crate) async fn leave(&self) -> Result<()> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(
            "DELETE FROM nodes WHERE id = $1 RETURNING \
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        );
        let now: Option<i64> =
            query.bind(self.node_id()).fetch_optional(&mut *transaction).await.map_err(database_error)?;
        if let Some(now) = now {
            reclaim(&mut transaction, now, NOBODY).await?;
        }
        commit(transaction).await
    }
}

const END_MARKS: &str = "UPDATE stitch_marks SET ticket = nextval('numbers'), due = $3, node = NULL
    WHERE node = $1 AND due = ANY($2)";
const END_LEASES: &str = "UPDATE entities SET urgency = 1, due = $3, node = NULL WHERE urgency = 2 AND node = $1 AND due = ANY($2)";

impl PostgresStore {
    /// Ends leases that were taken while the connection broke, so that nobody knows of them. To be called before
    /// more is taken up; returns what to forget when the transaction has come through.
    pub(crate) async fn end_doubtful_leases(
        &self,
        connection: &mut PgConnection,
        now: i64,
    ) -> Result<Vec<i64>> {
        let doubtful = self.node.doubtful.all();
        if !doubtful.is_empty() {
            for sql in [END_MARKS, END_LEASES] {
                let query = sqlx::query(sql).bind(self.node_id()).bind(&doubtful).bind(now);
                query.execute(&mut *connection).await.map_err(database_error)?;
            }
        }
        Ok(doubtful)
    }

    /// Commits what was taken up until `lease_until`.
    pub(crate) async fn commit_leases(
        &self,
        transaction: Transaction<'static, Postgres>,
        ended: &[i64],
        lease_until: i64,
    ) -> Result<()> {
        let committed = commit(transaction).await;
        match &committed {
            Ok(()) => self.node.doubtful.remove(ended),
            Err(error) if is_commit_unknown(error) => self.node.doubtful.add(lease_until),
            Err(_) => {}
        }
        committed
    }
}

/// Makes due what nodes that are gone, and node `own`, were doing. Returns how many entities there were.
async fn reclaim(connection: &mut PgConnection, now: i64, own: i32) -> Result<usize> {
    let query = sqlx::query(RECLAIM_MARKS).bind(now).bind(own);
    query.execute(&mut *connection).await.map_err(database_error)?;
    let query = sqlx::query(RECLAIM_TASKS).bind(own);
    query.execute(&mut *connection).await.map_err(database_error)?;
    reclaim_events(&mut *connection, own).await?;
    let query = sqlx::query(RECLAIM_ENTITIES).bind(now).bind(own);
    let done = query.execute(connection).await.map_err(database_error)?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

async fn insert_node(connection: &mut PgConnection) -> Result<i32> {
    sqlx::query_scalar(REGISTER).fetch_one(connection).await.map_err(database_error)
}

/// Waits for those that write claims and may not know of a new node; they mark less for stitching than they have to
/// when there is another.
async fn wait_for_transactions(mut transaction: Transaction<'static, Postgres>) -> Result<()> {
    ClaimLock::Alone.take(&mut transaction).await?;
    commit(transaction).await
}

/// Makes this process known as a node.
pub(crate) async fn register(pool: &PgPool, settings: &Arc<str>) -> Result<i32> {
    let mut transaction = begin(pool, settings).await?;
    let id = insert_node(&mut transaction).await?;
    commit(transaction).await?;
    wait_for_transactions(begin(pool, settings).await?).await?;
    Ok(id)
}

/// The name of the channel on which nodes wake each other; several catalogs may share a database.
pub(crate) async fn channel(pool: &PgPool, settings: &Arc<str>) -> Result<String> {
    let mut transaction = begin(pool, settings).await?;
    let query = sqlx::query_scalar("SELECT current_schema()::text");
    let schema: Option<String> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
    Ok(format!("callboard_{}", text_hash(&schema.unwrap_or_default()).simple()))
}
