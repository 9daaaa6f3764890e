use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::{
    ChangeSequence, Result, StitchCommit, StitchInput, StitchOutcome, StitchReport, StitchTicket, Stitching,
    StoreError, Wakeup,
};
use callboard_store_body::{compress, decompress};
use foldhash::{HashMap, HashMapExt as _};
use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::PostgresStore;
use crate::change_log::{change_sequence, take_places};
use crate::connection::commit;
use crate::error::database_error;
use crate::hashing::{stored_uid, uid};
use crate::interning::{Interned, Texts};
use crate::marks::WAIT_MS;
use crate::retries::retrying;

#[async_trait]
impl Stitching for PostgresStore {
    async fn claim_stitches(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<StitchInput>> {
        retrying!(self, self.try_claim_stitches(limit, now, lease_until))
    }

    async fn commit_stitched(&self, batch: Vec<StitchCommit>, now: Timestamp) -> Result<StitchReport> {
        let batch: Vec<Prepared> = batch.into_iter().map(Prepared::from).collect();
        let refs = batch.iter().map(|prepared| &prepared.commit.entity_ref).collect();
        let interned = self.intern(&Texts { refs, ..Texts::default() }).await?;
        let report = retrying!(self, self.try_commit_stitched(&batch, &interned, now))?;
        self.notify(&[Wakeup::Index]).await;
        Ok(report)
    }

    async fn next_stitch(&self) -> Result<Option<Timestamp>> {
        retrying!(self, self.read_next_stitch())
    }
}

/// What is due and nobody else is taking up at this moment, what was never seen first.
const LEASE_MARKS: &str = "WITH
    fresh AS MATERIALIZED (SELECT entity_id, due FROM stitch_marks WHERE fresh AND due <= $1
        ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED),
    again AS MATERIALIZED (SELECT entity_id, due FROM stitch_marks WHERE NOT fresh AND due <= $1
        ORDER BY due LIMIT $2 - (SELECT count(*) FROM fresh) FOR UPDATE SKIP LOCKED),
    taken AS (SELECT *, true AS fresh FROM fresh UNION ALL SELECT *, false FROM again)
    UPDATE stitch_marks m SET due = $3, node = $4 FROM taken
    WHERE m.entity_id = ANY(ARRAY(SELECT entity_id FROM taken)) AND m.entity_id = taken.entity_id
    RETURNING m.entity_id, taken.fresh, taken.due, m.ticket";
/// Table by table, as in `due_entities.rs`; all is from the same moment, after the tickets were read.
const FACTS: &str = "SELECT id, uid, claim_id IS NULL, NULL::bytea, NULL::bytea, NULL::bytea
        FROM entities WHERE id = ANY($1)
    UNION ALL SELECT entity_id, NULL, NULL, processed, errors, NULL FROM outputs
        WHERE entity_id = ANY($1) AND processed IS NOT NULL
    UNION ALL SELECT entity_id, NULL, NULL, NULL, NULL, hash FROM final_entities WHERE entity_id = ANY($1)";
const DROP_MARKS: &str = "DELETE FROM stitch_marks WHERE entity_id = ANY($1)";
/// Not distinct: that would sort them here, and they are sorted by text afterwards.
const RELATIONS: &str = "SELECT source_id, type_id, target_id FROM relations WHERE source_id = ANY($1)";

type FactRow = (i64, Option<Uuid>, Option<bool>, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

/// What several rows say of one entity.
#[derive(Default)]
struct Facts {
    uid: Option<Uuid>,
    orphan: bool,
    processed: Option<Vec<u8>>,
    errors: Option<Vec<u8>>,
    hash: Option<Vec<u8>>,
}

impl Facts {
    fn add(&mut self, (_, uid, orphan, processed, errors, hash): FactRow) {
        self.uid = self.uid.or(uid);
        self.orphan |= orphan == Some(true);
        self.processed = self.processed.take().or(processed);
        self.errors = self.errors.take().or(errors);
        self.hash = self.hash.take().or(hash);
    }

    /// `None` without an entity or an output: then there is nothing to stitch.
    fn marked(self, id: i64, ticket: i64) -> Option<Marked> {
        let Self { uid, orphan, processed, errors, hash } = self;
        let (uid, processed) = uid.zip(processed)?;
        Some(Marked { id, ticket: StitchTicket(ticket), uid, orphan, processed, errors, hash })
    }
}

/// An entity to stitch, as its rows say it.
struct Marked {
    id: i64,
    ticket: StitchTicket,
    uid: Uuid,
    orphan: bool,
    processed: Vec<u8>,
    errors: Option<Vec<u8>>,
    hash: Option<Vec<u8>>,
}

type RelationList = Vec<(Arc<str>, EntityRef)>;

impl PostgresStore {
    async fn try_claim_stitches(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<StitchInput>> {
        let mut transaction = self.write().await?;
        let (now, lease_until) = (self.to_stored(now), self.to_stored(lease_until));
        let ended = self.end_doubtful_leases(&mut transaction, now).await?;
        let query = sqlx::query_as(LEASE_MARKS)
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(lease_until)
            .bind(self.node_id());
        let mut taken: Vec<(i64, bool, i64, i64)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        if taken.is_empty() && ended.is_empty() {
            return Ok(Vec::new());
        }
        taken.sort_unstable_by_key(|(_, fresh, due, _)| (!fresh, *due));
        let (mut ids, mut dropped, mut marked) = (Vec::new(), Vec::new(), Vec::new());
        let mut facts = facts_of(&mut transaction, taken.iter().map(|(id, ..)| *id).collect()).await?;
        for (id, _, _, ticket) in taken {
            match facts.remove(&id).and_then(|facts| facts.marked(id, ticket)) {
                Some(entity) => {
                    ids.push(id);
                    marked.push(entity);
                }
                None => dropped.push(id),
            }
        }
        // Marked in case it has an output soon. Whoever writes that waits for this, and marks it again.
        drop_marks(&mut transaction, dropped).await?;
        // Read after the tickets, so that they have all that these ask for.
        let relations = self.relations_of(&mut transaction, &ids).await?;
        let refs = self.interner.ref_names(&mut transaction, &ids).await?;
        self.commit_leases(transaction, &ended, lease_until).await?;
        stitch_inputs(marked, &refs, relations)
    }

    async fn try_commit_stitched(
        &self,
        batch: &[Prepared],
        interned: &Interned,
        now: Timestamp,
    ) -> Result<StitchReport> {
        let mut transaction = self.write().await?;
        let live = take_marks_off(&mut transaction, batch, interned, self.to_stored(now)).await?;
        write_failures(&mut transaction, &live).await?;
        let report = write_final_entities(&mut transaction, &live).await?;
        commit(transaction).await?;
        Ok(report)
    }

    async fn relations_of(
        &self,
        connection: &mut PgConnection,
        ids: &[i64],
    ) -> Result<HashMap<i64, RelationList>> {
        let query = sqlx::query_as(RELATIONS).bind(ids);
        let rows: Vec<(i64, i64, i64)> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
        let targets: Vec<i64> = rows.iter().map(|(.., target)| *target).collect();
        let types: Vec<i64> = rows.iter().map(|(_, relation_type, _)| *relation_type).collect();
        let refs = self.interner.ref_names(connection, &targets).await?;
        let types = self.interner.relation_type_names(connection, &types).await?;
        let mut relations: HashMap<i64, RelationList> = HashMap::with_capacity(ids.len());
        for (source, relation_type, target) in rows {
            let relation_type = types.get(&relation_type).ok_or_else(|| nameless(relation_type))?;
            let target = refs.get(&target).ok_or_else(|| nameless(target))?;
            relations.entry(source).or_default().push((Arc::clone(relation_type), target.clone()));
        }
        for list in relations.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        Ok(relations)
    }

    async fn read_next_stitch(&self) -> Result<Option<Timestamp>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar(NEXT_STITCH);
        let due: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        due.map(|due| self.local_time(due)).transpose()
    }
}

async fn facts_of(connection: &mut PgConnection, ids: Vec<i64>) -> Result<HashMap<i64, Facts>> {
    let mut facts: HashMap<i64, Facts> = HashMap::with_capacity(ids.len());
    let query = sqlx::query_as(FACTS).bind(ids);
    let rows: Vec<FactRow> = query.fetch_all(connection).await.map_err(database_error)?;
    for row in rows {
        facts.entry(row.0).or_default().add(row);
    }
    Ok(facts)
}

async fn drop_marks(connection: &mut PgConnection, ids: Vec<i64>) -> Result<()> {
    if !ids.is_empty() {
        sqlx::query(DROP_MARKS).bind(ids).execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}

const NEXT_STITCH: &str = "SELECT least((SELECT min(due) FROM stitch_marks WHERE fresh),
    (SELECT min(due) FROM stitch_marks WHERE NOT fresh))";

fn nameless(id: i64) -> StoreError {
    StoreError::Corrupt(format!("the number {id} stands for nothing: its row vanished"))
}

fn stitch_inputs(
    marked: Vec<Marked>,
    refs: &HashMap<i64, EntityRef>,
    mut relations: HashMap<i64, RelationList>,
) -> Result<Vec<StitchInput>> {
    let inputs = marked.into_iter().map(|entity| {
        let final_hash = entity.hash.map(|hash| {
            <[u8; 20]>::try_from(hash).map_err(|_| StoreError::Corrupt("an etag has not 20 bytes".into()))
        });
        Ok(StitchInput {
            entity_ref: refs.get(&entity.id).ok_or_else(|| nameless(entity.id))?.clone(),
            uid: uid(entity.uid),
            ticket: entity.ticket,
            processed: Some(decompress(&entity.processed)?),
            errors: entity.errors.as_deref().map(decompress).transpose()?,
            orphan: entity.orphan,
            relations: relations.remove(&entity.id).unwrap_or_default(),
            final_hash: final_hash.transpose()?,
        })
    });
    inputs.collect()
}

/// A final entity or errors, compressed before the transaction begins: others wait for that.
struct Prepared {
    commit: StitchCommit,
    /// Empty if nothing changed.
    body: Vec<u8>,
}

impl From<StitchCommit> for Prepared {
    fn from(commit: StitchCommit) -> Self {
        let body = match &commit.outcome {
            StitchOutcome::Unchanged => Vec::new(),
            StitchOutcome::Changed { body, .. } => compress(body),
            StitchOutcome::Failed { errors } => compress(errors),
        };
        Self { commit, body }
    }
}

/// In order of ids, as marks are always locked.
const LOCK_MARKS: &str =
    "SELECT entity_id, ticket FROM stitch_marks WHERE entity_id = ANY($1) ORDER BY entity_id FOR UPDATE";
/// What was marked again meanwhile: its lease ends. With a new ticket, or whoever has taken it up again since would take the
/// mark off, and not look at what is written now.
const MARKED_AGAIN: &str = "UPDATE stitch_marks
    SET ticket = nextval('numbers'), due = least(due, $2), fresh = false, node = NULL
    WHERE entity_id = ANY($1)";
/// Asked for when the marks are locked, so that none of these entities is deleted any more.
const UIDS: &str = "SELECT id, uid FROM entities WHERE id = ANY($1)";

/// Takes the marks of a batch off. Returns what was marked and whose entity is still the same. Without a mark, another
/// node has stitched a later state of it, after this one took too long: its result must not be written over that.
async fn take_marks_off<'a>(
    connection: &mut PgConnection,
    batch: &'a [Prepared],
    interned: &Interned,
    now: i64,
) -> Result<Vec<(i64, &'a Prepared)>> {
    let mut wanted: BTreeMap<i64, &Prepared> = BTreeMap::new();
    for prepared in batch {
        wanted.insert(interned.entity(&prepared.commit.entity_ref)?, prepared);
    }
    let query = sqlx::query_as(LOCK_MARKS).bind(wanted.keys().copied().collect::<Vec<_>>());
    let marked: Vec<(i64, i64)> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let (done, again): (Vec<_>, Vec<_>) = marked
        .into_iter()
        .partition(|(id, ticket)| wanted.get(id).is_some_and(|prepared| prepared.commit.ticket.0 == *ticket));
    let ids = |marks: Vec<(i64, i64)>| marks.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    let (done, again) = (ids(done), ids(again));
    drop_marks(connection, done.clone()).await?;
    if !again.is_empty() {
        let query = sqlx::query(MARKED_AGAIN).bind(&again).bind(now + WAIT_MS);
        query.execute(&mut *connection).await.map_err(database_error)?;
    }
    let marked = [done, again].concat();
    let query = sqlx::query_as(UIDS).bind(marked);
    let uids: Vec<(i64, Uuid)> = query.fetch_all(connection).await.map_err(database_error)?;
    let uids: HashMap<i64, Uuid> = uids.into_iter().collect();
    wanted.retain(|id, prepared| uids.get(id) == Some(&stored_uid(prepared.commit.uid)));
    Ok(wanted.into_iter().collect())
}

const WRITE_FINAL_ENTITIES: &str = "INSERT INTO final_entities (entity_id, sequence, hash, body)
    SELECT id, $4 + place, hash, body
    FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) WITH ORDINALITY AS new (id, hash, body, place)
    ON CONFLICT (entity_id) DO UPDATE SET
        sequence = excluded.sequence, hash = excluded.hash, body = excluded.body";
