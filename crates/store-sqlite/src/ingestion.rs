use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::claim_rows::{ClaimChanges, StoredClaim, WantedClaim};
use callboard_store::{
    ChangeSequence, Deletion, DueEntity, Ingestion, MutationReport, NewClaim, ProviderMutation, ProviderName,
    RefreshOutcome, Result, TakeUp, Uid,
};
use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::claims::{Written, claims_of_sources, claims_on_entities, write_claims_and_take_up};
use crate::deletion::{delete_entities, make_due, release_eagerly};
use crate::interning::{Interned, Interner, entity_ref, intern_provider};
use crate::row_set::{id_list, text_list};
use crate::{SqliteStore, database_error};

#[async_trait]
impl Ingestion for SqliteStore {
    async fn apply_and_take_up(
        &self,
        provider: &ProviderName,
        mutation: ProviderMutation,
        now: Timestamp,
        take_up: TakeUp,
    ) -> Result<(MutationReport, Vec<DueEntity>)> {
        let transaction = self.write().await?;
        self.mutate_commit_and_take_up(transaction, provider, &mutation, now, take_up, async |_| Ok(())).await
    }

    async fn providers(&self) -> Result<Vec<ProviderName>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar(
            "SELECT name FROM providers p WHERE EXISTS (SELECT 1 FROM claims WHERE source_id = -p.id) ORDER BY name",
        );
        let names: Vec<String> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        Ok(names.iter().map(|name| ProviderName::new(name)).collect())
    }

    async fn refresh_entity(&self, entity_ref: &EntityRef, now: Timestamp) -> Result<RefreshOutcome> {
        let mut transaction = self.write().await?;
        let Some(id) = entity_id(&mut transaction, entity_ref).await? else {
            return Ok(RefreshOutcome::Unknown);
        };
        let query = sqlx::query_scalar(LOCATIONS_ABOVE).bind(id);
        let mut ids: Vec<i64> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
        let scheduled = make_due(&mut transaction, &id_list(ids), now.as_millisecond()).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(RefreshOutcome::Scheduled(scheduled))
    }

    async fn refresh_entities(&self, refs: &[EntityRef], now: Timestamp) -> Result<usize> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar("SELECT r.id FROM json_each(?1) j JOIN refs r ON r.ref = j.value")
            .bind(text_list(refs.iter().map(EntityRef::as_str)));
        let ids: Vec<i64> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let scheduled = make_due(&mut transaction, &id_list(ids), now.as_millisecond()).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(scheduled)
    }

    async fn refresh_by_keys(&self, keys: &[String], now: Timestamp) -> Result<usize> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(
            "SELECT DISTINCT k.entity_id FROM json_each(?1) j JOIN refresh_keys k ON k.key = j.value",
        );
        let keys = text_list(keys.iter().map(String::as_str));
        let ids: Vec<i64> = query.bind(keys).fetch_all(&mut *transaction).await.map_err(database_error)?;
        let scheduled = make_due(&mut transaction, &id_list(ids), now.as_millisecond()).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(scheduled)
    }

    async fn delete_entity(&self, uid: Uid, now: Timestamp) -> Result<Option<Deletion>> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar("SELECT id FROM entities WHERE uid = ?1").bind(&uid.as_bytes()[..]);
        let id: Option<i64> = query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        let Some(id) = id else { return Ok(None) };
        delete_entities(&mut transaction, &HashSet::from([id]), now.as_millisecond()).await?;
        let sequence = change_sequence(&mut transaction).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(Some(Deletion { deleted: 1, sequence }))
    }

    async fn delete_orphans(&self, now: Timestamp) -> Result<Deletion> {
        let mut transaction = self.write().await?;
        let mut deleted = 0;
        loop {
            let query = sqlx::query_scalar("SELECT entity_id FROM orphans");
            let orphans: Vec<i64> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
            if orphans.is_empty() {
                break;
            }
            deleted += orphans.len();
            delete_entities(&mut transaction, &orphans.into_iter().collect(), now.as_millisecond()).await?;
        }
        let sequence = change_sequence(&mut transaction).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(Deletion { deleted, sequence })
    }

    async fn parents(&self, children: &[EntityRef]) -> Result<Vec<(EntityRef, EntityRef)>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(PARENTS).bind(text_list(children.iter().map(EntityRef::as_str)));
        let rows: Vec<(String, String)> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.iter().map(|(child, parent)| Ok((entity_ref(child)?, entity_ref(parent)?))).collect()
    }
}

/// `location:` entities above an entity, through claims that win.
const LOCATIONS_ABOVE: &str = "WITH RECURSIVE above (id) AS (
        SELECT ?1
        UNION
        SELECT c.source_id FROM above a JOIN entities e ON e.id = a.id
        JOIN claims c ON c.entity_id = e.id AND c.key_id IS e.key_id WHERE c.source_id > 0)
    SELECT a.id FROM above a JOIN refs r ON r.id = a.id WHERE r.ref >= 'location:' AND r.ref < 'location;'";

