//! Claims become entities: writing them, and settling what each entity is processed from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use callboard_model::LocationKey;
use callboard_store::claim_rows::{
    ClaimChanges, Difference, Settled, Settlement, StandingEntity, StoredClaim, WantedClaim, settlement,
    taken_up,
};
use callboard_store::{
    ClaimSource, Conflict, DocumentHash, DueEntity, ProviderName, Result, StoreError, TakeUp, Uid,
};
use sqlx::SqliteConnection;

use crate::database_error;
use crate::interning::entity_ref;
use crate::marks::{mark_for_stitching, next_in_sequence};
use crate::processing::timestamp;
use crate::row_set::{RowSet, id_list};
use callboard_store_body::compress_all;

const CLAIMS_OF_SOURCES: &str = "SELECT c.id, c.source_id, c.entity_id, c.key_id, c.written, c.hash
    FROM json_each(?1) s JOIN claims c ON c.source_id = s.value";
const CLAIMS_ON_ENTITIES: &str = "SELECT c.id, c.source_id, c.entity_id, c.key_id, c.written, c.hash
    FROM json_each(?1) e JOIN claims c ON c.entity_id = e.value";

/// All claims of these sources.
pub(crate) async fn claims_of_sources(
    connection: &mut SqliteConnection,
    sources: impl IntoIterator<Item = i64>,
) -> Result<Vec<StoredClaim>> {
    select_claims(connection, CLAIMS_OF_SOURCES, id_list(sources)).await
}

/// All claims on these entities.
pub(crate) async fn claims_on_entities(
    connection: &mut SqliteConnection,
    entities: impl IntoIterator<Item = i64>,
) -> Result<Vec<StoredClaim>> {
    select_claims(connection, CLAIMS_ON_ENTITIES, id_list(entities)).await
}

async fn select_claims(
    connection: &mut SqliteConnection,
    sql: &'static str,
    ids: String,
) -> Result<Vec<StoredClaim>> {
    if ids == "[]" {
        return Ok(Vec::new());
    }
    let query = sqlx::query_as(sql).bind(ids);
    let rows: Vec<(i64, i64, i64, Option<i64>, i64, Vec<u8>)> =
        query.fetch_all(connection).await.map_err(database_error)?;
    rows.into_iter()
        .map(|(id, source, entity, key, written, hash)| {
            Ok(StoredClaim { id, source, entity, key, written, hash: document_hash(&hash)? })
        })
        .collect()
}

/// A hash as it was stored.
pub(crate) fn document_hash(bytes: &[u8]) -> Result<DocumentHash> {
    let bytes = <[u8; 16]>::try_from(bytes);
    bytes.map(DocumentHash::new).map_err(|_| StoreError::Corrupt("a hash has not 16 bytes".into()))
}

const INSERT_CLAIMS: &str = "INSERT INTO claims (id, entity_id, source_id, key_id, written, hash, document)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 0,
        substr(?2, value ->> 4, value ->> 5), substr(?2, value ->> 6, value ->> 7)
    FROM json_each(?1)";
const REWRITE_CLAIMS: &str = "UPDATE claims SET written = value ->> 1,
        hash = substr(?2, value ->> 2, value ->> 3), document = substr(?2, value ->> 4, value ->> 5)
    FROM json_each(?1) WHERE claims.id = value ->> 0";
/// The document of an entity that may be about to become an orphan.
const KEEP_DOCUMENTS: &str = "INSERT INTO orphans (entity_id, document, since)
    SELECT c.entity_id, c.document, ?2 FROM json_each(?1) j CROSS JOIN claims c ON c.id = j.value
    CROSS JOIN entities e ON e.id = c.entity_id AND e.claim_id = c.id WHERE true
    ON CONFLICT (entity_id) DO UPDATE SET document = excluded.document, since = excluded.since";
const RELEASE_CLAIMS: &str = "DELETE FROM claims WHERE id IN (SELECT value FROM json_each(?1))";

/// What writing claims came to.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) conflicts: Vec<Conflict>,
    /// The entities that were made and taken up at once.
    pub(crate) due: Vec<DueEntity>,
}

/// Writes claims, and settles every entity they are on. Returns the conflicts.
///
/// Releases leave orphans behind; a provider's releases are to be done with
/// [`release_eagerly`](crate::deletion::release_eagerly) beforehand.
pub(crate) async fn write_claims(
    connection: &mut SqliteConnection,
    changes: ClaimChanges<'_>,
    now: i64,
) -> Result<Vec<Conflict>> {
    Ok(write_claims_and_take_up(connection, changes, now, TakeUp::NOTHING).await?.conflicts)
}

