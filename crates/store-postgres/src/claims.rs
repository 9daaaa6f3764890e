//! Claims become entities: writing them, and settling what each entity is processed from.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use callboard_model::LocationKey;
use callboard_store::claim_rows::{
    ClaimChanges, Difference, Settled, Settlement, StandingEntity, StoredClaim, WantedClaim, settlement,
    taken_up,
};
use callboard_store::{ClaimSource, Conflict, ProviderName, Result, Uid};
use callboard_store_body::{Compression, compress_all};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::database_error;
use crate::hashing::{document_hash, stored_hash, stored_uid};
use crate::interning::entity_ref;
use crate::marks::take_numbers;
use crate::writing::{NewLease, Writing};

const CLAIMS_OF_SOURCES: &str =
    "SELECT id, source_id, entity_id, key_id, written, hash FROM claims WHERE source_id = ANY($1)";
const CLAIMS_ON_ENTITIES: &str =
    "SELECT id, source_id, entity_id, key_id, written, hash FROM claims WHERE entity_id = ANY($1)";

/// Not by the index of sources: all that a provider claims would be read, which looks cheap until the table is analysed.
const CLAIMS_OF_SOURCE_ON_ENTITIES: &str =
    "SELECT id, source_id, entity_id, key_id, written, hash FROM claims
    WHERE entity_id = ANY($1) AND source_id + 0 = $2";

/// The claims of one source on these entities.
pub(crate) async fn claims_of_source_on(
    connection: &mut PgConnection,
    source: i64,
    entities: &[i64],
) -> Result<Vec<StoredClaim>> {
    let query = sqlx::query_as(CLAIMS_OF_SOURCE_ON_ENTITIES).bind(entities).bind(source);
    Ok(stored_claims(query.fetch_all(connection).await.map_err(database_error)?))
}

/// All claims of these sources.
pub(crate) async fn claims_of_sources(
    connection: &mut PgConnection,
    sources: &[i64],
) -> Result<Vec<StoredClaim>> {
    select_claims(connection, CLAIMS_OF_SOURCES, sources).await
}

/// All claims on these entities.
pub(crate) async fn claims_on_entities(
    connection: &mut PgConnection,
    entities: &[i64],
) -> Result<Vec<StoredClaim>> {
    select_claims(connection, CLAIMS_ON_ENTITIES, entities).await
}

async fn select_claims(
    connection: &mut PgConnection,
    sql: &'static str,
    ids: &[i64],
) -> Result<Vec<StoredClaim>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(stored_claims(sqlx::query_as(sql).bind(ids).fetch_all(connection).await.map_err(database_error)?))
}

fn stored_claims(rows: Vec<(i64, i64, i64, Option<i64>, i64, Uuid)>) -> Vec<StoredClaim> {
    let claims = rows.into_iter().map(|(id, source, entity, key, written, hash)| StoredClaim {
        id,
        source,
        entity,
        key,
        written,
        hash: document_hash(hash),
    });
    claims.collect()
}

const INSERT_CLAIMS: &str = "INSERT INTO claims (id, entity_id, source_id, key_id, written, hash, document)
    SELECT id, entity_id, source_id, key_id, id, hash, document
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::bytea[])
        AS new (id, entity_id, source_id, key_id, hash, document)";
/// How many claims are inserted by a statement: while the database writes some, the next are compressed.
const CLAIMS_AT_A_TIME: usize = 1024;
const REWRITE_CLAIMS: &str =
    "UPDATE claims SET written = new.written, hash = new.hash, document = new.document
    FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bytea[]) AS new (id, written, hash, document)
    WHERE claims.id = ANY($1) AND claims.id = new.id";
/// The document of an entity that may be about to become an orphan.
const KEEP_DOCUMENTS: &str = "INSERT INTO orphans (entity_id, document, since)
    SELECT c.entity_id, c.document, $2 FROM claims c
    JOIN entities e ON e.id = c.entity_id AND e.claim_id = c.id WHERE c.id = ANY($1)
    ON CONFLICT (entity_id) DO UPDATE SET document = excluded.document, since = excluded.since";
const RELEASE_CLAIMS: &str = "DELETE FROM claims WHERE id = ANY($1)";

