use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::{BucketShare, ProviderName, Refusals, RefusedRemoval, Result};
use jiff::Timestamp;

use crate::processing::timestamp;
use crate::row_set::text_list;
use crate::{SqliteStore, database_error};

const SHARE: &str = "SELECT
    (SELECT count(*) FROM claims c JOIN providers p ON c.source_id = -p.id WHERE p.name = ?1),
    (SELECT count(DISTINCT c.id) FROM json_each(?2) j CROSS JOIN refs r ON r.ref = j.value
        CROSS JOIN providers p ON p.name = ?1
        CROSS JOIN claims c ON c.entity_id = r.id AND c.source_id = -p.id)";
const RECORD: &str = "INSERT OR REPLACE INTO refused_removals (provider, at, removed, total, confirmed_until)
    VALUES (?1, ?2, ?3, ?4, ?5)";
const ALL: &str =
    "SELECT provider, at, removed, total, confirmed_until FROM refused_removals ORDER BY provider";
const CONFIRM: &str = "UPDATE refused_removals SET confirmed_until = ?2 WHERE provider = ?1";
const SETTLE: &str = "DELETE FROM refused_removals WHERE provider = ?1 RETURNING confirmed_until";

#[async_trait]
impl Refusals for SqliteStore {
    async fn bucket_share(&self, provider: &ProviderName, refs: &[EntityRef]) -> Result<BucketShare> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(SHARE).bind(provider.as_str());
        let query = query.bind(text_list(refs.iter().map(EntityRef::as_str)));
        let (total, part): (i64, i64) = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        Ok(BucketShare { total: total.unsigned_abs(), part: part.unsigned_abs() })
    }

    async fn record_refusal(&self, refusal: RefusedRemoval) -> Result<()> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(RECORD).bind(refusal.provider.as_str()).bind(refusal.at.as_millisecond());
        let query = query.bind(refusal.removed.cast_signed()).bind(refusal.total.cast_signed());
        let query = query.bind(refusal.confirmed_until.map(Timestamp::as_millisecond));
        query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)
    }

    async fn refusals(&self) -> Result<Vec<RefusedRemoval>> {
        let mut transaction = self.read().await?;
        let rows: Vec<(String, i64, i64, i64, Option<i64>)> =
            sqlx::query_as(ALL).fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter()
            .map(|(provider, at, removed, total, confirmed_until)| {
                Ok(RefusedRemoval {
                    provider: ProviderName::new(&provider),
                    at: timestamp(at)?,
                    removed: removed.unsigned_abs(),
                    total: total.unsigned_abs(),
                    confirmed_until: confirmed_until.map(timestamp).transpose()?,
                })
            })
            .collect()
    }

    async fn confirm_refusal(&self, provider: &ProviderName, until: Timestamp) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(CONFIRM).bind(provider.as_str()).bind(until.as_millisecond());
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn settle_refusal(&self, provider: &ProviderName, now: Timestamp) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(SETTLE).bind(provider.as_str());
        let row: Option<Option<i64>> =
            query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(row.flatten().is_some_and(|until| until >= now.as_millisecond()))
    }
}
