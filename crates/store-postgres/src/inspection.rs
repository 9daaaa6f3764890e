use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use callboard_store::{
    Document, EntityState, FinalDocument, Inspection, QueueDepth, Repair, Result, Violation, Wakeup,
};
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use crate::PostgresStore;
use crate::deletion::ask_again;
use crate::error::database_error;
use crate::hashing::{document_hash, text_hash, uid};
use crate::interning::entity_ref;
use crate::invariants::find_violations;
use crate::locks::ClaimLock;
use crate::repair::repair;
use crate::retries::retrying;
use crate::writing::Writing;
use callboard_store_body::decompress;

/// `EntityState` columns, without a condition.
macro_rules! select_states {
    ($condition:literal) => {
        concat!(
            "SELECT r.text, e.uid, coalesce(c.document, l.document), e.document_hash, k.text, o.processed, o.errors,
                CASE WHEN e.urgency = 0 THEN coalesce(
                    (SELECT min(turns.due)
                    FROM refresh_rounds rounds, unnest(rounds.dues, rounds.members) AS turns (due, members)
                    WHERE rounds.round = e.id >> 5 AND turns.members >> (e.id & 31)::int & 1 = 1), e.due)
                ELSE e.due END, e.discovered_at, p.cache
            FROM entities e JOIN refs r ON r.id = e.id
            LEFT JOIN claims c ON c.id = e.claim_id LEFT JOIN orphans l ON l.entity_id = e.id
            LEFT JOIN location_keys k ON k.id = e.key_id LEFT JOIN outputs o ON o.entity_id = e.id
            LEFT JOIN processor_caches p ON p.entity_id = e.id ",
            $condition
        )
    };
}

const UNSTITCHED: &str = select_states!(
    "WHERE NOT EXISTS (SELECT 1 FROM final_entities f WHERE f.entity_id = e.id) ORDER BY r.text"
);
const ONE: &str = select_states!("WHERE r.hash = $1");
const DEPTH: &str = "SELECT (SELECT count(*) FROM entities), (SELECT count(*) FROM final_entities),
    (SELECT count(*) FROM entities WHERE urgency > 0), (SELECT count(*) FROM stitch_marks),
    (SELECT count(*) FROM orphans)";

const FINAL_DOCUMENTS: &str = "SELECT r.text, e.uid, f.hash, f.body FROM
        (SELECT entity_id, hash, body FROM final_entities WHERE entity_id > $1 ORDER BY entity_id LIMIT $2) f
    CROSS JOIN LATERAL (SELECT text FROM refs WHERE id = f.entity_id OFFSET 0) r
    CROSS JOIN LATERAL (SELECT uid FROM entities WHERE id = f.entity_id OFFSET 0) e
    ORDER BY f.entity_id";
const IDS: &str = "SELECT e.id FROM refs r JOIN entities e ON e.id = r.id WHERE r.hash = ANY($1)";
const DROP_FINAL_ENTITIES: &str = "DELETE FROM final_entities WHERE entity_id = ANY($1) RETURNING entity_id";

#[async_trait]
impl Inspection for PostgresStore {
    async fn unstitched(&self) -> Result<Vec<EntityState>> {
        retrying!(self, self.read_unstitched())
    }

    async fn entity_state(&self, entity_ref: &EntityRef) -> Result<Option<EntityState>> {
        retrying!(self, self.read_state(entity_ref))
    }

    async fn queue_depth(&self) -> Result<QueueDepth> {
        retrying!(self, self.read_depth())
    }

    async fn violations(&self) -> Result<Vec<Violation>> {
        let mut transaction = self.read().await?;
        find_violations(&mut transaction).await
    }

    async fn final_documents(&self, after: Option<&EntityRef>, limit: usize) -> Result<Vec<FinalDocument>> {
        retrying!(self, self.read_documents(after, limit))
    }

    async fn renew(&self, refs: &[EntityRef], now: Timestamp) -> Result<usize> {
        let renewed = retrying!(self, self.try_renew(refs, now))?;
        self.notify(&[Wakeup::Processing, Wakeup::Stitching, Wakeup::Index]).await;
        Ok(renewed)
    }

    async fn repair(&self, now: Timestamp) -> Result<Vec<Repair>> {
        retrying!(self, self.try_repair(now))
    }
}

