//! Moving to and from other databases.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use callboard_model::{EntityRef, LocationKey};
use callboard_store::claim_rows::ClaimChanges;
use callboard_store::{
    CarriedClaim, CarriedEntity, ClaimSource, ClaimStanding, Document, Export, LastClaim, NewClaim,
    ProviderName, RegisteredLocation, Result, Standing, StoreError, TakeOver, TakenOver, Transfer, Wakeup,
    order_of_making,
};
use callboard_store_body::decompress;
use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::PostgresStore;
use crate::claims::{claims_on_entities, release, settle, write_claims};
use crate::error::database_error;
use crate::hashing::{document_hash, stored_uid, text_hash, uid};
use crate::ingestion::wanted_claims;
use crate::interning::{Interned, Texts, entity_ref, lock_provider};
use crate::locations::all_locations;
use crate::locks::{ClaimLock, lock_entities};
use crate::retries::retrying;
use crate::writing::Writing;

#[async_trait]
impl Transfer for PostgresStore {
    async fn export(&self) -> Result<Box<dyn Export>> {
        let transaction = retrying!(self, self.read())?;
        Ok(Box::new(PostgresExport { transaction, after: i64::MIN }))
    }

    async fn take_over(&self, entities: &[CarriedEntity], now: Timestamp) -> Result<TakenOver> {
        let interned = self.intern(&texts(entities)).await?;
        let report = retrying!(self, self.try_take_over(entities, &interned, now))?;
        self.notify(&[Wakeup::Processing, Wakeup::Stitching]).await;
        Ok(report)
    }

    async fn rehearse_take_over(&self, entities: &[CarriedEntity]) -> Result<TakenOver> {
        retrying!(self, self.try_rehearsal(entities))
    }
}

/// All that these entities name.
fn texts(entities: &[CarriedEntity]) -> Texts<'_> {
    let mut texts = Texts::default();
    for entity in entities {
        texts.refs.push(&entity.entity_ref);
        texts.keys.extend(entity.orphaned.iter().filter_map(|last| last.location_key.as_ref()));
        for CarriedClaim { source, claim } in &entity.claims {
            texts.keys.extend(&claim.location_key);
            if let ClaimSource::Entity(parent) = source {
                texts.refs.push(parent);
            }
        }
    }
    texts
}

const STANDING_SOURCES: &str = "SELECT r.text, s.text, p.name FROM refs r JOIN entities e ON e.id = r.id
    LEFT JOIN claims c ON c.entity_id = e.id
    LEFT JOIN refs s ON s.id = c.source_id LEFT JOIN providers p ON p.id = -c.source_id
    WHERE r.hash = ANY($1)";
const STANDING_UIDS: &str =
    "SELECT e.uid, r.text FROM entities e JOIN refs r ON r.id = e.id WHERE e.uid = ANY($1)";
const GIVE_UIDS: &str = "UPDATE entities SET uid = new.uid
    FROM unnest($1::bigint[], $2::uuid[]) AS new (id, uid)
    WHERE entities.id = ANY($1) AND entities.id = new.id";

