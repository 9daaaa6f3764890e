use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::claim_rows::{ClaimChanges, StoredClaim, WantedClaim};
use callboard_store::{
    Deletion, DueEntity, Ingestion, MutationReport, NewClaim, ProviderMutation, ProviderName, RefreshOutcome,
    Result, TakeUp, Uid, Wakeup,
};
use jiff::Timestamp;

use crate::PostgresStore;
use crate::claims::{claims_of_source_on, claims_of_sources, write_claims};
use crate::connection::commit;
use crate::deletion::{delete_entities, make_due, release_eagerly};
use crate::error::{database_error, is_commit_unknown};
use crate::hashing::{stored_uid, text_hash};
use crate::interning::{Interned, Texts, entity_ref, lock_provider};
use crate::locks::{ClaimLock, lock_entities};
use crate::retries::retrying;
use crate::writing::{NewLease, Writing};

#[async_trait]
impl Ingestion for PostgresStore {
    async fn apply_and_take_up(
        &self,
        provider: &ProviderName,
        mutation: ProviderMutation,
        now: Timestamp,
        take_up: TakeUp,
    ) -> Result<(MutationReport, Vec<DueEntity>)> {
        let interned = self.intern(&texts(&mutation)).await?;
        // Most mutations delete nothing, and need not keep others waiting.
        let mut lock = match &mutation {
            ProviderMutation::Delta { removed, .. } if !removed.is_empty() => ClaimLock::Alone,
            _ => ClaimLock::Shared,
        };
        let applied = loop {
            let applied =
                retrying!(self, self.try_mutation(lock, provider, &mutation, &interned, now, take_up));
            match applied? {
                Some(applied) => break applied,
                None => lock = ClaimLock::Alone,
            }
        };
        self.notify(&[Wakeup::Processing, Wakeup::Stitching, Wakeup::Index]).await;
        Ok(applied)
    }

    async fn providers(&self) -> Result<Vec<ProviderName>> {
        retrying!(self, self.read_providers())
    }

    async fn refresh_entity(&self, entity_ref: &EntityRef, now: Timestamp) -> Result<RefreshOutcome> {
        let outcome = retrying!(self, self.try_refresh_entity(entity_ref, now))?;
        self.notify(&[Wakeup::Processing]).await;
        Ok(outcome)
    }

    async fn refresh_entities(&self, refs: &[EntityRef], now: Timestamp) -> Result<usize> {
        let scheduled = retrying!(self, self.try_refresh_entities(refs, now))?;
        if scheduled > 0 {
            self.notify(&[Wakeup::Processing]).await;
        }
        Ok(scheduled)
    }

    async fn refresh_by_keys(&self, keys: &[String], now: Timestamp) -> Result<usize> {
        let scheduled = retrying!(self, self.try_refresh_by_keys(keys, now))?;
        if scheduled > 0 {
            self.notify(&[Wakeup::Processing]).await;
        }
        Ok(scheduled)
    }

    async fn delete_entity(&self, uid: Uid, now: Timestamp) -> Result<Option<Deletion>> {
        let deletion = retrying!(self, self.try_delete_entity(uid, now))?;
        self.notify(&[Wakeup::Processing, Wakeup::Stitching, Wakeup::Index]).await;
        Ok(deletion)
    }

    async fn delete_orphans(&self, now: Timestamp) -> Result<Deletion> {
        let deletion = retrying!(self, self.try_delete_orphans(now))?;
        if deletion.deleted > 0 {
            self.notify(&[Wakeup::Stitching, Wakeup::Index]).await;
        }
        Ok(deletion)
    }

    async fn parents(&self, children: &[EntityRef]) -> Result<Vec<(EntityRef, EntityRef)>> {
        retrying!(self, self.read_parents(children))
    }
}

/// `location:` entities above an entity, through claims that win.
const LOCATIONS_ABOVE: &str = "WITH RECURSIVE above (id) AS (
        SELECT $1::bigint
        UNION
        SELECT c.source_id FROM above a JOIN entities e ON e.id = a.id
        JOIN claims c ON c.entity_id = e.id AND c.key_id IS NOT DISTINCT FROM e.key_id WHERE c.source_id > 0)
    SELECT a.id FROM above a JOIN refs r ON r.id = a.id WHERE r.text >= 'location:' AND r.text < 'location;'";