impl PostgresStore {
    async fn try_repair(&self, now: Timestamp) -> Result<Vec<Repair>> {
        let mut writing = Writing::begin(self, ClaimLock::Alone, now).await?;
        let repairs = repair(&mut writing).await?;
        writing.finish().await?;
        Ok(repairs)
    }

    async fn try_renew(&self, refs: &[EntityRef], now: Timestamp) -> Result<usize> {
        let mut writing = Writing::begin(self, ClaimLock::Alone, now).await?;
        let hashes: Vec<Uuid> = refs.iter().map(|renewed| text_hash(renewed.as_str())).collect();
        let query = sqlx::query_scalar(IDS).bind(hashes);
        let ids: Vec<i64> = query.fetch_all(&mut *writing).await.map_err(database_error)?;
        let drop = sqlx::query_scalar(DROP_FINAL_ENTITIES).bind(&ids);
        let dropped: Vec<i64> = drop.fetch_all(&mut *writing).await.map_err(database_error)?;
        writing.buried.extend(dropped);
        writing.to_stitch.extend(&ids);
        ask_again(&mut writing, &ids.iter().copied().collect()).await?;
        writing.finish().await?;
        Ok(ids.len())
    }

    async fn read_documents(&self, after: Option<&EntityRef>, limit: usize) -> Result<Vec<FinalDocument>> {
        let mut transaction = self.read().await?;
        let after = place_of(&mut transaction, after).await?;
        let query =
            sqlx::query_as(FINAL_DOCUMENTS).bind(after).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<(String, Uuid, Vec<u8>, Vec<u8>)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        drop(transaction);
        let documents = rows.into_iter().map(|(text, stored_uid, hash, body)| {
            Ok(FinalDocument {
                entity_ref: entity_ref(&text)?,
                uid: uid(stored_uid),
                hash: hash.try_into().ok(),
                body: decompress(&body).map_err(|error| error.to_string()),
            })
        });
        documents.collect()
    }

    async fn read_unstitched(&self) -> Result<Vec<EntityState>> {
        let mut transaction = self.read().await?;
        let rows: Vec<StateRow> =
            sqlx::query_as(UNSTITCHED).fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(|row| row.into_state(self)).collect()
    }

    async fn read_state(&self, entity_ref: &EntityRef) -> Result<Option<EntityState>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(ONE).bind(text_hash(entity_ref.as_str()));
        let row: Option<StateRow> = query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        row.map(|row| row.into_state(self)).transpose()
    }

    async fn read_depth(&self) -> Result<QueueDepth> {
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
}

/// The number of the entity after which a page begins.
async fn place_of(connection: &mut PgConnection, after: Option<&EntityRef>) -> Result<i64> {
    let Some(after) = after else { return Ok(0) };
    let query = sqlx::query_scalar("SELECT id FROM refs WHERE hash = $1").bind(text_hash(after.as_str()));
    let id: Option<i64> = query.fetch_optional(connection).await.map_err(database_error)?;
    Ok(id.unwrap_or(i64::MAX))
}

struct StateRow {
    entity_ref: String,
    uid: Uuid,
    document: Vec<u8>,
    document_hash: Uuid,
    key: Option<String>,
    processed: Option<Vec<u8>>,
    errors: Option<Vec<u8>>,
    due: i64,
    discovered_at: i64,
    cache: Option<Vec<u8>>,
}

impl<'r> FromRow<'r, PgRow> for StateRow {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
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
    fn into_state(self, store: &PostgresStore) -> Result<EntityState> {
        Ok(EntityState {
            entity_ref: entity_ref(&self.entity_ref)?,
            uid: uid(self.uid),
            unprocessed: Document {
                json: decompress(&self.document)?,
                hash: document_hash(self.document_hash),
            },
            location_key: self.key.as_deref().map(LocationKey::new),
            processed: self.processed.as_deref().map(decompress).transpose()?,
            errors: self.errors.as_deref().map(decompress).transpose()?,
            next_due: store.local_time(self.due)?,
            discovered_at: store.local_time(self.discovered_at)?,
            cache: self.cache.as_deref().map(decompress).transpose()?,
        })
    }
}
