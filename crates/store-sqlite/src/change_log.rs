use async_trait::async_trait;
use callboard_store::{
    Change, ChangeLog, ChangeSequence, FinalEntity, FinalEntityPage, LoggedChange, Result,
};

use crate::ingestion::change_sequence;
use crate::interning::entity_ref;
use crate::processing::uid;
use crate::{SqliteStore, database_error};
use callboard_store_body::decompress;

const CHANGES: &str = "SELECT c.sequence, r.ref, e.uid, c.body FROM (
        SELECT sequence, entity_id, body FROM
            (SELECT sequence, entity_id, body FROM final_entities WHERE sequence > ?1 ORDER BY sequence LIMIT ?2)
        UNION ALL
        SELECT sequence, entity_id, NULL FROM
            (SELECT sequence, entity_id FROM tombstones WHERE sequence > ?1 ORDER BY sequence LIMIT ?2)) c
    JOIN refs r ON r.id = c.entity_id LEFT JOIN entities e ON e.id = c.entity_id
    ORDER BY c.sequence LIMIT ?2";
const FINAL_ENTITIES: &str = "SELECT r.ref, e.uid, f.body FROM final_entities f
    JOIN refs r ON r.id = f.entity_id JOIN entities e ON e.id = f.entity_id
    WHERE f.entity_id > ?1 AND f.entity_id <= ?2 ORDER BY f.entity_id";
const NEXT_PAGE: &str = "SELECT max(entity_id) FROM
    (SELECT entity_id FROM final_entities WHERE entity_id > ?1 ORDER BY entity_id LIMIT ?2)";

#[async_trait]
impl ChangeLog for SqliteStore {
    async fn head(&self) -> Result<ChangeSequence> {
        let mut transaction = self.read().await?;
        change_sequence(&mut transaction).await
    }

    async fn changes_since(&self, after: ChangeSequence, limit: usize) -> Result<Vec<LoggedChange>> {
        let mut transaction = self.read().await?;
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query_as(CHANGES).bind(after).bind(limit);
        let rows: Vec<(i64, String, Option<Vec<u8>>, Option<Vec<u8>>)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        drop(transaction);
        let changes = rows.into_iter().map(|(sequence, text, uid_bytes, body)| {
            let entity_ref = entity_ref(&text)?;
            let change = match (uid_bytes, body) {
                (Some(uid_bytes), Some(body)) => {
                    let (uid, body) = (uid(&uid_bytes)?, decompress(&body)?);
                    Change::Upserted(FinalEntity { entity_ref, uid, body })
                }
                _ => Change::Removed(entity_ref),
            };
            Ok(LoggedChange { sequence: ChangeSequence(sequence.unsigned_abs()), change })
        });
        changes.collect()
    }

    async fn next_page(
        &self,
        before: Option<FinalEntityPage>,
        limit: usize,
    ) -> Result<Option<FinalEntityPage>> {
        let mut transaction = self.read().await?;
        let after = before.map_or(0, |before| before.last);
        let query = sqlx::query_scalar(NEXT_PAGE).bind(after).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let last: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        Ok(last.map(|last| FinalEntityPage { after, last }))
    }

    async fn final_entities(&self, page: FinalEntityPage) -> Result<Vec<FinalEntity>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(FINAL_ENTITIES).bind(page.after).bind(page.last);
        let rows: Vec<(String, Vec<u8>, Vec<u8>)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        drop(transaction);
        let entities = rows.iter().map(|(text, uid_bytes, body)| {
            Ok(FinalEntity { entity_ref: entity_ref(text)?, uid: uid(uid_bytes)?, body: decompress(body)? })
        });
        entities.collect()
    }
}

impl SqliteStore {
    /// Forgets removals that nobody will ask for: an index starts from the final entities.
    pub(crate) async fn drop_tombstones(&self) -> Result<()> {
        let mut transaction = self.write().await?;
        sqlx::query("DELETE FROM tombstones").execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)
    }
}