/// What there is of these entities.
async fn standing(connection: &mut PgConnection, entities: &[CarriedEntity]) -> Result<Standing> {
    let mut standing = Standing::default();
    let hashes: Vec<Uuid> = entities.iter().map(|entity| text_hash(entity.entity_ref.as_str())).collect();
    let query = sqlx::query_as(STANDING_SOURCES).bind(hashes);
    let rows: Vec<(String, Option<String>, Option<String>)> =
        query.fetch_all(&mut *connection).await.map_err(database_error)?;
    for (claimed, parent, provider) in rows {
        let sources = standing.sources.entry(entity_ref(&claimed)?).or_default();
        sources.extend(claim_source(parent, provider)?);
    }
    let uids: Vec<Uuid> = entities.iter().map(|entity| stored_uid(entity.uid)).collect();
    let query = sqlx::query_as(STANDING_UIDS).bind(uids);
    let rows: Vec<(Uuid, String)> = query.fetch_all(connection).await.map_err(database_error)?;
    for (stored, owner) in rows {
        standing.uids.insert(uid(stored), entity_ref(&owner)?);
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

impl PostgresStore {
    async fn try_rehearsal(&self, entities: &[CarriedEntity]) -> Result<TakenOver> {
        let mut transaction = self.read().await?;
        let standing = standing(&mut transaction, entities).await?;
        Ok(TakeOver::plan(entities, &standing).report)
    }

    async fn try_take_over(
        &self,
        entities: &[CarriedEntity],
        interned: &Interned,
        now: Timestamp,
    ) -> Result<TakenOver> {
        let mut writing = Writing::begin(self, ClaimLock::Shared, now).await?;
        // In one order, as everybody takes locks: providers, then entities.
        let mut providers: BTreeMap<&str, i64> = BTreeMap::new();
        for claim in entities.iter().flat_map(|entity| &entity.claims) {
            if let ClaimSource::Provider(provider) = &claim.source {
                providers.insert(provider.as_str(), 0);
            }
        }
        for (name, source) in &mut providers {
            *source = lock_provider(&mut writing, &ProviderName::new(name)).await?;
        }
        let ids = entities.iter().map(|entity| interned.entity(&entity.entity_ref));
        let ids: Vec<i64> = ids.collect::<Result<_>>()?;
        lock_entities(&mut writing, &ids).await?;

        let standing = standing(&mut writing, entities).await?;
        let plan = TakeOver::plan(entities, &standing);
        make(&mut writing, interned, &providers, &plan).await?;
        writing.finish().await?;
        Ok(plan.report)
    }
}

async fn make(
    writing: &mut Writing,
    interned: &Interned,
    providers: &BTreeMap<&str, i64>,
    plan: &TakeOver<'_>,
) -> Result<()> {
    let mut changes = ClaimChanges::default();
    for CarriedClaim { source, claim } in &plan.claims {
        let source = match source {
            ClaimSource::Entity(parent) => interned.entity(parent)?,
            ClaimSource::Provider(provider) => {
                let source = providers.get(provider.as_str()).copied();
                source.ok_or_else(|| StoreError::Corrupt(format!("{} has no bucket", provider.as_str())))?
            }
        };
        let wanted = wanted_claims(interned, std::slice::from_ref(claim))?;
        changes.new.extend(wanted.into_iter().map(|wanted| (source, wanted)));
    }
    // An orphan is made by a claim of its own, which is released at once.
    let orphans = wanted_claims(interned, &plan.orphans)?;
    let orphan_ids: BTreeSet<i64> = orphans.iter().map(|wanted| wanted.entity).collect();
    changes.new.extend(orphans.into_iter().map(|wanted| (wanted.entity, wanted)));
    write_claims(writing, changes).await?;
    let own = claims_on_entities(writing, &orphan_ids.iter().copied().collect::<Vec<_>>()).await?;
    release(writing, &own).await?;
    settle(writing, &[], orphan_ids).await?;

    if !plan.uids.is_empty() {
        let ids = plan.uids.iter().map(|(entity, _)| interned.entity(entity));
        let ids: Vec<i64> = ids.collect::<Result<_>>()?;
        let uids: Vec<Uuid> = plan.uids.iter().map(|(_, uid)| stored_uid(*uid)).collect();
        let query = sqlx::query(GIVE_UIDS).bind(ids).bind(uids);
        query.execute(&mut **writing).await.map_err(database_error)?;
    }
    Ok(())
}

/// Refs are looked up one by one, as for pages of final entities: a plan for a page of unknown size would read them
/// all.
const ENTITIES: &str = "SELECT e.id, r.text, e.uid, e.key_id, e.document_hash, k.text, o.document
    FROM (SELECT id, uid, key_id, claim_id, document_hash FROM entities WHERE id > $1 ORDER BY id LIMIT $2) e
    CROSS JOIN LATERAL (SELECT text FROM refs WHERE id = e.id OFFSET 0) r
    LEFT JOIN location_keys k ON k.id = e.key_id
    LEFT JOIN orphans o ON o.entity_id = e.id AND e.claim_id IS NULL
    ORDER BY e.id";
const CLAIMS: &str =
    "SELECT c.entity_id, c.id, c.written, c.key_id, k.text, s.text, p.name, c.hash, c.document
    FROM claims c LEFT JOIN location_keys k ON k.id = c.key_id
    LEFT JOIN LATERAL (SELECT text FROM refs WHERE id = c.source_id OFFSET 0) s ON true
    LEFT JOIN providers p ON p.id = -c.source_id
    WHERE c.entity_id = ANY($1)";

type EntityRow = (i64, String, Uuid, Option<i64>, Uuid, Option<String>, Option<Vec<u8>>);
type ClaimRow = (i64, i64, i64, Option<i64>, Option<String>, Option<String>, Option<String>, Uuid, Vec<u8>);

struct PostgresExport {
    transaction: Transaction<'static, Postgres>,
    after: i64,
}

#[async_trait]
impl Export for PostgresExport {
    async fn locations(&mut self) -> Result<Vec<RegisteredLocation>> {
        all_locations(&mut self.transaction).await
    }

    async fn entities(&mut self, limit: usize) -> Result<Vec<CarriedEntity>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query_as(ENTITIES).bind(self.after).bind(limit);
        let rows: Vec<EntityRow> = query.fetch_all(&mut *self.transaction).await.map_err(database_error)?;
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        self.after = last.0;
        let query = sqlx::query_as(CLAIMS).bind(rows.iter().map(|row| row.0).collect::<Vec<_>>());
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
    let (_, text, stored, holder, hash, key, orphaned) = row;
    let entity_ref: EntityRef = entity_ref(&text)?;
    let claims = claims.into_iter().map(|row| carried_claim(&entity_ref, row)).collect::<Result<Vec<_>>>()?;
    let orphaned = orphaned.map(|document| {
        let document = Document { json: decompress(&document)?, hash: document_hash(hash) };
        Ok::<_, StoreError>(LastClaim { location_key: key.as_deref().map(LocationKey::new), document })
    });
    let claims = order_of_making(holder, claims).collect();
    Ok(CarriedEntity { entity_ref, uid: uid(stored), claims, orphaned: orphaned.transpose()? })
}

fn carried_claim(claimed: &EntityRef, row: ClaimRow) -> Result<(ClaimStanding<i64>, CarriedClaim)> {
    let (_, made, written, key_id, key, parent, provider, hash, document) = row;
    let source = claim_source(parent, provider)?.ok_or_else(|| {
        StoreError::Corrupt(format!("claim {made} on {claimed} is by a source that does not exist"))
    })?;
    let claim = NewClaim {
        entity_ref: claimed.clone(),
        location_key: key.as_deref().map(LocationKey::new),
        document: Document { json: decompress(&document)?, hash: document_hash(hash) },
    };
    Ok((ClaimStanding { key: key_id, made, written }, CarriedClaim { source, claim }))
}
