use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use callboard_store::claim_rows::{ClaimChanges, StoredClaim};
use callboard_store::{
    CommitReport, Document, DueEntity, IsSettled, KnownRun, Processing, ProcessingCommit, ProcessingOutcome,
    ProcessorCacheUpdate, Result, StoreError, TakenUp, Uid,
};
use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use crate::claims::{claims_of_sources, document_hash, execute, write_claims};
use crate::ingestion::wanted_claims;
use crate::interning::{Interned, entity_ref};
use crate::marks::mark_for_stitching;
use crate::outputs::{Prepared, write_outputs, write_refresh_keys, write_relations};
use crate::row_set::{RowSet, id_list};
use crate::{SqliteStore, database_error};
use callboard_store_body::decompress;

#[async_trait]
impl Processing for SqliteStore {
    async fn claim_due(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
        next_due: Timestamp,
    ) -> Result<Vec<DueEntity>> {
        let taken = self.claim_unsettled(limit, now, lease_until, next_due, &|_| false).await?;
        Ok(taken.due)
    }

    async fn claim_unsettled(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
        next_due: Timestamp,
        is_settled: IsSettled<'_>,
    ) -> Result<TakenUp> {
        let mut transaction = self.write().await?;
        let (now, lease_until, next_due) =
            (now.as_millisecond(), lease_until.as_millisecond(), next_due.as_millisecond());
        let routine = due_runs(&mut transaction, now, limit).await?;
        let reserved = if limit > 1 { (limit / 8).max(1) } else { 0 };
        let urgent_share = limit - routine.len().min(reserved);
        let urgent = due_ids(&mut transaction, now, urgent_share).await?;
        let routine = &routine[..routine.len().min(limit - urgent.len())];
        if urgent.is_empty() && routine.is_empty() {
            return Ok(TakenUp::default());
        }
        let mut unsettled = urgent.clone();
        for run in routine {
            if !run.known()?.is_some_and(is_settled) {
                unsettled.push(run.id);
            }
        }
        let settled = urgent.len() + routine.len() - unsettled.len();
        let rows = due_rows(&mut transaction, unsettled).await?;
        lease(&mut transaction, LEASE_URGENT, urgent, lease_until).await?;
        lease(&mut transaction, LEASE_ROUTINE, routine.iter().map(|run| run.id), next_due).await?;
        transaction.commit().await.map_err(database_error)?;
        let due = rows.into_iter().map(DueRow::into_due_entity).collect::<Result<_>>()?;
        Ok(TakenUp { due, settled })
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar(NEXT_DUE);
        let due: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        due.map(timestamp).transpose()
    }

    async fn commit_processed(&self, batch: Vec<ProcessingCommit>, now: Timestamp) -> Result<CommitReport> {
        let batch: Vec<Prepared> = batch.into_iter().map(Prepared::from).collect();
        let mut transaction = self.write().await?;
        let mut interned = Interned::default();
        let report = self.commit_batch(&mut transaction, &mut interned, &batch, now.as_millisecond()).await?;
        transaction.commit().await.map_err(database_error)?;
        interned.remember(&self.interner);
        Ok(report)
    }

    async fn reclaim_leases(&self, now: Timestamp) -> Result<usize> {
        let mut transaction = self.write().await?;
        let now = now.as_millisecond();
        let query = sqlx::query("UPDATE stitch_marks SET due = ?1 WHERE due > ?1").bind(now);
        query.execute(&mut *transaction).await.map_err(database_error)?;
        let query = sqlx::query("UPDATE entities SET urgency = 1, due = ?1 WHERE urgency = 2").bind(now);
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        // No other process has the file, so no run of a task has outlived the last one.
        let query = sqlx::query(
            "UPDATE tasks SET ticket = NULL, started_at = NULL, expires_at = NULL WHERE ticket IS NOT NULL",
        );
        query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
    }
}

/// With what tells whether the run is settled; one that left something in the cache never is.
const DUE_ROUTINE: &str = "SELECT e.id, e.uid, e.document_hash, o.result_hash, p.entity_id
    FROM entities e LEFT JOIN outputs o ON o.entity_id = e.id
    LEFT JOIN processor_caches p ON p.entity_id = e.id
    WHERE e.urgency = 0 AND e.due <= ?1 ORDER BY e.due LIMIT ?2";