/// Writes claims, and settles every entity they are on. Returns the conflicts. All these entities are locked.
///
/// Releases leave orphans behind; a provider's releases are to be done with
/// [`release_eagerly`](crate::deletion::release_eagerly) beforehand.
pub(crate) async fn write_claims(writing: &mut Writing, changes: ClaimChanges<'_>) -> Result<Vec<Conflict>> {
    let ClaimChanges { new, rewritten, rekeyed, released, refused, .. } = changes;
    let gone: Vec<StoredClaim> = rekeyed.iter().map(|(old, _)| *old).chain(released).collect();
    let new: Vec<(i64, WantedClaim<'_>)> =
        new.into_iter().chain(rekeyed.into_iter().map(|(old, claim)| (old.source, claim))).collect();
    if new.is_empty() && rewritten.is_empty() && gone.is_empty() {
        return conflicts_of(writing, refused).await;
    }

    release(writing, &gone).await?;
    let (fresh, rewritten_numbers) = if new.is_empty() && rewritten.is_empty() {
        (Vec::new(), Vec::new())
    } else {
        let mut numbers = take_numbers(writing, new.len() + rewritten.len()).await?;
        let rewritten_numbers = numbers.split_off(new.len());
        (insert_claims(writing, &new, numbers).await?, rewritten_numbers)
    };
    rewrite_claims(writing, &rewritten, rewritten_numbers).await?;

    let others = gone.iter().map(|claim| claim.entity).chain(rewritten.iter().map(|(old, _)| old.entity));
    let Settled { winners, leased } = settle(writing, &fresh, others.collect()).await?;
    let due_since = writing.began;
    writing.taken_up.extend(taken_up(&fresh, &new, &leased, due_since));
    let written = new.into_iter().chain(rewritten.into_iter().map(|(old, claim)| (old.source, claim)));
    let losing = written.filter(|(_, claim)| winners.get(&claim.entity).is_some_and(|key| *key != claim.key));
    conflicts_of(writing, refused.into_iter().chain(losing).collect()).await
}

async fn insert_claims(
    connection: &mut PgConnection,
    new: &[(i64, WantedClaim<'_>)],
    numbers: Vec<i64>,
) -> Result<Vec<StoredClaim>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let fresh = numbers.iter().zip(new).map(|(number, (source, wanted))| StoredClaim {
        id: *number,
        source: *source,
        entity: wanted.entity,
        key: wanted.key,
        written: *number,
        hash: wanted.claim.document.hash,
    });
    let fresh: Vec<StoredClaim> = fresh.collect();
    let documents = new.iter().map(|(_, wanted)| Arc::clone(&wanted.claim.document.json));
    let mut documents = Compression::begin(documents.collect());
    for block in fresh.chunks(CLAIMS_AT_A_TIME) {
        sqlx::query(INSERT_CLAIMS)
            .bind(block.iter().map(|claim| claim.id).collect::<Vec<_>>())
            .bind(block.iter().map(|claim| claim.entity).collect::<Vec<_>>())
            .bind(block.iter().map(|claim| claim.source).collect::<Vec<_>>())
            .bind(block.iter().map(|claim| claim.key).collect::<Vec<_>>())
            .bind(block.iter().map(|claim| stored_hash(&claim.hash)).collect::<Vec<_>>())
            .bind(documents.next(block.len()).await?)
            .execute(&mut *connection)
            .await
            .map_err(database_error)?;
    }
    Ok(fresh)
}

async fn rewrite_claims(
    connection: &mut PgConnection,
    rewritten: &[(StoredClaim, WantedClaim<'_>)],
    numbers: Vec<i64>,
) -> Result<()> {
    if rewritten.is_empty() {
        return Ok(());
    }
    let documents = rewritten.iter().map(|(_, wanted)| &wanted.claim.document);
    let bodies = compress_all(documents.clone().map(|document| Arc::clone(&document.json)).collect()).await?;
    sqlx::query(REWRITE_CLAIMS)
        .bind(rewritten.iter().map(|(old, _)| old.id).collect::<Vec<_>>())
        .bind(numbers)
        .bind(documents.map(|document| stored_hash(&document.hash)).collect::<Vec<_>>())
        .bind(bodies)
        .execute(connection)
        .await
        .map_err(database_error)?;
    Ok(())
}

/// Takes claims away. Documents of winners are kept aside, for entities that become orphans by it.
pub(crate) async fn release(writing: &mut Writing, claims: &[StoredClaim]) -> Result<()> {
    if claims.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = claims.iter().map(|claim| claim.id).collect();
    let keep = sqlx::query(KEEP_DOCUMENTS).bind(&ids).bind(writing.now);
    keep.execute(&mut **writing).await.map_err(database_error)?;
    sqlx::query(RELEASE_CLAIMS).bind(ids).execute(&mut **writing).await.map_err(database_error)?;
    Ok(())
}

const STANDING_ENTITIES: &str = "SELECT id, claim_id, key_id, document_hash FROM entities WHERE id = ANY($1)";
const INSERT_ENTITIES: &str =
    "INSERT INTO entities (id, uid, claim_id, key_id, document_hash, discovered_at, urgency, due, node)
    SELECT id, uid, claim_id, key_id, hash, $6, $7, $8, $9
    FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[])
        AS new (id, uid, claim_id, key_id, hash)";
const UPDATE_ENTITIES: &str = "UPDATE entities SET claim_id = new.claim_id, key_id = new.key_id
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (id, claim_id, key_id)
    WHERE entities.id = ANY($1) AND entities.id = new.id";
const REQUEUE_ENTITIES: &str = "UPDATE entities SET claim_id = new.claim_id, key_id = new.key_id,
        document_hash = new.hash, discovered_at = $5, urgency = 1, due = $5
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::uuid[]) AS new (id, claim_id, key_id, hash)
    WHERE entities.id = ANY($1) AND entities.id = new.id";
const UNORPHAN: &str = "DELETE FROM orphans WHERE entity_id = ANY($1)";

/// Makes entities what their claims say, after claims were written: `fresh` are claims that are new, `others`
/// entities whose claims changed otherwise.
pub(crate) async fn settle(
    writing: &mut Writing,
    fresh: &[StoredClaim],
    others: BTreeSet<i64>,
) -> Result<Settled> {
    let mut affected = others;
    affected.extend(fresh.iter().map(|claim| claim.entity));
    if affected.is_empty() {
        return Ok(Settled::default());
    }
    let ids: Vec<i64> = affected.iter().copied().collect();
    let standing = standing_entities(writing, &ids).await?;

    // An entity that does not exist yet has no claims but the fresh ones: no need to ask.
    let mut claims: HashMap<i64, Vec<StoredClaim>> = HashMap::with_capacity(affected.len());
    for claim in fresh.iter().filter(|claim| !standing.contains_key(&claim.entity)) {
        claims.entry(claim.entity).or_default().push(*claim);
    }
    let existing: Vec<i64> = standing.keys().copied().collect();
    for claim in claims_on_entities(writing, &existing).await? {
        claims.entry(claim.entity).or_default().push(claim);
    }

    let mut plan = Plan::default();
    for entity in affected {
        let claims = claims.get(&entity).map_or(&[][..], Vec::as_slice);
        plan.add(entity, standing.get(&entity), settlement(standing.get(&entity), claims));
    }
    plan.write(writing).await
}

async fn standing_entities(
    connection: &mut PgConnection,
    entities: &[i64],
) -> Result<HashMap<i64, StandingEntity>> {
    let query = sqlx::query_as(STANDING_ENTITIES).bind(entities);
    let rows: Vec<(i64, Option<i64>, Option<i64>, Uuid)> =
        query.fetch_all(connection).await.map_err(database_error)?;
    let standing = rows
        .into_iter()
        .map(|(id, claim, key, hash)| (id, StandingEntity { claim, key, hash: document_hash(hash) }));
    Ok(standing.collect())
}

/// What settling comes to, collected so that it is written in a few statements. In order of ids, as entities were
/// added.
#[derive(Default)]
struct Plan {
    /// From which claims which entities are made.
    made: Vec<StoredClaim>,
    updated: Vec<(i64, Option<i64>, Option<i64>)>,
    requeued: Vec<StoredClaim>,
    claimed: Vec<i64>,
    orphan_state_changed: Vec<i64>,
    winners: HashMap<i64, Option<i64>>,
}

impl Plan {
    fn add(&mut self, entity: i64, standing: Option<&StandingEntity>, settlement: Settlement) {
        match settlement {
            Settlement::Absent | Settlement::Orphaned { since_now: false } => {}
            Settlement::New { winner } => {
                self.winners.insert(entity, winner.key);
                self.made.push(winner);
            }
            Settlement::Orphaned { since_now: true } => {
                self.orphan_state_changed.push(entity);
                self.updated.push((entity, None, standing.and_then(|standing| standing.key)));
            }
            Settlement::Claimed { winner, was_orphan, difference } => {
                self.winners.insert(entity, winner.key);
                self.claimed.push(entity);
                if was_orphan {
                    self.orphan_state_changed.push(entity);
                }
                match difference {
                    Difference::None => {}
                    Difference::Winner => self.updated.push((entity, Some(winner.id), winner.key)),
                    Difference::Document => self.requeued.push(winner),
                }
            }
        }
    }

    async fn write(self, writing: &mut Writing) -> Result<Settled> {
        let now = writing.now;
        let leased = make(writing, &self.made).await?;
        if !self.requeued.is_empty() {
            let query = sqlx::query(REQUEUE_ENTITIES)
                .bind(self.requeued.iter().map(|claim| claim.entity).collect::<Vec<_>>());
            let query = bind_winners(query, &self.requeued).bind(now);
            query.execute(&mut **writing).await.map_err(database_error)?;
        }
        if !self.updated.is_empty() {
            let query = sqlx::query(UPDATE_ENTITIES)
                .bind(self.updated.iter().map(|(entity, ..)| *entity).collect::<Vec<_>>())
                .bind(self.updated.iter().map(|(_, claim, _)| *claim).collect::<Vec<_>>())
                .bind(self.updated.iter().map(|(.., key)| *key).collect::<Vec<_>>());
            query.execute(&mut **writing).await.map_err(database_error)?;
        }
        if !self.claimed.is_empty() {
            let query = sqlx::query(UNORPHAN).bind(self.claimed);
            query.execute(&mut **writing).await.map_err(database_error)?;
        }
        writing.to_stitch.extend(self.orphan_state_changed);
        Ok(Settled { winners: self.winners, leased })
    }
}

/// Makes entities of these claims. Returns those that are leased at once, by claim.
async fn make(writing: &mut Writing, claims: &[StoredClaim]) -> Result<HashMap<i64, Uid>> {
    let NewLease { limit, until, node } = writing.lease;
    let (leased, due) = claims.split_at(claims.len().min(limit));
    writing.lease.limit -= leased.len();
    let uids = insert_entities(writing, leased, (2, until, Some(node))).await?;
    insert_entities(writing, due, (1, writing.now, None)).await?;
    Ok(leased.iter().map(|claim| claim.id).zip(uids).collect())
}

/// Inserts entities of these claims with an urgency, due at a time, leased by a node. Returns their uids.
async fn insert_entities(
    writing: &mut Writing,
    claims: &[StoredClaim],
    (urgency, due, node): (i16, i64, Option<i32>),
) -> Result<Vec<Uid>> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let uids: Vec<Uid> = claims.iter().map(|_| Uid::successive()).collect();
    let query = sqlx::query(INSERT_ENTITIES)
        .bind(claims.iter().map(|claim| claim.entity).collect::<Vec<_>>())
        .bind(uids.iter().copied().map(stored_uid).collect::<Vec<_>>());
    let query = bind_winners(query, claims).bind(writing.now).bind(urgency).bind(due).bind(node);
    query.execute(&mut **writing).await.map_err(database_error)?;
    Ok(uids)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds the columns `claim_id`, `key_id` and `hash`.
fn bind_winners<'q>(query: Query<'q>, winners: &[StoredClaim]) -> Query<'q> {
    query
        .bind(winners.iter().map(|claim| claim.id).collect::<Vec<_>>())
        .bind(winners.iter().map(|claim| claim.key).collect::<Vec<_>>())
        .bind(winners.iter().map(|claim| stored_hash(&claim.hash)).collect::<Vec<_>>())
}