const PARENTS: &str = "SELECT child.text, parent.text
    FROM unnest($1::uuid[]) WITH ORDINALITY AS asked (hash, place)
    JOIN refs child ON child.hash = asked.hash JOIN entities e ON e.id = child.id
    JOIN claims c ON c.entity_id = e.id AND c.key_id IS NOT DISTINCT FROM e.key_id
    JOIN refs parent ON parent.id = c.source_id
    ORDER BY asked.place, c.written DESC";

const ENTITY_ID: &str = "SELECT e.id FROM refs r JOIN entities e ON e.id = r.id WHERE r.hash = $1";

impl PostgresStore {
    async fn read_providers(&self) -> Result<Vec<ProviderName>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar(
            "SELECT name FROM providers p WHERE EXISTS (SELECT 1 FROM claims WHERE source_id = -p.id) ORDER BY name",
        );
        let names: Vec<String> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        Ok(names.iter().map(|name| ProviderName::new(name)).collect())
    }

    async fn read_parents(&self, children: &[EntityRef]) -> Result<Vec<(EntityRef, EntityRef)>> {
        let mut transaction = self.read().await?;
        let hashes: Vec<_> = children.iter().map(|child| text_hash(child.as_str())).collect();
        let query = sqlx::query_as(PARENTS).bind(hashes);
        let rows: Vec<(String, String)> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.iter().map(|(child, parent)| Ok((entity_ref(child)?, entity_ref(parent)?))).collect()
    }

    async fn try_refresh_entity(&self, entity_ref: &EntityRef, now: Timestamp) -> Result<RefreshOutcome> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(ENTITY_ID).bind(text_hash(entity_ref.as_str()));
        let id: Option<i64> = query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        let Some(id) = id else { return Ok(RefreshOutcome::Unknown) };
        let query = sqlx::query_scalar(LOCATIONS_ABOVE).bind(id);
        let mut ids: Vec<i64> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
        let scheduled = make_due(&mut transaction, &ids, self.to_stored(now)).await?;
        commit(transaction).await?;
        Ok(RefreshOutcome::Scheduled(scheduled))
    }

    async fn try_refresh_entities(&self, refs: &[EntityRef], now: Timestamp) -> Result<usize> {
        let mut transaction = self.write().await?;
        let hashes: Vec<_> = refs.iter().map(|entity| text_hash(entity.as_str())).collect();
        let query = sqlx::query_scalar("SELECT id FROM refs WHERE hash = ANY($1)").bind(hashes);
        let ids: Vec<i64> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let scheduled = make_due(&mut transaction, &ids, self.to_stored(now)).await?;
        commit(transaction).await?;
        Ok(scheduled)
    }

    async fn try_refresh_by_keys(&self, keys: &[String], now: Timestamp) -> Result<usize> {
        let mut transaction = self.write().await?;
        let hashes: Vec<_> = keys.iter().map(|key| text_hash(key)).collect();
        let query = sqlx::query_scalar("SELECT DISTINCT entity_id FROM refresh_keys WHERE hash = ANY($1)");
        let ids: Vec<i64> = query.bind(hashes).fetch_all(&mut *transaction).await.map_err(database_error)?;
        if ids.is_empty() {
            return Ok(0);
        }
        let scheduled = make_due(&mut transaction, &ids, self.to_stored(now)).await?;
        commit(transaction).await?;
        Ok(scheduled)
    }

    async fn try_delete_entity(&self, uid: Uid, now: Timestamp) -> Result<Option<Deletion>> {
        let mut writing = Writing::begin(self, ClaimLock::Alone, now).await?;
        let query = sqlx::query_scalar("SELECT id FROM entities WHERE uid = $1").bind(stored_uid(uid));
        let id: Option<i64> = query.fetch_optional(&mut *writing).await.map_err(database_error)?;
        let Some(id) = id else { return Ok(None) };
        delete_entities(&mut writing, &HashSet::from([id])).await?;
        let sequence = writing.finish().await?;
        Ok(Some(Deletion { deleted: 1, sequence }))
    }

    async fn try_delete_orphans(&self, now: Timestamp) -> Result<Deletion> {
        let mut writing = Writing::begin(self, ClaimLock::Alone, now).await?;
        let mut deleted = 0;
        loop {
            let query = sqlx::query_scalar("SELECT entity_id FROM orphans");
            let orphans: Vec<i64> = query.fetch_all(&mut *writing).await.map_err(database_error)?;
            if orphans.is_empty() {
                break;
            }
            deleted += orphans.len();
            delete_entities(&mut writing, &orphans.into_iter().collect()).await?;
        }
        let sequence = writing.finish().await?;
        Ok(Deletion { deleted, sequence })
    }

    async fn try_mutation(
        &self,
        lock: ClaimLock,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        interned: &Interned,
        now: Timestamp,
        take_up: TakeUp,
    ) -> Result<Option<(MutationReport, Vec<DueEntity>)>> {
        let mut writing = Writing::begin(self, lock, now).await?;
        writing.lease = NewLease {
            limit: take_up.limit,
            until: self.to_stored(take_up.lease_until),
            node: self.node_id(),
        };
        let Some(mut report) = mutate(&mut writing, interned, provider, mutation).await? else {
            return Ok(None);
        };
        let leased = std::mem::take(&mut writing.taken_up);
        let finished = writing.finish().await;
        if finished.as_ref().is_err_and(is_commit_unknown) {
            // Nobody may know of what was taken up.
            self.node.doubtful.add(self.to_stored(take_up.lease_until));
        }
        report.sequence = finished?;
        Ok(Some((report, leased)))
    }
}

