use async_trait::async_trait;
use callboard_store::{PublishedKey, PublishedKeys, Result};
use jiff::Timestamp;

use crate::processing::timestamp;
use crate::{SqliteStore, database_error};

const FORGET: &str = "DELETE FROM published_keys WHERE expires_at <= ?1";
const PUBLISH: &str = "INSERT INTO published_keys (id, key, expires_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO NOTHING";
const VALID: &str =
    "SELECT id, key, expires_at FROM published_keys WHERE expires_at > ?1 ORDER BY expires_at, id";

#[async_trait]
impl PublishedKeys for SqliteStore {
    async fn publish_key(&self, key: PublishedKey, now: Timestamp) -> Result<()> {
        let mut transaction = self.write().await?;
        let forget = sqlx::query(FORGET).bind(now.as_millisecond());
        forget.execute(&mut *transaction).await.map_err(database_error)?;
        let publish = sqlx::query(PUBLISH).bind(key.id).bind(key.key);
        let publish = publish.bind(key.expires_at.as_millisecond());
        publish.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)
    }

    async fn published_keys(&self, now: Timestamp) -> Result<Vec<PublishedKey>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(VALID).bind(now.as_millisecond());
        let rows: Vec<(String, String, i64)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let keys = rows
            .into_iter()
            .map(|(id, key, expires_at)| Ok(PublishedKey { id, key, expires_at: timestamp(expires_at)? }));
        keys.collect()
    }
}
