use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use callboard_store::{BucketClaim, Buckets, EntityProgress, ProviderName, Result};

use crate::claims::document_hash;
use crate::interning::entity_ref;
use crate::row_set::text_list;
use crate::{SqliteStore, database_error};
use callboard_store_body::decompress;

const BUCKET: &str = "SELECT r.ref, k.key, c.hash FROM providers p JOIN claims c ON c.source_id = -p.id
    JOIN refs r ON r.id = c.entity_id LEFT JOIN location_keys k ON k.id = c.key_id
    WHERE p.name = ?1 ORDER BY r.ref";
const BUCKET_CLAIMS: &str = "SELECT DISTINCT r.ref, k.key, c.hash FROM providers p CROSS JOIN json_each(?2) j
    CROSS JOIN refs r ON r.ref = j.value CROSS JOIN claims c ON c.entity_id = r.id AND c.source_id = -p.id
    LEFT JOIN location_keys k ON k.id = c.key_id
    WHERE p.name = ?1 ORDER BY r.ref";
const RIVAL_KEYS: &str =
    "SELECT DISTINCT r.ref, k.key FROM json_each(?2) j CROSS JOIN refs r ON r.ref = j.value
    CROSS JOIN entities e ON e.id = r.id CROSS JOIN location_keys k ON k.id = e.key_id
    WHERE EXISTS (SELECT 1 FROM claims c WHERE c.entity_id = e.id AND c.key_id = e.key_id
        AND c.source_id <> ifnull((SELECT -p.id FROM providers p WHERE p.name = ?1), 0))
    ORDER BY r.ref";
const PROGRESS: &str = "SELECT DISTINCT r.ref, e.urgency > 0 OR m.entity_id IS NOT NULL, o.errors
    FROM json_each(?1) j CROSS JOIN refs r ON r.ref = j.value CROSS JOIN entities e ON e.id = r.id
    LEFT JOIN stitch_marks m ON m.entity_id = e.id LEFT JOIN outputs o ON o.entity_id = e.id
    WHERE e.urgency > 0 OR m.entity_id IS NOT NULL OR o.errors IS NOT NULL
    ORDER BY r.ref";

#[async_trait]
impl Buckets for SqliteStore {
    async fn bucket(&self, provider: &ProviderName) -> Result<Vec<BucketClaim>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(BUCKET).bind(provider.as_str());
        let rows: Vec<ClaimRow> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(bucket_claim).collect()
    }

    async fn bucket_claims(&self, provider: &ProviderName, refs: &[EntityRef]) -> Result<Vec<BucketClaim>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(BUCKET_CLAIMS).bind(provider.as_str()).bind(ref_list(refs));
        let rows: Vec<ClaimRow> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(bucket_claim).collect()
    }

    async fn rival_keys(
        &self,
        provider: &ProviderName,
        refs: &[EntityRef],
    ) -> Result<Vec<(EntityRef, LocationKey)>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(RIVAL_KEYS).bind(provider.as_str()).bind(ref_list(refs));
        let rows: Vec<(String, String)> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(|(held, key)| Ok((entity_ref(&held)?, LocationKey::new(&key)))).collect()
    }

    async fn progress(&self, refs: &[EntityRef]) -> Result<Vec<EntityProgress>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(PROGRESS).bind(ref_list(refs));
        let rows: Vec<(String, bool, Option<Vec<u8>>)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter()
            .map(|(entity, is_pending, errors)| {
                Ok(EntityProgress {
                    entity_ref: entity_ref(&entity)?,
                    is_pending,
                    errors: errors.as_deref().map(decompress).transpose()?,
                })
            })
            .collect()
    }
}

type ClaimRow = (String, Option<String>, Vec<u8>);

fn bucket_claim((claimed, key, hash): ClaimRow) -> Result<BucketClaim> {
    Ok(BucketClaim {
        entity_ref: entity_ref(&claimed)?,
        location_key: key.as_deref().map(LocationKey::new),
        hash: document_hash(&hash)?,
    })
}

fn ref_list(refs: &[EntityRef]) -> String {
    text_list(refs.iter().map(EntityRef::as_str))
}
