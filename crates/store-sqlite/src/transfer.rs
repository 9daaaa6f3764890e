//! Moving to and from other databases.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use callboard_store::claim_rows::{ClaimChanges, StoredClaim};
use callboard_store::{
    CarriedClaim, CarriedEntity, ClaimSource, ClaimStanding, Document, Export, LastClaim, NewClaim,
    ProviderName, RegisteredLocation, Result, Standing, StoreError, TakeOver, TakenOver, Transfer, Uid,
    order_of_making,
};
use callboard_store_body::decompress;
use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::claims::{claims_on_entities, document_hash, execute, release, settle, write_claims};
use crate::ingestion::wanted_claims;
use crate::interning::{Interned, entity_ref, intern_provider};
use crate::locations::all_locations;
use crate::processing::uid;
use crate::row_set::{RowSet, id_list, text_list};
use crate::{SqliteStore, database_error};

#[async_trait]
impl Transfer for SqliteStore {
    async fn export(&self) -> Result<Box<dyn Export>> {
        Ok(Box::new(SqliteExport { transaction: self.read().await?, after: i64::MIN }))
    }

    async fn take_over(&self, entities: &[CarriedEntity], now: Timestamp) -> Result<TakenOver> {
        let mut transaction = self.write().await?;
        let standing = standing(&mut transaction, entities).await?;
        let plan = TakeOver::plan(entities, &standing);
        let mut interned = Interned::default();
        self.make(&mut transaction, &mut interned, &plan, now.as_millisecond()).await?;
        transaction.commit().await.map_err(database_error)?;
        interned.remember(&self.interner);
        Ok(plan.report)
    }

    async fn rehearse_take_over(&self, entities: &[CarriedEntity]) -> Result<TakenOver> {
        let mut transaction = self.read().await?;
        let standing = standing(&mut transaction, entities).await?;
        Ok(TakeOver::plan(entities, &standing).report)
    }
}

const STANDING_SOURCES: &str =
    "SELECT r.ref, s.ref, p.name FROM json_each(?1) j CROSS JOIN refs r ON r.ref = j.value
    CROSS JOIN entities e ON e.id = r.id LEFT JOIN claims c ON c.entity_id = e.id
    LEFT JOIN refs s ON s.id = c.source_id LEFT JOIN providers p ON p.id = -c.source_id";
const STANDING_UIDS: &str = "SELECT e.uid, r.ref FROM json_each(?1) j
    CROSS JOIN entities e ON e.uid = substr(?2, j.value ->> 1, j.value ->> 2) CROSS JOIN refs r ON r.id = e.id";

/// What there is of these entities.
async fn standing(connection: &mut SqliteConnection, entities: &[CarriedEntity]) -> Result<Standing> {
    let mut standing = Standing::default();
    let refs = text_list(entities.iter().map(|entity| entity.entity_ref.as_str()));
    let query = sqlx::query_as(STANDING_SOURCES).bind(refs);
    let rows: Vec<(String, Option<String>, Option<String>)> =
        query.fetch_all(&mut *connection).await.map_err(database_error)?;
    for (claimed, parent, provider) in rows {
        let sources = standing.sources.entry(entity_ref(&claimed)?).or_default();
        sources.extend(claim_source(parent, provider)?);
    }
    let mut uids = RowSet::default();
    for entity in entities {
        uids.row(0).blob(entity.uid.as_bytes());
    }
    let (json, arena) = uids.into_parameters();
    let query = sqlx::query_as(STANDING_UIDS).bind(json).bind(arena);
    let rows: Vec<(Vec<u8>, String)> = query.fetch_all(connection).await.map_err(database_error)?;
    for (bytes, owner) in rows {
        standing.uids.insert(uid(&bytes)?, entity_ref(&owner)?);
    }
    Ok(standing)
}

fn claim_source(parent: Option<String>, provider: Option<String>) -> Result<Option<ClaimSource>> {
    Ok(match (parent, provider) {
        (Some(parent), _) => Some(ClaimSource::Entity(entity_ref(&parent)?)),
        (None, Some(provider)) => Some(ClaimSource::Provider(ProviderName::new(&provider))),
        (None, None) => None,
    })
}

const GIVE_UIDS: &str = "UPDATE entities SET uid = substr(?2, value ->> 1, value ->> 2)
    FROM json_each(?1) WHERE entities.id = value ->> 0";