const PARENTS: &str = "SELECT child.ref, parent.ref FROM json_each(?1) j
    JOIN refs child ON child.ref = j.value JOIN entities e ON e.id = child.id
    JOIN claims c ON c.entity_id = e.id AND c.key_id IS e.key_id
    JOIN refs parent ON parent.id = c.source_id
    ORDER BY j.key, c.written DESC";

/// The id of an entity that exists.
pub(crate) async fn entity_id(connection: &mut SqliteConnection, entity: &EntityRef) -> Result<Option<i64>> {
    let query = sqlx::query_scalar("SELECT e.id FROM refs r JOIN entities e ON e.id = r.id WHERE r.ref = ?1");
    query.bind(entity.as_str()).fetch_optional(connection).await.map_err(database_error)
}

const LAST_CHANGE: &str = "SELECT max(ifnull((SELECT max(sequence) FROM final_entities), 0),
    ifnull((SELECT max(sequence) FROM tombstones), 0))";

/// The newest entry of the change log.
pub(crate) async fn change_sequence(connection: &mut SqliteConnection) -> Result<ChangeSequence> {
    let last: i64 = sqlx::query_scalar(LAST_CHANGE).fetch_one(connection).await.map_err(database_error)?;
    Ok(ChangeSequence(last.unsigned_abs()))
}

impl SqliteStore {
    /// Applies a mutation in a transaction that may have done other things before, and commits both.
    pub(crate) async fn mutate_and_commit(
        &self,
        transaction: Transaction<'_, Sqlite>,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        now: Timestamp,
    ) -> Result<MutationReport> {
        self.mutate_and_commit_with(transaction, provider, mutation, now, async |_| Ok(())).await
    }

    /// The same, with something else to do after the mutation.
    pub(crate) async fn mutate_and_commit_with(
        &self,
        transaction: Transaction<'_, Sqlite>,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        now: Timestamp,
        after: impl AsyncFnOnce(&mut SqliteConnection) -> Result<()>,
    ) -> Result<MutationReport> {
        let nothing = TakeUp::NOTHING;
        let applied = self.mutate_commit_and_take_up(transaction, provider, mutation, now, nothing, after);
        Ok(applied.await?.0)
    }

    async fn mutate_commit_and_take_up(
        &self,
        mut transaction: Transaction<'_, Sqlite>,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        now: Timestamp,
        take_up: TakeUp,
        after: impl AsyncFnOnce(&mut SqliteConnection) -> Result<()>,
    ) -> Result<(MutationReport, Vec<DueEntity>)> {
        let (mut interned, now) = (Interned::default(), now.as_millisecond());
        let numbers = &mut interned;
        let applied =
            mutate(&mut transaction, &self.interner, numbers, provider, mutation, now, take_up).await?;
        after(&mut transaction).await?;
        transaction.commit().await.map_err(database_error)?;
        interned.remember(&self.interner);
        Ok(applied)
    }
}

/// Applies a mutation within a transaction.
async fn mutate(
    connection: &mut SqliteConnection,
    interner: &Interner,
    numbers: &mut Interned,
    provider: &ProviderName,
    mutation: &ProviderMutation,
    now: i64,
    take_up: TakeUp,
) -> Result<(MutationReport, Vec<DueEntity>)> {
    let source = intern_provider(connection, provider).await?;
    let (added, removed): (&[NewClaim], &[EntityRef]) = match mutation {
        ProviderMutation::Full(claims) => (claims, &[]),
        ProviderMutation::Delta { added, removed } => (added, removed),
    };
    let refs = added.iter().map(|claim| &claim.entity_ref).chain(removed);
    interner.refs(connection, numbers, refs).await?;
    interner.keys(connection, numbers, added.iter().filter_map(|claim| claim.location_key.as_ref())).await?;
    let wanted = wanted_claims(numbers, added)?;

    let mut released = Vec::new();
    let stored = match mutation {
        ProviderMutation::Full(_) => bucket(claims_of_sources(connection, [source]).await?),
        ProviderMutation::Delta { .. } => {
            let listed = wanted.iter().map(|claim| claim.entity);
            let removed =
                removed.iter().map(|entity| numbers.entity(entity)).collect::<Result<Vec<i64>>>()?;
            let mut claims = claims_on_entities(connection, listed.chain(removed.iter().copied())).await?;
            claims.retain(|claim| claim.source == source);
            let mut own = bucket(claims);
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
    report.deleted = release_eagerly(connection, &released, now).await?;
    let Written { conflicts, due } = write_claims_and_take_up(connection, changes, now, take_up).await?;
    report.conflicts = conflicts;
    report.sequence = change_sequence(connection).await?;
    Ok((report, due))
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