/// The same, and takes up some of the entities that this makes.
pub(crate) async fn write_claims_and_take_up(
    connection: &mut SqliteConnection,
    changes: ClaimChanges<'_>,
    now: i64,
    take_up: TakeUp,
) -> Result<Written> {
    let ClaimChanges { new, rewritten, rekeyed, released, refused, .. } = changes;
    let gone: Vec<StoredClaim> = rekeyed.iter().map(|(old, _)| *old).chain(released).collect();
    let new: Vec<(i64, WantedClaim<'_>)> =
        new.into_iter().chain(rekeyed.into_iter().map(|(old, claim)| (old.source, claim))).collect();
    if new.is_empty() && rewritten.is_empty() && gone.is_empty() {
        let conflicts = conflicts_of(connection, refused).await?;
        return Ok(Written { conflicts, ..Written::default() });
    }

    release(connection, &gone, now).await?;
    let mut number = next_in_sequence(connection, new.len() + rewritten.len()).await?;

    let documents = new.iter().map(|(_, wanted)| Arc::clone(&wanted.claim.document.json));
    let bodies = compress_all(documents.collect()).await?;
    let mut inserts = RowSet::default();
    let mut fresh: Vec<StoredClaim> = Vec::with_capacity(new.len());
    for ((source, wanted), body) in new.iter().zip(&bodies) {
        let document = &wanted.claim.document;
        let row = inserts.row(number).number(wanted.entity).number(*source).optional(wanted.key);
        row.blob(document.hash.as_bytes()).blob(body);
        let (entity, key, hash) = (wanted.entity, wanted.key, document.hash);
        fresh.push(StoredClaim { id: number, source: *source, entity, key, written: number, hash });
        number += 1;
    }
    execute(connection, INSERT_CLAIMS, inserts).await?;

    let documents = rewritten.iter().map(|(_, wanted)| Arc::clone(&wanted.claim.document.json));
    let bodies = compress_all(documents.collect()).await?;
    let mut updates = RowSet::default();
    for ((old, wanted), body) in rewritten.iter().zip(&bodies) {
        updates.row(old.id).number(number).blob(wanted.claim.document.hash.as_bytes()).blob(body);
        number += 1;
    }
    execute(connection, REWRITE_CLAIMS, updates).await?;

    let others = gone.iter().map(|claim| claim.entity).chain(rewritten.iter().map(|(old, _)| old.entity));
    let Settled { winners, leased } =
        settle_and_take_up(connection, &fresh, others.collect(), now, take_up).await?;
    let due = taken_up(&fresh, &new, &leased, timestamp(now)?);
    let written = new.into_iter().chain(rewritten.into_iter().map(|(old, claim)| (old.source, claim)));
    let losing = written.filter(|(_, claim)| winners.get(&claim.entity).is_some_and(|key| *key != claim.key));
    let conflicts = conflicts_of(connection, refused.into_iter().chain(losing).collect()).await?;
    Ok(Written { conflicts, due })
}

/// Takes claims away. Documents of winners are kept aside, for entities that become orphans by it.
pub(crate) async fn release(
    connection: &mut SqliteConnection,
    claims: &[StoredClaim],
    now: i64,
) -> Result<()> {
    if claims.is_empty() {
        return Ok(());
    }
    let ids = id_list(claims.iter().map(|claim| claim.id));
    sqlx::query(KEEP_DOCUMENTS)
        .bind(&ids)
        .bind(now)
        .execute(&mut *connection)
        .await
        .map_err(database_error)?;
    sqlx::query(RELEASE_CLAIMS).bind(ids).execute(connection).await.map_err(database_error)?;
    Ok(())
}

const STANDING_ENTITIES: &str = "SELECT e.id, e.claim_id, e.key_id, e.document_hash
    FROM json_each(?1) j JOIN entities e ON e.id = j.value";
const INSERT_ENTITIES: &str =
    "INSERT INTO entities (id, uid, claim_id, key_id, document_hash, discovered_at, urgency, due)
    SELECT value ->> 0, substr(?2, value ->> 1, value ->> 2), value ->> 3, value ->> 4,
        substr(?2, value ->> 5, value ->> 6), ?3, value ->> 7, value ->> 8
    FROM json_each(?1)";
const UPDATE_ENTITIES: &str = "UPDATE entities SET claim_id = value ->> 1, key_id = value ->> 2
    FROM json_each(?1) WHERE entities.id = value ->> 0";
const REQUEUE_ENTITIES: &str = "UPDATE entities SET claim_id = value ->> 1, key_id = value ->> 2,
        document_hash = substr(?2, value ->> 3, value ->> 4), discovered_at = ?3, urgency = 1, due = ?3
    FROM json_each(?1) WHERE entities.id = value ->> 0";
const UNORPHAN: &str = "DELETE FROM orphans WHERE entity_id IN (SELECT value FROM json_each(?1))";

/// Makes entities what their claims say, after claims were written: `fresh` are claims that are new, `others`
/// entities whose claims changed otherwise.
pub(crate) async fn settle(
    connection: &mut SqliteConnection,
    fresh: &[StoredClaim],
    others: HashSet<i64>,
    now: i64,
) -> Result<()> {
    settle_and_take_up(connection, fresh, others, now, TakeUp::NOTHING).await?;
    Ok(())
}

/// The same, and takes up some of the entities that this makes.
async fn settle_and_take_up(
    connection: &mut SqliteConnection,
    fresh: &[StoredClaim],
    others: HashSet<i64>,
    now: i64,
    take_up: TakeUp,
) -> Result<Settled> {
    let mut affected = others;
    affected.extend(fresh.iter().map(|claim| claim.entity));
    let standing = standing_entities(connection, &affected).await?;

    // An entity that does not exist yet has no claims but the fresh ones: no need to ask.
    let mut claims: HashMap<i64, Vec<StoredClaim>> = HashMap::with_capacity(affected.len());
    for claim in fresh.iter().filter(|claim| !standing.contains_key(&claim.entity)) {
        claims.entry(claim.entity).or_default().push(*claim);
    }
    for claim in claims_on_entities(connection, standing.keys().copied()).await? {
        claims.entry(claim.entity).or_default().push(claim);
    }

    // In order, so that pages are filled one after the other.
    let mut affected: Vec<i64> = affected.into_iter().collect();
    affected.sort_unstable();
    let mut plan = Plan::new(now, take_up);
    for entity in affected {
        plan.decide(entity, standing.get(&entity), claims.get(&entity).map_or(&[], Vec::as_slice));
    }
    plan.write(connection).await
}

async fn standing_entities(
    connection: &mut SqliteConnection,
    entities: &HashSet<i64>,
) -> Result<HashMap<i64, StandingEntity>> {
    let ids = id_list(entities.iter().copied());
    let query = sqlx::query_as(STANDING_ENTITIES).bind(ids);
    let rows: Vec<(i64, Option<i64>, Option<i64>, Vec<u8>)> =
        query.fetch_all(connection).await.map_err(database_error)?;
    rows.into_iter()
        .map(|(id, claim, key, hash)| Ok((id, StandingEntity { claim, key, hash: document_hash(&hash)? })))
        .collect()
}

/// What settling comes to, collected so that it is written in a few statements.
struct Plan {
    now: i64,
    take_up: TakeUp,
    leased: HashMap<i64, Uid>,
    inserts: RowSet,
    updates: RowSet,
    requeues: RowSet,
    claimed: Vec<i64>,
    orphan_state_changed: Vec<i64>,
    winners: HashMap<i64, Option<i64>>,
}

impl Plan {
    fn new(now: i64, take_up: TakeUp) -> Self {
        Self {
            now,
            take_up,
            leased: HashMap::new(),
            inserts: RowSet::default(),
            updates: RowSet::default(),
            requeues: RowSet::default(),
            claimed: Vec::new(),
            orphan_state_changed: Vec::new(),
            winners: HashMap::new(),
        }
    }

    fn make(&mut self, entity: i64, winner: StoredClaim) {
        let uid = Uid::successive();
        let (urgency, due) = if self.leased.len() < self.take_up.limit {
            self.leased.insert(winner.id, uid);
            (2, self.take_up.lease_until.as_millisecond())
        } else {
            (1, self.now)
        };
        let row = self.inserts.row(entity).blob(uid.as_bytes()).number(winner.id).optional(winner.key);
        row.blob(winner.hash.as_bytes()).number(urgency).number(due);
    }

    fn decide(&mut self, entity: i64, standing: Option<&StandingEntity>, claims: &[StoredClaim]) {
        match settlement(standing, claims) {
            Settlement::Absent | Settlement::Orphaned { since_now: false } => {}
            Settlement::New { winner } => {
                self.winners.insert(entity, winner.key);
                self.make(entity, winner);
            }
            Settlement::Orphaned { since_now: true } => {
                self.orphan_state_changed.push(entity);
                self.updates.row(entity).optional(None).optional(standing.and_then(|standing| standing.key));
            }
            Settlement::Claimed { winner, was_orphan, difference } => {
                self.winners.insert(entity, winner.key);
                self.claimed.push(entity);
                if was_orphan {
                    self.orphan_state_changed.push(entity);
                }
                match difference {
                    Difference::None => {}
                    Difference::Winner => {
                        self.updates.row(entity).number(winner.id).optional(winner.key);
                    }
                    Difference::Document => {
                        let row = self.requeues.row(entity).number(winner.id).optional(winner.key);
                        row.blob(winner.hash.as_bytes());
                    }
                }
            }
        }
    }

    async fn write(self, connection: &mut SqliteConnection) -> Result<Settled> {
        let now = self.now;
        for (sql, rows) in [(INSERT_ENTITIES, self.inserts), (REQUEUE_ENTITIES, self.requeues)] {
            if !rows.is_empty() {
                let (json, arena) = rows.into_parameters();
                let query = sqlx::query(sql).bind(json).bind(arena).bind(now);
                query.execute(&mut *connection).await.map_err(database_error)?;
            }
        }
        execute(connection, UPDATE_ENTITIES, self.updates).await?;
        if !self.claimed.is_empty() {
            let query = sqlx::query(UNORPHAN).bind(id_list(self.claimed));
            query.execute(&mut *connection).await.map_err(database_error)?;
        }
        mark_for_stitching(connection, self.orphan_state_changed, now).await?;
        Ok(Settled { winners: self.winners, leased: self.leased })
    }
}

/// Runs a statement over rows, unless there are none.
pub(crate) async fn execute(
    connection: &mut SqliteConnection,
    sql: &'static str,
    rows: RowSet,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let (json, arena) = rows.into_parameters();
    sqlx::query(sql).bind(json).bind(arena).execute(connection).await.map_err(database_error)?;
    Ok(())
}

const HOLDER_KEYS: &str = "SELECT e.id, k.key FROM json_each(?1) j JOIN entities e ON e.id = j.value
    JOIN location_keys k ON k.id = e.key_id";

/// Conflicts as they are reported. They are rare, so their names are looked up only now.
async fn conflicts_of(
    connection: &mut SqliteConnection,
    lost: Vec<(i64, WantedClaim<'_>)>,
) -> Result<Vec<Conflict>> {
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let ids = id_list(lost.iter().map(|(_, claim)| claim.entity));
    let query = sqlx::query_as(HOLDER_KEYS).bind(ids);
    let keys: Vec<(i64, String)> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let keys: HashMap<i64, String> = keys.into_iter().collect();
    let sources = claim_sources(connection, lost.iter().map(|(source, _)| *source)).await?;
    let conflicts = lost.into_iter().filter_map(|(source, claim)| {
        Some(Conflict {
            entity_ref: claim.claim.entity_ref.clone(),
            source: sources.get(&source)?.clone(),
            rejected_key: claim.claim.location_key.clone(),
            holder_key: keys.get(&claim.entity).map(|key| LocationKey::new(key)),
        })
    });
    Ok(conflicts.collect())
}

const SOURCE_NAMES: &str = "SELECT j.value, r.ref, p.name FROM json_each(?1) j
    LEFT JOIN refs r ON r.id = j.value LEFT JOIN providers p ON p.id = -j.value";

/// Sources by id.
pub(crate) async fn claim_sources(
    connection: &mut SqliteConnection,
    sources: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, ClaimSource>> {
    let query = sqlx::query_as(SOURCE_NAMES).bind(id_list(sources));
    let rows: Vec<(i64, Option<String>, Option<String>)> =
        query.fetch_all(connection).await.map_err(database_error)?;
    let mut sources = HashMap::new();
    for (id, reference, provider) in rows {
        if let Some(reference) = reference {
            sources.insert(id, ClaimSource::Entity(entity_ref(&reference)?));
        } else if let Some(provider) = provider {
            sources.insert(id, ClaimSource::Provider(ProviderName::new(&provider)));
        }
    }
    Ok(sources)
}
