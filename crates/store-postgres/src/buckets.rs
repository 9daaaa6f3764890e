use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use callboard_store::{BucketClaim, Buckets, EntityProgress, ProviderName, Result};
use callboard_store_body::decompress;
use uuid::Uuid;

use crate::PostgresStore;
use crate::error::database_error;
use crate::hashing::{document_hash, text_hash};
use crate::interning::entity_ref;
use crate::retries::retrying;

const BUCKET: &str = "SELECT r.text, k.text, c.hash FROM providers p JOIN claims c ON c.source_id = -p.id
    JOIN refs r ON r.id = c.entity_id LEFT JOIN location_keys k ON k.id = c.key_id
    WHERE p.name = $1 ORDER BY r.text";
const BUCKET_CLAIMS: &str = "SELECT r.text, k.text, c.hash FROM refs r
    JOIN providers p ON p.name = $1 JOIN claims c ON c.entity_id = r.id AND c.source_id = -p.id
    LEFT JOIN location_keys k ON k.id = c.key_id
    WHERE r.hash = ANY($2) ORDER BY r.text";
const RIVAL_KEYS: &str = "SELECT r.text, k.text FROM refs r
    JOIN entities e ON e.id = r.id JOIN location_keys k ON k.id = e.key_id
    WHERE r.hash = ANY($2) AND EXISTS (SELECT 1 FROM claims c WHERE c.entity_id = e.id AND c.key_id = e.key_id
        AND c.source_id <> coalesce((SELECT -p.id FROM providers p WHERE p.name = $1), 0))
    ORDER BY r.text";
const PROGRESS: &str = "SELECT r.text, e.urgency > 0 OR m.entity_id IS NOT NULL, o.errors FROM refs r
    JOIN entities e ON e.id = r.id LEFT JOIN stitch_marks m ON m.entity_id = e.id
    LEFT JOIN outputs o ON o.entity_id = e.id
    WHERE r.hash = ANY($1) AND (e.urgency > 0 OR m.entity_id IS NOT NULL OR o.errors IS NOT NULL)
    ORDER BY r.text";

#[async_trait]
impl Buckets for PostgresStore {
    async fn bucket(&self, provider: &ProviderName) -> Result<Vec<BucketClaim>> {
        retrying!(self, self.read_bucket(provider))
    }

    async fn bucket_claims(&self, provider: &ProviderName, refs: &[EntityRef]) -> Result<Vec<BucketClaim>> {
        retrying!(self, self.read_bucket_claims(provider, refs))
    }

    async fn rival_keys(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<(EntityRef, LocationKey)>> {
        retrying!(self, self.read_rival_keys(provider, refs))
    }

    async fn progress(&self, refs: &[EntityRef]) -> Result<Vec<EntityProgress>> {
        retrying!(self, self.read_progress(refs))
    }
}

impl PostgresStore {
    async fn read_bucket(&self, provider: &ProviderName) -> Result<Vec<BucketClaim>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(BUCKET).bind(provider.as_str());
        let rows: Vec<ClaimRow> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(bucket_claim).collect()
    }

    async fn read_bucket_claims(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<BucketClaim>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(BUCKET_CLAIMS).bind(provider.as_str()).bind(hashes(refs));
        let rows: Vec<ClaimRow> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(bucket_claim).collect()
    }

    async fn read_rival_keys(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<(EntityRef, LocationKey)>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(RIVAL_KEYS).bind(provider.as_str()).bind(hashes(refs));
        let rows: Vec<(String, String)> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(|(held, key)| Ok((entity_ref(&held)?, LocationKey::new(&key)))).collect()
    }

    async fn read_progress(&self, refs: &[EntityRef]) -> Result<Vec<EntityProgress>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(PROGRESS).bind(hashes(refs));
        let rows: Vec<(String, bool, Option<Vec<u8>>)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let progress = rows.into_iter().map(|(entity, is_pending, errors)| {
            let (entity_ref, errors) = (entity_ref(&entity)?, errors.as_deref().map(decompress).transpose()?);
            Ok(EntityProgress { entity_ref, is_pending, errors })
        });
        progress.collect()
    }
}

type ClaimRow = (String, Option<String>, Uuid);

fn bucket_claim((claimed, key, hash): ClaimRow) -> Result<BucketClaim> {
    Ok(BucketClaim {
        entity_ref: entity_ref(&claimed)?,
        location_key: key.as_deref().map(LocationKey::new),
        hash: document_hash(hash),
    })
}

fn hashes(refs: &[EntityRef]) -> Vec<Uuid> {
    refs.iter().map(|entity| text_hash(entity.as_str())).collect()
}
