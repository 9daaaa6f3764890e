use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use callboard_store::{
    Document, EntityState, FinalDocument, Inspection, QueueDepth, Repair, Result, Violation,
};
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use crate::claims::document_hash;
use crate::deletion::{ask_again, write_tombstones};
use crate::interning::entity_ref;
use crate::invariants::find_violations;
use crate::marks::mark_for_stitching;
use crate::processing::{timestamp, uid};
use crate::repair::repair;
use crate::row_set::{id_list, text_list};
use crate::{SqliteStore, database_error};
use callboard_store_body::decompress;

/// `EntityState` columns, without a condition.
macro_rules! select_states {
    ($condition:literal) => {
        concat!(
            "SELECT r.ref, e.uid, coalesce(c.document, l.document), e.document_hash, k.key, o.processed, o.errors,
                e.due, e.discovered_at, p.cache
            FROM entities e JOIN refs r ON r.id = e.id
            LEFT JOIN claims c ON c.id = e.claim_id LEFT JOIN orphans l ON l.entity_id = e.id
            LEFT JOIN location_keys k ON k.id = e.key_id LEFT JOIN outputs o ON o.entity_id = e.id
            LEFT JOIN processor_caches p ON p.entity_id = e.id ",
            $condition
        )
    };
}

/// Found first, in the order of both tables: in that of the refs each look would read another page.
const UNSTITCHED: &str = select_states!(
    "WHERE e.id IN (SELECT a.id FROM entities a NOT INDEXED
        WHERE NOT EXISTS (SELECT 1 FROM final_entities f WHERE f.entity_id = a.id)) ORDER BY r.ref"
);
const ONE: &str = select_states!("WHERE r.ref = ?1");
const DEPTH: &str = "SELECT (SELECT count(*) FROM entities), (SELECT count(*) FROM final_entities),
    (SELECT count(*) FROM entities WHERE urgency > 0), (SELECT count(*) FROM stitch_marks),
    (SELECT count(*) FROM orphans)";

const FINAL_DOCUMENTS: &str = "SELECT r.ref, e.uid, f.hash, f.body FROM final_entities f
    JOIN refs r ON r.id = f.entity_id JOIN entities e ON e.id = f.entity_id
    WHERE f.entity_id > ?1 ORDER BY f.entity_id LIMIT ?2";
const IDS: &str =
    "SELECT e.id FROM json_each(?1) j JOIN refs r ON r.ref = j.value JOIN entities e ON e.id = r.id";
const DROP_FINAL_ENTITIES: &str =
    "DELETE FROM final_entities WHERE entity_id IN (SELECT value FROM json_each(?1))";

#[async_trait]
impl Inspection for SqliteStore {
    async fn unstitched(&self) -> Result<Vec<EntityState>> {
        let mut transaction = self.read().await?;
        let rows: Vec<StateRow> =
            sqlx::query_as(UNSTITCHED).fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(StateRow::into_state).collect()
    }

    async fn entity_state(&self, entity_ref: &EntityRef) -> Result<Option<EntityState>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(ONE).bind(entity_ref.as_str());
        let row: Option<StateRow> = query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        row.map(StateRow::into_state).transpose()
    }

    async fn queue_depth(&self) -> Result<QueueDepth> {
        let mut transaction = self.read().await?;
        let (entities, final_entities, urgent, stitch_marks, orphans): (i64, i64, i64, i64, i64) =
            sqlx::query_as(DEPTH).fetch_one(&mut *transaction).await.map_err(database_error)?;
        Ok(QueueDepth {
            entities: entities.unsigned_abs(),
            final_entities: final_entities.unsigned_abs(),
            urgent: urgent.unsigned_abs(),
            stitch_marks: stitch_marks.unsigned_abs(),
            orphans: orphans.unsigned_abs(),
        })
    }

    async fn violations(&self) -> Result<Vec<Violation>> {
        let mut transaction = self.read().await?;
        find_violations(&mut transaction).await
    }

    async fn final_documents(&self, after: Option<&EntityRef>, limit: usize) -> Result<Vec<FinalDocument>> {
        let mut transaction = self.read().await?;
        let after = place_of(&mut transaction, after).await?;
        let query =
            sqlx::query_as(FINAL_DOCUMENTS).bind(after).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<(String, Vec<u8>, Vec<u8>, Vec<u8>)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        drop(transaction);
        let documents = rows.into_iter().map(|(text, uid_bytes, hash, body)| {
            Ok(FinalDocument {
                entity_ref: entity_ref(&text)?,
                uid: uid(&uid_bytes)?,
                hash: hash.try_into().ok(),
                body: decompress(&body).map_err(|error| error.to_string()),
            })
        });
        documents.collect()
    }

    async fn renew(&self, refs: &[EntityRef], now: Timestamp) -> Result<usize> {
        let now = now.as_millisecond();
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(IDS).bind(text_list(refs.iter().map(EntityRef::as_str)));
        let ids: Vec<i64> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let list = id_list(ids.iter().copied());
        write_tombstones(&mut transaction, &list).await?;
        let drop = sqlx::query(DROP_FINAL_ENTITIES).bind(list);
        drop.execute(&mut *transaction).await.map_err(database_error)?;
        mark_for_stitching(&mut transaction, ids.iter().copied(), now).await?;
        ask_again(&mut transaction, &ids.iter().copied().collect(), now).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(ids.len())
    }

    async fn repair(&self, now: Timestamp) -> Result<Vec<Repair>> {
        let mut transaction = self.write().await?;
        let repairs = repair(&mut transaction, now.as_millisecond()).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(repairs)
    }
}

/// The number of the entity after which a page begins.
async fn place_of(connection: &mut SqliteConnection, after: Option<&EntityRef>) -> Result<i64> {
    let Some(after) = after else { return Ok(0) };
    let query = sqlx::query_scalar("SELECT id FROM refs WHERE ref = ?1").bind(after.as_str());
    let id: Option<i64> = query.fetch_optional(connection).await.map_err(database_error)?;
    Ok(id.unwrap_or(i64::MAX))
}

struct StateRow {
    entity_ref: String,
    uid: Vec<u8>,
    document: Vec<u8>,
    document_hash: Vec<u8>,
    key: Option<String>,
    processed: Option<Vec<u8>>,
    errors: Option<Vec<u8>>,
    due: i64,
    discovered_at: i64,
    cache: Option<Vec<u8>>,
}

impl<'r> FromRow<'r, SqliteRow> for StateRow {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            entity_ref: row.try_get(0)?,
            uid: row.try_get(1)?,
            document: row.try_get(2)?,
            document_hash: row.try_get(3)?,
            key: row.try_get(4)?,
            processed: row.try_get(5)?,
            errors: row.try_get(6)?,
            due: row.try_get(7)?,
            discovered_at: row.try_get(8)?,
            cache: row.try_get(9)?,
        })
    }
}

impl StateRow {
    fn into_state(self) -> Result<EntityState> {
        Ok(EntityState {
            entity_ref: entity_ref(&self.entity_ref)?,
            uid: uid(&self.uid)?,
            unprocessed: Document {
                json: decompress(&self.document)?,
                hash: document_hash(&self.document_hash)?,
            },
            location_key: self.key.as_deref().map(LocationKey::new),
            processed: self.processed.as_deref().map(decompress).transpose()?,
            errors: self.errors.as_deref().map(decompress).transpose()?,
            next_due: timestamp(self.due)?,
            discovered_at: timestamp(self.discovered_at)?,
            cache: self.cache.as_deref().map(decompress).transpose()?,
        })
    }
}