impl SqliteStore {
    async fn make(
        &self,
        connection: &mut SqliteConnection,
        interned: &mut Interned,
        plan: &TakeOver<'_>,
        now: i64,
    ) -> Result<()> {
        let claims = || plan.claims.iter().map(|carried| &carried.claim).chain(&plan.orphans);
        let parents = plan.claims.iter().filter_map(|carried| match &carried.source {
            ClaimSource::Entity(parent) => Some(parent),
            ClaimSource::Provider(_) => None,
        });
        let refs = claims().map(|claim| &claim.entity_ref).chain(parents);
        self.interner.refs(connection, interned, refs).await?;
        self.interner.keys(connection, interned, claims().filter_map(|it| it.location_key.as_ref())).await?;

        let mut providers: HashMap<&ProviderName, i64> = HashMap::new();
        for carried in &plan.claims {
            if let ClaimSource::Provider(provider) = &carried.source
                && !providers.contains_key(provider)
            {
                providers.insert(provider, intern_provider(connection, provider).await?);
            }
        }
        let mut changes = ClaimChanges::default();
        for CarriedClaim { source, claim } in &plan.claims {
            let source = match source {
                ClaimSource::Entity(parent) => interned.entity(parent)?,
                ClaimSource::Provider(provider) => {
                    let source = providers.get(provider).copied();
                    source
                        .ok_or_else(|| StoreError::Corrupt(format!("{} has no bucket", provider.as_str())))?
                }
            };
            let wanted = wanted_claims(interned, std::slice::from_ref(claim))?;
            changes.new.extend(wanted.into_iter().map(|wanted| (source, wanted)));
        }
        // An orphan is made by a claim of its own, which is released at once.
        let orphans = wanted_claims(interned, &plan.orphans)?;
        let orphan_ids: HashSet<i64> = orphans.iter().map(|wanted| wanted.entity).collect();
        changes.new.extend(orphans.into_iter().map(|wanted| (wanted.entity, wanted)));
        write_claims(connection, changes, now).await?;
        let own: Vec<StoredClaim> = claims_on_entities(connection, orphan_ids.iter().copied()).await?;
        release(connection, &own, now).await?;
        settle(connection, &[], orphan_ids, now).await?;

        let mut uids = RowSet::default();
        for (entity, uid) in &plan.uids {
            uids.row(interned.entity(entity)?).blob(uid.as_bytes());
        }
        execute(connection, GIVE_UIDS, uids).await
    }
}

const ENTITIES: &str = "SELECT e.id, r.ref, e.uid, e.key_id, e.document_hash, k.key, o.document
    FROM entities e JOIN refs r ON r.id = e.id LEFT JOIN location_keys k ON k.id = e.key_id
    LEFT JOIN orphans o ON o.entity_id = e.id AND e.claim_id IS NULL
    WHERE e.id > ?1 ORDER BY e.id LIMIT ?2";
const CLAIMS: &str = "SELECT c.entity_id, c.id, c.written, c.key_id, k.key, s.ref, p.name, c.hash, c.document
    FROM json_each(?1) j CROSS JOIN claims c ON c.entity_id = j.value
    LEFT JOIN location_keys k ON k.id = c.key_id
    LEFT JOIN refs s ON s.id = c.source_id LEFT JOIN providers p ON p.id = -c.source_id";

type EntityRow = (i64, String, Vec<u8>, Option<i64>, Vec<u8>, Option<String>, Option<Vec<u8>>);
type ClaimRow =
    (i64, i64, i64, Option<i64>, Option<String>, Option<String>, Option<String>, Vec<u8>, Vec<u8>);

struct SqliteExport {
    transaction: Transaction<'static, Sqlite>,
    after: i64,
}

#[async_trait]
impl Export for SqliteExport {
    async fn locations(&mut self) -> Result<Vec<RegisteredLocation>> {
        all_locations(&mut self.transaction).await
    }

    async fn entities(&mut self, limit: usize) -> Result<Vec<CarriedEntity>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query_as(ENTITIES).bind(self.after).bind(limit);
        let rows: Vec<EntityRow> = query.fetch_all(&mut *self.transaction).await.map_err(database_error)?;
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        self.after = last.0;
        let query = sqlx::query_as(CLAIMS).bind(id_list(rows.iter().map(|row| row.0)));
        let claim_rows: Vec<ClaimRow> =
            query.fetch_all(&mut *self.transaction).await.map_err(database_error)?;
        let mut claims: HashMap<i64, Vec<ClaimRow>> = HashMap::with_capacity(rows.len());
        for row in claim_rows {
            claims.entry(row.0).or_default().push(row);
        }
        let carried = |row: EntityRow| {
            let claims = claims.remove(&row.0).unwrap_or_default();
            carried_entity(row, claims)
        };
        rows.into_iter().map(carried).collect()
    }
}

fn carried_entity(row: EntityRow, claims: Vec<ClaimRow>) -> Result<CarriedEntity> {
    let (_, text, uid_bytes, holder, hash, key, orphaned) = row;
    let entity_ref: EntityRef = entity_ref(&text)?;
    let claims = claims.into_iter().map(|row| carried_claim(&entity_ref, row)).collect::<Result<Vec<_>>>()?;
    let orphaned = orphaned.map(|document| {
        let document = Document { json: decompress(&document)?, hash: document_hash(&hash)? };
        Ok::<_, StoreError>(LastClaim { location_key: key.as_deref().map(LocationKey::new), document })
    });
    let uid: Uid = uid(&uid_bytes)?;
    let claims = order_of_making(holder, claims).collect();
    Ok(CarriedEntity { entity_ref, uid, claims, orphaned: orphaned.transpose()? })
}

fn carried_claim(claimed: &EntityRef, row: ClaimRow) -> Result<(ClaimStanding<i64>, CarriedClaim)> {
    let (_, made, written, key_id, key, parent, provider, hash, document) = row;
    let source = claim_source(parent, provider)?.ok_or_else(|| {
        StoreError::Corrupt(format!("claim {made} on {claimed} is by a source that does not exist"))
    })?;
    let claim = NewClaim {
        entity_ref: claimed.clone(),
        location_key: key.as_deref().map(LocationKey::new),
        document: Document { json: decompress(&document)?, hash: document_hash(&hash)? },
    };
    Ok((ClaimStanding { key: key_id, made, written }, CarriedClaim { source, claim }))
}
