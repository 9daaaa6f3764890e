use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::{BucketShare, ProviderName, Refusals, RefusedRemoval, Result};
use jiff::Timestamp;

use crate::PostgresStore;
use crate::connection::commit;
use crate::error::database_error;
use crate::hashing::text_hash;
use crate::retries::retrying;

const SHARE: &str = "SELECT
    (SELECT count(*) FROM claims c JOIN providers p ON c.source_id = -p.id WHERE p.name = $1),
    (SELECT count(*) FROM claims c JOIN providers p ON c.source_id = -p.id AND p.name = $1
        WHERE c.entity_id IN (SELECT id FROM refs WHERE hash = ANY($2)))";
const RECORD: &str = "INSERT INTO refused_removals (provider, at, removed, total, confirmed_until)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (provider) DO UPDATE SET at = excluded.at, removed = excluded.removed, total = excluded.total,
        confirmed_until = excluded.confirmed_until";
const ALL: &str =
    "SELECT provider, at, removed, total, confirmed_until FROM refused_removals ORDER BY provider";
const CONFIRM: &str = "UPDATE refused_removals SET confirmed_until = $2 WHERE provider = $1";
const SETTLE: &str = "DELETE FROM refused_removals WHERE provider = $1 RETURNING confirmed_until";

#[async_trait]
impl Refusals for PostgresStore {
    async fn bucket_share(&self, provider: &ProviderName, refs: &[EntityRef]) -> Result<BucketShare> {
        retrying!(self, self.read_bucket_share(provider, refs))
    }

    async fn record_refusal(&self, refusal: RefusedRemoval) -> Result<()> {
        retrying!(self, self.try_record_refusal(&refusal))
    }

    async fn refusals(&self) -> Result<Vec<RefusedRemoval>> {
        retrying!(self, self.read_refusals())
    }

    async fn confirm_refusal(&self, provider: &ProviderName, until: Timestamp) -> Result<bool> {
        retrying!(self, self.try_confirm_refusal(provider, until))
    }

    async fn settle_refusal(&self, provider: &ProviderName, now: Timestamp) -> Result<bool> {
        retrying!(self, self.try_settle_refusal(provider, now))
    }
}

impl PostgresStore {
    async fn read_bucket_share(&self, provider: &ProviderName, refs: &[EntityRef]) -> Result<BucketShare> {
        let mut transaction = self.read().await?;
        let hashes: Vec<_> = refs.iter().map(|entity_ref| text_hash(entity_ref.as_str())).collect();
        let query = sqlx::query_as(SHARE).bind(provider.as_str()).bind(hashes);
        let (total, part): (i64, i64) = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        Ok(BucketShare { total: total.unsigned_abs(), part: part.unsigned_abs() })
    }

    async fn try_record_refusal(&self, refusal: &RefusedRemoval) -> Result<()> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(RECORD).bind(refusal.provider.as_str()).bind(self.to_stored(refusal.at));
        let query = query.bind(refusal.removed.cast_signed()).bind(refusal.total.cast_signed());
        let query = query.bind(refusal.confirmed_until.map(|until| self.to_stored(until)));
        query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await
    }

    async fn read_refusals(&self) -> Result<Vec<RefusedRemoval>> {
        let mut transaction = self.read().await?;
        let rows: Vec<(String, i64, i64, i64, Option<i64>)> =
            sqlx::query_as(ALL).fetch_all(&mut *transaction).await.map_err(database_error)?;
        let refusals = rows.into_iter().map(|(provider, at, removed, total, confirmed_until)| {
            Ok(RefusedRemoval {
                provider: ProviderName::new(&provider),
                at: self.local_time(at)?,
                removed: removed.unsigned_abs(),
                total: total.unsigned_abs(),
                confirmed_until: confirmed_until.map(|until| self.local_time(until)).transpose()?,
            })
        });
        refusals.collect()
    }

    async fn try_confirm_refusal(&self, provider: &ProviderName, until: Timestamp) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(CONFIRM).bind(provider.as_str()).bind(self.to_stored(until));
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn try_settle_refusal(&self, provider: &ProviderName, now: Timestamp) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(SETTLE).bind(provider.as_str());
        let row: Option<Option<i64>> =
            query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(row.flatten().is_some_and(|until| until >= self.to_stored(now)))
    }
}
