//! Taking up what is due.

use std::collections::HashSet;

use callboard_model::LocationKey;
use callboard_store::{Document, DueEntity, IsSettled, KnownRun, Result, TakenUp};
use callboard_store_body::decompress;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use crate::PostgresStore;
use crate::error::database_error;
use crate::hashing::{document_hash, uid};
use crate::interning::entity_ref;

/// What is due and nobody else is taking up at this moment: the reserved share of routine refreshes, what was leased
/// too long ago, what is new or asked for, and if there is room left, more routine refreshes.
const DUE: &str = "WITH
    routine AS MATERIALIZED (SELECT id, due FROM entities WHERE urgency = 0 AND due <= $1
        ORDER BY due LIMIT $3 FOR UPDATE SKIP LOCKED),
    expired AS MATERIALIZED (SELECT id, due FROM entities WHERE urgency = 2 AND due <= $1
        ORDER BY due LIMIT $2 - (SELECT count(*) FROM routine) FOR UPDATE SKIP LOCKED),
    asked AS MATERIALIZED (SELECT id, due FROM entities WHERE urgency = 1 AND due <= $1
        ORDER BY due LIMIT $2 - (SELECT count(*) FROM routine) - (SELECT count(*) FROM expired)
        FOR UPDATE SKIP LOCKED),
    more AS MATERIALIZED (SELECT id, due FROM entities WHERE urgency = 0 AND due <= $1
        AND id NOT IN (SELECT id FROM routine)
        ORDER BY due LIMIT CASE WHEN (SELECT count(*) FROM routine) < $3 THEN 0 ELSE
            $2 - (SELECT count(*) FROM routine) - (SELECT count(*) FROM expired) - (SELECT count(*) FROM asked)
        END FOR UPDATE SKIP LOCKED)
    SELECT id, due, true AS urgent FROM expired UNION ALL SELECT id, due, true FROM asked
    UNION ALL SELECT id, due, false FROM routine UNION ALL SELECT id, due, false FROM more";
const LEASE_URGENT: &str = "UPDATE entities SET urgency = 2, due = $2, node = $3 WHERE id = ANY($1)";
const LEASE_ROUTINE: &str = "UPDATE entities SET due = $2 WHERE id = ANY($1)";
const DUE_ROWS: &str = "SELECT r.text, e.uid, e.document_hash, k.text, o.result_hash, p.cache, taken.due,
        taken.urgent, coalesce(c.document, l.document)
    FROM unnest($1::bigint[], $2::bigint[], $3::bool[]) AS taken (id, due, urgent)
    JOIN entities e ON e.id = taken.id AND e.id = ANY($1) JOIN refs r ON r.id = taken.id
    LEFT JOIN claims c ON c.id = e.claim_id LEFT JOIN orphans l ON l.entity_id = taken.id
    LEFT JOIN location_keys k ON k.id = e.key_id LEFT JOIN outputs o ON o.entity_id = taken.id
    LEFT JOIN processor_caches p ON p.entity_id = taken.id
    ORDER BY taken.urgent DESC, taken.due";

const KNOWN_RUNS: &str = "SELECT e.id, e.uid, e.document_hash, o.result_hash FROM entities e
    JOIN outputs o ON o.entity_id = e.id AND o.result_hash IS NOT NULL
    WHERE e.id = ANY($1) AND NOT EXISTS (SELECT 1 FROM processor_caches p WHERE p.entity_id = e.id)";
const NEXT_DUE: &str = "SELECT least((SELECT min(due) FROM entities WHERE urgency = 0),
    (SELECT min(due) FROM entities WHERE urgency = 1), (SELECT min(due) FROM entities WHERE urgency = 2))";

