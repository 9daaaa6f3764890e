use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::{
    ChangeSequence, Result, StitchCommit, StitchInput, StitchOutcome, StitchTicket, Stitching, StoreError,
    Wakeup,
};
use callboard_store_body::{compress, decompress};
use jiff::Timestamp;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::PostgresStore;
use crate::change_log::{change_sequence, take_places};
use crate::connection::commit;
use crate::error::database_error;
use crate::hashing::{stored_uid, uid};
use crate::interning::{Interned, Texts, entity_ref};
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

    async fn commit_stitched(&self, batch: Vec<StitchCommit>, now: Timestamp) -> Result<ChangeSequence> {
        let batch: Vec<Prepared> = batch.into_iter().map(Prepared::from).collect();
        let refs = batch.iter().map(|prepared| &prepared.commit.entity_ref).collect();
        let interned = self.intern(&Texts { refs, ..Texts::default() }).await?;
        let sequence = retrying!(self, self.try_commit_stitched(&batch, &interned, now))?;
        self.notify(&[Wakeup::Index]).await;
        Ok(sequence)
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
    RETURNING m.entity_id, taken.fresh, taken.due";
const INPUTS: &str = "SELECT e.id, r.text, e.uid, m.ticket, o.processed, o.errors, e.claim_id IS NULL, f.hash
    FROM unnest($1::bigint[]) WITH ORDINALITY AS taken (id, place)
    JOIN stitch_marks m ON m.entity_id = taken.id AND m.entity_id = ANY($1)
    JOIN entities e ON e.id = taken.id JOIN refs r ON r.id = taken.id
    LEFT JOIN outputs o ON o.entity_id = taken.id LEFT JOIN final_entities f ON f.entity_id = taken.id
    ORDER BY taken.place";
/// What was marked in case it has an output soon.
const DROP_MARKS: &str = "DELETE FROM stitch_marks WHERE entity_id = ANY($1)";
/// Not distinct: that would sort them here, and they are sorted by text afterwards. Each ref is looked up for itself:
/// nobody knows how many relations there are, and a plan for many would read all refs.
const RELATIONS: &str = "SELECT l.source_id, t.text, r.text FROM relations l
    CROSS JOIN LATERAL (SELECT text FROM relation_types WHERE id = l.type_id OFFSET 0) t
    CROSS JOIN LATERAL (SELECT text FROM refs WHERE id = l.target_id OFFSET 0) r
    WHERE l.source_id = ANY($1)";

type InputRow = (i64, String, Uuid, i64, Option<Vec<u8>>, Option<Vec<u8>>, bool, Option<Vec<u8>>);
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
        let mut taken: Vec<(i64, bool, i64)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        if taken.is_empty() && ended.is_empty() {
            return Ok(Vec::new());
        }
        taken.sort_unstable_by_key(|(_, fresh, due)| (!fresh, *due));
        let ids: Vec<i64> = taken.into_iter().map(|(id, ..)| id).collect();
        let query = sqlx::query_as(INPUTS).bind(&ids);
        let mut rows: Vec<InputRow> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.retain(|(_, _, _, _, processed, ..)| processed.is_some());
        drop_other_marks(&mut transaction, &ids, &rows).await?;
        // Read after the tickets, so that they have all that these ask for.
        let relations = relations_of(&mut transaction, &ids).await?;
        self.commit_leases(transaction, &ended, lease_until).await?;
        stitch_inputs(rows, relations)
    }

    async fn try_commit_stitched(
        &self,
        batch: &[Prepared],
        interned: &Interned,
        now: Timestamp,
    ) -> Result<ChangeSequence> {
        let mut transaction = self.write().await?;
        let live = live(&mut transaction, batch, interned).await?;
        write_failures(&mut transaction, &live).await?;
        take_marks_off(&mut transaction, &live, self.to_stored(now)).await?;
        let sequence = write_final_entities(&mut transaction, &live).await?;
        commit(transaction).await?;
        Ok(sequence)
    }

    async fn read_next_stitch(&self) -> Result<Option<Timestamp>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar(NEXT_STITCH);
        let due: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        due.map(|due| self.local_time(due)).transpose()
    }
}

/// Whoever writes the output of an entity whose mark goes here waits for that, and marks it again.
async fn drop_other_marks(connection: &mut PgConnection, taken: &[i64], rows: &[InputRow]) -> Result<()> {
    let kept: HashSet<i64> = rows.iter().map(|(id, ..)| *id).collect();
    let dropped: Vec<i64> = taken.iter().copied().filter(|id| !kept.contains(id)).collect();
    if !dropped.is_empty() {
        sqlx::query(DROP_MARKS).bind(dropped).execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}

const NEXT_STITCH: &str = "SELECT least((SELECT min(due) FROM stitch_marks WHERE fresh),
    (SELECT min(due) FROM stitch_marks WHERE NOT fresh))";

async fn relations_of(connection: &mut PgConnection, ids: &[i64]) -> Result<HashMap<i64, RelationList>> {
    let query = sqlx::query_as(RELATIONS).bind(ids);
    let rows: Vec<(i64, String, String)> = query.fetch_all(connection).await.map_err(database_error)?;
    let mut relations: HashMap<i64, RelationList> = HashMap::new();
    let mut types: HashMap<String, Arc<str>> = HashMap::new();
    for (source, name, target) in rows {
        let relation_type = types.entry(name).or_insert_with_key(|name| name.as_str().into()).clone();
        relations.entry(source).or_default().push((relation_type, entity_ref(&target)?));
    }
    for list in relations.values_mut() {
        list.sort_unstable();
        list.dedup();
    }
    Ok(relations)
}

