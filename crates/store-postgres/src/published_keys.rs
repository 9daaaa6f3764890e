use async_trait::async_trait;
use callboard_store::{PublishedKey, PublishedKeys, Result};
use jiff::Timestamp;

use crate::PostgresStore;
use crate::connection::commit;
use crate::error::database_error;
use crate::retries::retrying;

const FORGET: &str = "DELETE FROM published_keys WHERE expires_at <= $1";
const PUBLISH: &str = "INSERT INTO published_keys (id, key, expires_at) VALUES ($1, $2, $3)
    ON CONFLICT (id) DO NOTHING";
const VALID: &str =
    "SELECT id, key, expires_at FROM published_keys WHERE expires_at > $1 ORDER BY expires_at, id";

#[async_trait]
impl PublishedKeys for PostgresStore {
    async fn publish_key(&self, key: PublishedKey, now: Timestamp) -> Result<()> {
        retrying!(self, self.try_publish_key(&key, now))
    }

    async fn published_keys(&self, now: Timestamp) -> Result<Vec<PublishedKey>> {
        retrying!(self, self.read_published_keys(now))
    }
}

impl PostgresStore {
    async fn try_publish_key(&self, key: &PublishedKey, now: Timestamp) -> Result<()> {
        let mut transaction = self.write().await?;
        let forget = sqlx::query(FORGET).bind(self.to_stored(now));
        forget.execute(&mut *transaction).await.map_err(database_error)?;
        let publish = sqlx::query(PUBLISH).bind(&key.id).bind(&key.key).bind(self.to_stored(key.expires_at));
        publish.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await
    }

    async fn read_published_keys(&self, now: Timestamp) -> Result<Vec<PublishedKey>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(VALID).bind(self.to_stored(now));
        let rows: Vec<(String, String, i64)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let keys = rows.into_iter().map(|(id, key, expires_at)| {
            Ok(PublishedKey { id, key, expires_at: self.local_time(expires_at)? })
        });
        keys.collect()
    }
}