impl PostgresStore {
    pub(crate) async fn try_claim_due(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
        next_due: Timestamp,
        is_settled: IsSettled<'_>,
    ) -> Result<TakenUp> {
        let mut transaction = self.write().await?;
        let (now, lease_until) = (self.to_stored(now), self.to_stored(lease_until));
        let ended = self.end_doubtful_leases(&mut transaction, now).await?;
        let reserved = if limit > 1 { (limit / 8).max(1) } else { 0 };
        let query = sqlx::query_as(DUE)
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(i64::try_from(reserved).unwrap_or(i64::MAX));
        let due: Vec<(i64, i64, bool)> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        if due.is_empty() && ended.is_empty() {
            return Ok(TakenUp::default());
        }
        let settled = settled_ids(&mut transaction, &due, is_settled).await?;
        let unsettled: Vec<_> = due.iter().filter(|(id, ..)| !settled.contains(id)).copied().collect();
        let rows = due_rows(&mut transaction, &unsettled).await?;
        let (urgent, routine): (Vec<_>, Vec<_>) = due.iter().partition(|(.., urgent)| *urgent);
        let ids =
            |entities: Vec<&(i64, i64, bool)>| entities.iter().map(|(id, ..)| *id).collect::<Vec<i64>>();
        if !urgent.is_empty() {
            let query = sqlx::query(LEASE_URGENT).bind(ids(urgent)).bind(lease_until);
            query.bind(self.node_id()).execute(&mut *transaction).await.map_err(database_error)?;
        }
        if !routine.is_empty() {
            let query = sqlx::query(LEASE_ROUTINE).bind(ids(routine)).bind(self.to_stored(next_due));
            query.execute(&mut *transaction).await.map_err(database_error)?;
        }
        self.commit_leases(transaction, &ended, lease_until).await?;
        let due = rows.into_iter().map(|row| row.into_due_entity(self)).collect::<Result<_>>()?;
        Ok(TakenUp { due, settled: settled.len() })
    }

    pub(crate) async fn read_next_due(&self) -> Result<Option<Timestamp>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar(NEXT_DUE);
        let due: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        due.map(|due| self.local_time(due)).transpose()
    }
}

/// Those of the routine refreshes whose run is settled. What left something in the cache never is.
async fn settled_ids(
    connection: &mut PgConnection,
    due: &[(i64, i64, bool)],
    is_settled: IsSettled<'_>,
) -> Result<HashSet<i64>> {
    let routine: Vec<i64> = due.iter().filter(|(.., urgent)| !urgent).map(|(id, ..)| *id).collect();
    if routine.is_empty() {
        return Ok(HashSet::new());
    }
    let query = sqlx::query_as(KNOWN_RUNS).bind(routine);
    let rows: Vec<(i64, Uuid, Uuid, Uuid)> = query.fetch_all(connection).await.map_err(database_error)?;
    let settled = rows.into_iter().filter_map(|(id, entity, document, result)| {
        let run = KnownRun {
            uid: uid(entity),
            document_hash: document_hash(document),
            result_hash: document_hash(result),
        };
        is_settled(run).then_some(id)
    });
    Ok(settled.collect())
}

async fn due_rows(connection: &mut PgConnection, due: &[(i64, i64, bool)]) -> Result<Vec<DueRow>> {
    let query = sqlx::query_as(DUE_ROWS)
        .bind(due.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(due.iter().map(|(_, due, _)| *due).collect::<Vec<_>>())
        .bind(due.iter().map(|(.., urgent)| *urgent).collect::<Vec<_>>());
    query.fetch_all(connection).await.map_err(database_error)
}

struct DueRow {
    entity_ref: String,
    uid: Uuid,
    document_hash: Uuid,
    key: Option<String>,
    result_hash: Option<Uuid>,
    cache: Option<Vec<u8>>,
    due: i64,
    urgent: bool,
    document: Vec<u8>,
}

impl<'r> FromRow<'r, PgRow> for DueRow {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            entity_ref: row.try_get(0)?,
            uid: row.try_get(1)?,
            document_hash: row.try_get(2)?,
            key: row.try_get(3)?,
            result_hash: row.try_get(4)?,
            cache: row.try_get(5)?,
            due: row.try_get(6)?,
            urgent: row.try_get(7)?,
            document: row.try_get(8)?,
        })
    }
}

impl DueRow {
    fn into_due_entity(self, store: &PostgresStore) -> Result<DueEntity> {
        Ok(DueEntity {
            entity_ref: entity_ref(&self.entity_ref)?,
            uid: uid(self.uid),
            document: Document { json: decompress(&self.document)?, hash: document_hash(self.document_hash) },
            location_key: self.key.as_deref().map(LocationKey::new),
            result_hash: self.result_hash.map(document_hash),
            cache: self.cache.as_deref().map(decompress).transpose()?,
            due_since: store.local_time(self.due)?,
            urgent: self.urgent,
        })
    }
}