fn stitch_inputs(rows: Vec<InputRow>, mut relations: HashMap<i64, RelationList>) -> Result<Vec<StitchInput>> {
    let inputs = rows.into_iter().map(|(id, text, stored_uid, ticket, processed, errors, orphan, hash)| {
        let final_hash = hash.map(|hash| {
            <[u8; 20]>::try_from(hash).map_err(|_| StoreError::Corrupt("an etag has not 20 bytes".into()))
        });
        Ok(StitchInput {
            entity_ref: entity_ref(&text)?,
            uid: uid(stored_uid),
            ticket: StitchTicket(ticket),
            processed: processed.as_deref().map(decompress).transpose()?,
            errors: errors.as_deref().map(decompress).transpose()?,
            orphan,
            relations: relations.remove(&id).unwrap_or_default(),
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

/// Whoever wants to write what is marked has to lock the mark first.
const LOCK_MARKS: &str =
    "SELECT entity_id FROM stitch_marks WHERE entity_id = ANY($1) ORDER BY entity_id FOR UPDATE";
const UIDS: &str = "SELECT id, uid FROM entities WHERE id = ANY($1)";

/// Those of a batch whose entity is still the same and still marked. Without a mark, another node has stitched a
/// later state of it, after this one took too long: its result must not be written over that.
async fn live<'a>(
    connection: &mut PgConnection,
    batch: &'a [Prepared],
    interned: &Interned,
) -> Result<Vec<(i64, &'a Prepared)>> {
    let ids = batch
        .iter()
        .map(|prepared| interned.entity(&prepared.commit.entity_ref))
        .collect::<Result<Vec<i64>>>()?;
    let query = sqlx::query_scalar(LOCK_MARKS).bind(ids);
    let marked: Vec<i64> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let query = sqlx::query_as(UIDS).bind(&marked);
    let uids: Vec<(i64, Uuid)> = query.fetch_all(connection).await.map_err(database_error)?;
    let uids: HashMap<i64, Uuid> = uids.into_iter().collect();
    let marked: HashSet<i64> = marked.into_iter().collect();
    let mut live: BTreeMap<i64, &Prepared> = BTreeMap::new();
    for prepared in batch {
        let id = interned.entity(&prepared.commit.entity_ref)?;
        if marked.contains(&id) && uids.get(&id) == Some(&stored_uid(prepared.commit.uid)) {
            live.insert(id, prepared);
        }
    }
    Ok(live.into_iter().collect())
}

const WRITE_FINAL_ENTITIES: &str = "INSERT INTO final_entities (entity_id, sequence, hash, body)
    SELECT id, $4 + place, hash, body
    FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) WITH ORDINALITY AS new (id, hash, body, place)
    ON CONFLICT (entity_id) DO UPDATE SET
        sequence = excluded.sequence, hash = excluded.hash, body = excluded.body";
const DIG_UP: &str = "DELETE FROM tombstones WHERE entity_id = ANY($1)";

/// Returns the newest entry of the change log.
async fn write_final_entities(
    transaction: &mut Transaction<'static, Postgres>,
    live: &[(i64, &Prepared)],
) -> Result<ChangeSequence> {
    let (mut ids, mut hashes, mut bodies): (Vec<i64>, Vec<&[u8]>, Vec<&[u8]>) = Default::default();
    for (id, prepared) in live {
        if let StitchOutcome::Changed { hash, .. } = &prepared.commit.outcome {
            ids.push(*id);
            hashes.push(hash);
            bodies.push(&prepared.body);
        }
    }
    if ids.is_empty() {
        return change_sequence(transaction).await;
    }
    sqlx::query(DIG_UP).bind(&ids).execute(&mut **transaction).await.map_err(database_error)?;
    let last = take_places(transaction, ids.len()).await?;
    let before = last - i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let query = sqlx::query(WRITE_FINAL_ENTITIES).bind(ids).bind(hashes).bind(bodies).bind(before);
    query.execute(&mut **transaction).await.map_err(database_error)?;
    Ok(ChangeSequence(last.unsigned_abs()))
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

const UNMARK: &str =
    "DELETE FROM stitch_marks m USING unnest($1::bigint[], $2::bigint[]) AS done (id, ticket)
    WHERE m.entity_id = ANY($1) AND m.entity_id = done.id AND m.ticket = done.ticket";
/// What was marked again meanwhile: its lease ends.
const MARKED_AGAIN: &str = "UPDATE stitch_marks SET due = least(due, $2), fresh = false, node = NULL
    WHERE entity_id = ANY($1)";

async fn take_marks_off(connection: &mut PgConnection, live: &[(i64, &Prepared)], now: i64) -> Result<()> {
    let marks = live.iter().map(|(id, prepared)| (*id, prepared.commit.ticket.0));
    let (ids, tickets): (Vec<i64>, Vec<i64>) = marks.unzip();
    let query = sqlx::query(UNMARK).bind(&ids).bind(tickets);
    let done = query.execute(&mut *connection).await.map_err(database_error)?;
    if done.rows_affected() < ids.len() as u64 {
        let query = sqlx::query(MARKED_AGAIN).bind(ids).bind(now + WAIT_MS);
        query.execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}