const HOLDER_KEYS: &str = "SELECT e.id, k.text FROM entities e JOIN location_keys k ON k.id = e.key_id
    WHERE e.id = ANY($1)";

/// Conflicts as they are reported. They are rare, so their names are looked up only now.
async fn conflicts_of(
    connection: &mut PgConnection,
    lost: Vec<(i64, WantedClaim<'_>)>,
) -> Result<Vec<Conflict>> {
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = lost.iter().map(|(_, claim)| claim.entity).collect();
    let query = sqlx::query_as(HOLDER_KEYS).bind(ids);
    let keys: Vec<(i64, String)> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let keys: HashMap<i64, String> = keys.into_iter().collect();
    let sources = claim_sources(connection, lost.iter().map(|(source, _)| *source).collect()).await?;
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

const SOURCE_NAMES: &str = "SELECT s.id, r.text, p.name FROM unnest($1::bigint[]) AS s (id)
    LEFT JOIN refs r ON r.id = s.id LEFT JOIN providers p ON p.id = -s.id";

/// Sources by id.
async fn claim_sources(
    connection: &mut PgConnection,
    sources: Vec<i64>,
) -> Result<HashMap<i64, ClaimSource>> {
    let query = sqlx::query_as(SOURCE_NAMES).bind(sources);
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