/// What is leased comes again when the lease has run out.
const DUE_URGENT: &str = "SELECT id FROM (
        SELECT id, due FROM (SELECT id, due FROM entities WHERE urgency = 1 AND due <= ?1 ORDER BY due LIMIT ?2)
        UNION ALL
        SELECT id, due FROM (SELECT id, due FROM entities WHERE urgency = 2 AND due <= ?1 ORDER BY due LIMIT ?2))
    ORDER BY due LIMIT ?2";
const LEASE_URGENT: &str =
    "UPDATE entities SET urgency = 2, due = ?2 WHERE id IN (SELECT value FROM json_each(?1))";
const LEASE_ROUTINE: &str = "UPDATE entities SET due = ?2 WHERE id IN (SELECT value FROM json_each(?1))";
const DUE_ROWS: &str =
    "SELECT r.ref, e.uid, e.document_hash, k.key, o.result_hash, p.cache, e.due, e.urgency,
        coalesce(c.document, l.document) AS document
    FROM json_each(?1) j JOIN entities e ON e.id = j.value JOIN refs r ON r.id = e.id
    LEFT JOIN claims c ON c.id = e.claim_id LEFT JOIN orphans l ON l.entity_id = e.id
    LEFT JOIN location_keys k ON k.id = e.key_id LEFT JOIN outputs o ON o.entity_id = e.id
    LEFT JOIN processor_caches p ON p.entity_id = e.id";
const NEXT_DUE: &str = "SELECT min(due) FROM (
        SELECT min(due) AS due FROM entities WHERE urgency = 0
        UNION ALL SELECT min(due) FROM entities WHERE urgency = 1
        UNION ALL SELECT min(due) FROM entities WHERE urgency = 2)";

/// A routine refresh that is due.
#[derive(FromRow)]
struct DueRun {
    id: i64,
    uid: Vec<u8>,
    document_hash: Vec<u8>,
    result_hash: Option<Vec<u8>>,
    entity_id: Option<i64>,
}

impl DueRun {
    /// What its last run came to, if that is all there is to know.
    fn known(&self) -> Result<Option<KnownRun>> {
        let Some(result_hash) = self.result_hash.as_deref().filter(|_| self.entity_id.is_none()) else {
            return Ok(None);
        };
        Ok(Some(KnownRun {
            uid: uid(&self.uid)?,
            document_hash: document_hash(&self.document_hash)?,
            result_hash: document_hash(result_hash)?,
        }))
    }
}

async fn due_runs(connection: &mut SqliteConnection, now: i64, limit: usize) -> Result<Vec<DueRun>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = sqlx::query_as(DUE_ROUTINE).bind(now).bind(limit);
    query.fetch_all(connection).await.map_err(database_error)
}

async fn due_ids(connection: &mut SqliteConnection, now: i64, limit: usize) -> Result<Vec<i64>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = sqlx::query_scalar(DUE_URGENT).bind(now).bind(limit);
    query.fetch_all(connection).await.map_err(database_error)
}

async fn due_rows(connection: &mut SqliteConnection, entities: Vec<i64>) -> Result<Vec<DueRow>> {
    if entities.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(DUE_ROWS).bind(id_list(entities)).fetch_all(connection).await.map_err(database_error)
}

async fn lease(
    connection: &mut SqliteConnection,
    sql: &'static str,
    entities: impl IntoIterator<Item = i64>,
    until: i64,
) -> Result<()> {
    let ids = id_list(entities);
    if ids != "[]" {
        sqlx::query(sql).bind(ids).bind(until).execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}

struct DueRow {
    entity_ref: String,
    uid: Vec<u8>,
    document_hash: Vec<u8>,
    key: Option<String>,
    result_hash: Option<Vec<u8>>,
    cache: Option<Vec<u8>>,
    due: i64,
    urgency: i64,
    document: Vec<u8>,
}

impl<'r> FromRow<'r, SqliteRow> for DueRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            entity_ref: row.try_get(0)?,
            uid: row.try_get(1)?,
            document_hash: row.try_get(2)?,
            key: row.try_get(3)?,
            result_hash: row.try_get(4)?,
            cache: row.try_get(5)?,
            due: row.try_get(6)?,
            urgency: row.try_get(7)?,
            document: row.try_get(8)?,
        })
    }
}