const DIG_UP: &str = "DELETE FROM tombstones WHERE entity_id = ANY($1)";

async fn write_final_entities(
    transaction: &mut Transaction<'static, Postgres>,
    live: &[(i64, &Prepared)],
) -> Result<StitchReport> {
    let (mut ids, mut hashes, mut bodies): (Vec<i64>, Vec<&[u8]>, Vec<&[u8]>) = Default::default();
    for (id, prepared) in live {
        if let StitchOutcome::Changed { hash, .. } = &prepared.commit.outcome {
            ids.push(*id);
            hashes.push(hash);
            bodies.push(&prepared.body);
        }
    }
    if ids.is_empty() {
        let sequence = change_sequence(transaction).await?;
        return Ok(StitchReport { sequence, before: sequence, written: 0 });
    }
    let written = ids.len();
    sqlx::query(DIG_UP).bind(&ids).execute(&mut **transaction).await.map_err(database_error)?;
    let last = take_places(transaction, written).await?;
    let before = last - i64::try_from(written).unwrap_or(i64::MAX);
    let query = sqlx::query(WRITE_FINAL_ENTITIES).bind(ids).bind(hashes).bind(bodies).bind(before);
    query.execute(&mut **transaction).await.map_err(database_error)?;
    let places = |place: i64| ChangeSequence(place.unsigned_abs());
    Ok(StitchReport { sequence: places(last), before: places(before), written })
}

/// The result counts as failed, and the next run writes its outcome whatever it is.
const WRITE_ERRORS: &str = "UPDATE outputs SET errors = failed.errors, result_hash = NULL
    FROM unnest($1::bigint[], $2::bytea[]) AS failed (id, errors) WHERE outputs.entity_id = failed.id";

async fn write_failures(connection: &mut PgConnection, live: &[(i64, &Prepared)]) -> Result<()> {
    let failed = live
        .iter()
        .filter(|(_, prepared)| matches!(prepared.commit.outcome, StitchOutcome::Failed { .. }))
        .map(|(id, prepared)| (*id, prepared.body.as_slice()));
    let (ids, errors): (Vec<i64>, Vec<&[u8]>) = failed.unzip();
    if !ids.is_empty() {
        let query = sqlx::query(WRITE_ERRORS).bind(ids).bind(errors);
        query.execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}