/// All that a mutation names.
pub(crate) fn texts(mutation: &ProviderMutation) -> Texts<'_> {
    let (added, removed) = parts(mutation);
    Texts {
        refs: added.iter().map(|claim| &claim.entity_ref).chain(removed).collect(),
        keys: added.iter().filter_map(|claim| claim.location_key.as_ref()).collect(),
        relation_types: Vec::new(),
    }
}

fn parts(mutation: &ProviderMutation) -> (&[NewClaim], &[EntityRef]) {
    match mutation {
        ProviderMutation::Full(claims) => (claims, &[]),
        ProviderMutation::Delta { added, removed } => (added, removed),
    }
}

/// Applies a mutation within a transaction; the report lacks its place in the change log. `None`: entities may have
/// to be deleted, which needs the claim lock alone.
pub(crate) async fn mutate(
    writing: &mut Writing,
    interned: &Interned,
    provider: &ProviderName,
    mutation: &ProviderMutation,
) -> Result<Option<MutationReport>> {
    let source = lock_provider(writing, provider).await?;
    let (added, removed) = parts(mutation);
    let wanted = wanted_claims(interned, added)?;

    let mut released = Vec::new();
    let stored = match mutation {
        ProviderMutation::Full(_) => bucket(claims_of_sources(writing, &[source]).await?),
        ProviderMutation::Delta { .. } => {
            let removed =
                removed.iter().map(|entity| interned.entity(entity)).collect::<Result<Vec<i64>>>()?;
            let named: Vec<i64> =
                wanted.iter().map(|claim| claim.entity).chain(removed.iter().copied()).collect();
            let mut own = bucket(claims_of_source_on(writing, source, &named).await?);
            // What is removed and added in one breath is made anew.
            released.extend(removed.iter().filter_map(|entity| own.remove(entity)));
            own
        }
    };

    let mut changes = ClaimChanges::default();
    changes.compare(source, wanted, stored);
    released.append(&mut changes.released);
    let mut report = MutationReport {
        added: changes.new.len(),
        updated: changes.rewritten.len() + changes.rekeyed.len(),
        unchanged: changes.unchanged,
        released: released.len(),
        ..MutationReport::default()
    };
    // Another key is another claim: the old one goes first, and what hung below it.
    for (old, claim) in std::mem::take(&mut changes.rekeyed) {
        released.push(old);
        changes.new.push((source, claim));
    }
    if writing.claim_lock == ClaimLock::Shared {
        if !released.is_empty() {
            return Ok(None);
        }
        let mut entities: Vec<i64> = changes.new.iter().map(|(_, claim)| claim.entity).collect();
        entities.extend(changes.rewritten.iter().map(|(old, _)| old.entity));
        lock_entities(writing, &entities).await?;
    }
    report.deleted = release_eagerly(writing, &released).await?;
    report.conflicts = write_claims(writing, changes).await?;
    Ok(Some(report))
}

/// Claims with the numbers of what they name.
pub(crate) fn wanted_claims<'a>(interned: &Interned, claims: &'a [NewClaim]) -> Result<Vec<WantedClaim<'a>>> {
    let wanted = claims.iter().map(|claim| {
        let entity = interned.entity(&claim.entity_ref)?;
        Ok(WantedClaim { entity, key: interned.key(claim.location_key.as_ref())?, claim })
    });
    wanted.collect()
}

fn bucket(claims: Vec<StoredClaim>) -> HashMap<i64, StoredClaim> {
    claims.into_iter().map(|claim| (claim.entity, claim)).collect()
}