impl DueRow {
    fn into_due_entity(self) -> Result<DueEntity> {
        Ok(DueEntity {
            entity_ref: entity_ref(&self.entity_ref)?,
            uid: uid(&self.uid)?,
            document: Document {
                json: decompress(&self.document)?,
                hash: document_hash(&self.document_hash)?,
            },
            location_key: self.key.as_deref().map(LocationKey::new),
            result_hash: self.result_hash.as_deref().map(document_hash).transpose()?,
            cache: self.cache.as_deref().map(decompress).transpose()?,
            due_since: timestamp(self.due)?,
            urgent: self.urgency > 0,
        })
    }
}

/// A uid as it was stored.
pub(crate) fn uid(bytes: &[u8]) -> Result<Uid> {
    let bytes = <[u8; 16]>::try_from(bytes);
    bytes.map(Uid::from_bytes).map_err(|_| StoreError::Corrupt("a uid has not 16 bytes".into()))
}

/// A time as it was stored, in milliseconds.
pub(crate) fn timestamp(milliseconds: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Changed or asked for again since it was leased, its urgency is 1: then it stays due. The plus keeps SQLite
/// from going through all urgent entities for each row.
const FINISH: &str = "UPDATE entities SET urgency = 0, due = value ->> 1
    FROM json_each(?1) WHERE entities.id = value ->> 0 AND +entities.urgency = 2
        AND entities.document_hash = substr(?2, value ->> 2, value ->> 3)";
/// A run of an older document ended after that of the present one: its outcome must not be the last.
const RUN_AGAIN: &str = "UPDATE entities SET urgency = 1, due = ?3
    FROM json_each(?1) WHERE entities.id = value ->> 0 AND +entities.urgency = 0
        AND entities.document_hash <> substr(?2, value ->> 2, value ->> 3)";

impl SqliteStore {
    async fn commit_batch(
        &self,
        connection: &mut SqliteConnection,
        interned: &mut Interned,
        batch: &[Prepared],
        now: i64,
    ) -> Result<CommitReport> {
        self.interner.refs(connection, interned, batch.iter().map(|p| &p.commit.entity_ref)).await?;
        let uids = present_uids(connection, interned.refs.values().copied()).await?;
        let live = batch.iter().filter_map(|prepared| {
            let id = interned.refs.get(&prepared.commit.entity_ref)?;
            (uids.get(id)? == &prepared.commit.uid).then_some((*id, prepared))
        });
        let live: Vec<(i64, &Prepared)> = live.collect();
        let mut report = CommitReport { dropped: batch.len() - live.len(), ..CommitReport::default() };

        self.intern_all(connection, interned, &live).await?;
        let mut to_stitch = write_outputs(connection, &live).await?;
        to_stitch.extend(write_relations(connection, interned, &live).await?);
        write_refresh_keys(connection, &live).await?;
        let children = child_claims(connection, interned, &live).await?;
        report.children_written = children.new.len() + children.rewritten.len() + children.rekeyed.len();
        report.conflicts = write_claims(connection, children, now).await?;
        write_caches(connection, &live).await?;
        finish(connection, &live, now).await?;
        mark_for_stitching(connection, to_stitch, now).await?;
        Ok(report)
    }

    async fn intern_all(
        &self,
        connection: &mut SqliteConnection,
        interned: &mut Interned,
        live: &[(i64, &Prepared)],
    ) -> Result<()> {
        let mut refs: Vec<&EntityRef> = Vec::new();
        let mut keys: Vec<&LocationKey> = Vec::new();
        let mut types: Vec<&Arc<str>> = Vec::new();
        for (_, prepared) in live {
            if let ProcessingOutcome::Succeeded { relations, children, .. } = &prepared.commit.outcome {
                refs.extend(relations.iter().flat_map(|relation| [&relation.source, &relation.target]));
                types.extend(relations.iter().map(|relation| &relation.relation_type));
                refs.extend(children.iter().map(|child| &child.entity_ref));
                keys.extend(children.iter().filter_map(|child| child.location_key.as_ref()));
            }
        }
        self.interner.refs(connection, interned, refs).await?;
        self.interner.keys(connection, interned, keys).await?;
        self.interner.relation_types(connection, interned, types).await
    }
}

const UIDS: &str = "SELECT e.id, e.uid FROM json_each(?1) j JOIN entities e ON e.id = j.value";

/// The uids that entities have now; those that do not exist have none.
pub(crate) async fn present_uids(
    connection: &mut SqliteConnection,
    entities: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Uid>> {
    let query = sqlx::query_as(UIDS).bind(id_list(entities));
    let rows: Vec<(i64, Vec<u8>)> = query.fetch_all(connection).await.map_err(database_error)?;
    rows.iter().map(|(id, bytes)| Ok((*id, uid(bytes)?))).collect()
}

/// What the batch's entities claim now, against what they claimed before.
async fn child_claims<'a>(
    connection: &mut SqliteConnection,
    interned: &Interned,
    live: &[(i64, &'a Prepared)],
) -> Result<ClaimChanges<'a>> {
    let succeeded = live.iter().filter_map(|(id, prepared)| match &prepared.commit.outcome {
        ProcessingOutcome::Succeeded { children, .. } => Some((*id, children.as_slice())),
        _ => None,
    });
    let succeeded: Vec<_> = succeeded.collect();
    let mut stored: HashMap<i64, HashMap<i64, StoredClaim>> = HashMap::new();
    for claim in claims_of_sources(connection, succeeded.iter().map(|(id, _)| *id)).await? {
        stored.entry(claim.source).or_default().insert(claim.entity, claim);
    }
    let mut changes = ClaimChanges::default();
    for (id, children) in succeeded {
        changes.compare(id, wanted_claims(interned, children)?, stored.remove(&id).unwrap_or_default());
    }
    Ok(changes)
}

const WRITE_CACHES: &str = "INSERT INTO processor_caches (entity_id, cache)
    SELECT value ->> 0, substr(?2, value ->> 1, value ->> 2) FROM json_each(?1) WHERE true
    ON CONFLICT (entity_id) DO UPDATE SET cache = excluded.cache";
const CLEAR_CACHES: &str =
    "DELETE FROM processor_caches WHERE entity_id IN (SELECT value FROM json_each(?1))";

async fn write_caches(connection: &mut SqliteConnection, live: &[(i64, &Prepared)]) -> Result<()> {
    let mut rows = RowSet::default();
    let mut cleared = Vec::new();
    for (id, prepared) in live {
        if let Some(cache) = &prepared.cache {
            rows.row(*id).blob(cache);
        } else if matches!(prepared.commit.cache, ProcessorCacheUpdate::Clear) {
            cleared.push(*id);
        }
    }
    execute(connection, WRITE_CACHES, rows).await?;
    if !cleared.is_empty() {
        let query = sqlx::query(CLEAR_CACHES).bind(id_list(cleared));
        query.execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}

async fn finish(connection: &mut SqliteConnection, live: &[(i64, &Prepared)], now: i64) -> Result<()> {
    if live.is_empty() {
        return Ok(());
    }
    let mut rows = RowSet::default();
    for (id, Prepared { commit, .. }) in live {
        rows.row(*id).number(commit.next_due.as_millisecond()).blob(commit.document_hash.as_bytes());
    }
    let (json, arena) = rows.into_parameters();
    // In this order, or what has just finished would look like something that finished long ago.
    let query = sqlx::query(RUN_AGAIN).bind(&json).bind(&arena).bind(now);
    query.execute(&mut *connection).await.map_err(database_error)?;
    sqlx::query(FINISH).bind(json).bind(arena).execute(connection).await.map_err(database_error)?;
    Ok(())
}
