use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::{
    Result, StitchCommit, StitchInput, StitchOutcome, StitchReport, StitchTicket, Stitching, StoreError,
};
use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::claims::execute;
use crate::ingestion::change_sequence;
use crate::interning::{Interned, entity_ref};
use crate::marks::{WAIT_MS, next_in_sequence};
use crate::processing::{present_uids, timestamp, uid};
use crate::row_set::{RowSet, id_list};
use crate::{SqliteStore, database_error};
use callboard_store_body::{compress, decompress};

#[async_trait]
impl Stitching for SqliteStore {
    async fn claim_stitches(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<StitchInput>> {
        let mut transaction = self.write().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query_scalar(DUE_MARKS).bind(now.as_millisecond()).bind(limit);
        let ids: Vec<i64> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = id_list(ids);
        let query = sqlx::query(LEASE_MARKS).bind(&ids).bind(lease_until.as_millisecond());
        query.execute(&mut *transaction).await.map_err(database_error)?;
        let rows: Vec<InputRow> =
            sqlx::query_as(INPUTS).bind(&ids).fetch_all(&mut *transaction).await.map_err(database_error)?;
        let relations = self.relations_of(&mut transaction, &ids).await?;
        transaction.commit().await.map_err(database_error)?;
        stitch_inputs(rows, relations)
    }

    async fn commit_stitched(&self, batch: Vec<StitchCommit>, now: Timestamp) -> Result<StitchReport> {
        let batch: Vec<Prepared> = batch.into_iter().map(Prepared::from).collect();
        let mut transaction = self.write().await?;
        let mut interned = Interned::default();
        let refs = batch.iter().map(|prepared| &prepared.commit.entity_ref);
        self.interner.refs(&mut transaction, &mut interned, refs).await?;
        let uids = present_uids(&mut transaction, interned.refs.values().copied()).await?;
        let present = batch.iter().filter_map(|prepared| {
            let id = interned.refs.get(&prepared.commit.entity_ref)?;
            (uids.get(id)? == &prepared.commit.uid).then_some((*id, prepared))
        });
        let live = take_marks_off(&mut transaction, present.collect(), now.as_millisecond()).await?;
        let before = change_sequence(&mut transaction).await?;
        let written = write_final_entities(&mut transaction, &live).await?;
        write_failures(&mut transaction, &live).await?;
        let sequence = change_sequence(&mut transaction).await?;
        transaction.commit().await.map_err(database_error)?;
        interned.remember(&self.interner);
        Ok(StitchReport { sequence, before, written })
    }

    async fn next_stitch(&self) -> Result<Option<Timestamp>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar("SELECT min(due) FROM stitch_marks");
        let due: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        due.map(timestamp).transpose()
    }
}

const DUE_MARKS: &str = "SELECT entity_id FROM (
        SELECT entity_id, 0 AS lane, due FROM
            (SELECT entity_id, due FROM stitch_marks WHERE fresh = 1 AND due <= ?1 ORDER BY due LIMIT ?2)
        UNION ALL
        SELECT entity_id, 1, due FROM
            (SELECT entity_id, due FROM stitch_marks WHERE fresh = 0 AND due <= ?1 ORDER BY due LIMIT ?2))
    ORDER BY lane, due LIMIT ?2";
const LEASE_MARKS: &str =
    "UPDATE stitch_marks SET due = ?2 WHERE entity_id IN (SELECT value FROM json_each(?1))";
const INPUTS: &str = "SELECT e.id, r.ref, e.uid, m.ticket, o.processed, o.errors, e.claim_id IS NULL, f.hash
    FROM json_each(?1) j JOIN stitch_marks m ON m.entity_id = j.value JOIN entities e ON e.id = j.value
    JOIN refs r ON r.id = e.id LEFT JOIN outputs o ON o.entity_id = e.id
    LEFT JOIN final_entities f ON f.entity_id = e.id";
/// Of each entity one row, since rows cost more than their numbers: `type target,type target`.
const RELATIONS: &str = "SELECT j.value, (
        SELECT group_concat(l.type_id || ' ' || l.target_id) FROM relations l WHERE l.source_id = j.value)
    FROM json_each(?1) j";

type InputRow = (i64, String, Vec<u8>, i64, Option<Vec<u8>>, Option<Vec<u8>>, bool, Option<Vec<u8>>);
type RelationList = Vec<(Arc<str>, EntityRef)>;

impl SqliteStore {
    async fn relations_of(
        &self,
        connection: &mut SqliteConnection,
        ids: &str,
    ) -> Result<HashMap<i64, RelationList>> {
        let query = sqlx::query_as(RELATIONS).bind(ids);
        let rows: Vec<(i64, Option<String>)> =
            query.fetch_all(&mut *connection).await.map_err(database_error)?;
        let mut numbers: Vec<(i64, Vec<(i64, i64)>)> = Vec::with_capacity(rows.len());
        for (source, list) in rows {
            numbers.push((source, list.as_deref().map(relation_numbers).transpose()?.unwrap_or_default()));
        }
        let all = || numbers.iter().flat_map(|(_, relations)| relations);
        let types = self.interner.named_types(connection, all().map(|(name, _)| *name)).await?;
        let refs = self.interner.named_refs(connection, all().map(|(_, target)| *target)).await?;
        let mut relations = HashMap::with_capacity(numbers.len());
        for (source, list) in numbers {
            let list = list.into_iter().map(|(name, target)| {
                let named = types.get(&name).cloned().zip(refs.get(&target).cloned());
                named.ok_or_else(|| StoreError::Corrupt(format!("a relation of {source} names nothing")))
            });
            let mut list = list.collect::<Result<RelationList>>()?;
            list.sort_unstable();
            list.dedup();
            relations.insert(source, list);
        }
        Ok(relations)
    }
}

/// Pairs of a type and a target.
fn relation_numbers(list: &str) -> Result<Vec<(i64, i64)>> {
    let pair = |pair: &str| {
        let (name, target) = pair.split_once(' ')?;
        Some((name.parse().ok()?, target.parse().ok()?))
    };
    let pairs = list.split(',').map(|text| {
        pair(text).ok_or_else(|| StoreError::Corrupt(format!("{text:?} is no relation in numbers")))
    });
    pairs.collect()
}

fn stitch_inputs(rows: Vec<InputRow>, mut relations: HashMap<i64, RelationList>) -> Result<Vec<StitchInput>> {
    let inputs = rows.into_iter().map(|(id, text, uid_bytes, ticket, processed, errors, orphan, hash)| {
        let final_hash = hash.map(|hash| {
            <[u8; 20]>::try_from(hash).map_err(|_| StoreError::Corrupt("an etag has not 20 bytes".into()))
        });
        Ok(StitchInput {
            entity_ref: entity_ref(&text)?,
            uid: uid(&uid_bytes)?,
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

const WRITE_FINAL_ENTITIES: &str = "INSERT INTO final_entities (entity_id, sequence, hash, body)
    SELECT value ->> 0, value ->> 1, substr(?2, value ->> 2, value ->> 3), substr(?2, value ->> 4, value ->> 5)
    FROM json_each(?1) WHERE true
    ON CONFLICT (entity_id) DO UPDATE SET
        sequence = excluded.sequence, hash = excluded.hash, body = excluded.body";
const DIG_UP: &str = "DELETE FROM tombstones WHERE entity_id IN (SELECT value ->> 0 FROM json_each(?1))";

/// Returns how many there were.
async fn write_final_entities(connection: &mut SqliteConnection, live: &[(i64, &Prepared)]) -> Result<usize> {
    let changed = live.iter().filter_map(|(id, prepared)| match &prepared.commit.outcome {
        StitchOutcome::Changed { hash, .. } => Some((*id, &prepared.body, hash)),
        _ => None,
    });
    let changed: Vec<_> = changed.collect();
    if changed.is_empty() {
        return Ok(0);
    }
    let written = changed.len();
    let first = next_in_sequence(connection, changed.len()).await?;
    let mut rows = RowSet::default();
    for (sequence, (id, body, hash)) in (first..).zip(changed) {
        rows.row(id).number(sequence).blob(hash).blob(body);
    }
    let (json, arena) = rows.into_parameters();
    let query = sqlx::query(WRITE_FINAL_ENTITIES).bind(&json).bind(arena);
    query.execute(&mut *connection).await.map_err(database_error)?;
    sqlx::query(DIG_UP).bind(json).execute(connection).await.map_err(database_error)?;
    Ok(written)
}

/// The result counts as failed, and the next run writes its outcome whatever it is.
const WRITE_ERRORS: &str =
    "UPDATE outputs SET errors = substr(?2, value ->> 1, value ->> 2), result_hash = NULL
    FROM json_each(?1) WHERE outputs.entity_id = value ->> 0";

async fn write_failures(connection: &mut SqliteConnection, live: &[(i64, &Prepared)]) -> Result<()> {
    let mut rows = RowSet::default();
    for (id, prepared) in live {
        if matches!(prepared.commit.outcome, StitchOutcome::Failed { .. }) {
            rows.row(*id).blob(&prepared.body);
        }
    }
    execute(connection, WRITE_ERRORS, rows).await
}

const UNMARK: &str = "DELETE FROM stitch_marks WHERE (entity_id, ticket) IN
    (SELECT value ->> 0, value ->> 1 FROM json_each(?1)) RETURNING entity_id";
/// What was marked again meanwhile: its lease ends. With a new ticket, or whoever has taken it up again since would take the
/// mark off, and not look at what is written now.
const MARKED_AGAIN: &str = "UPDATE stitch_marks SET ticket = ?3, due = min(due, ?2), fresh = 0
    WHERE entity_id IN (SELECT value FROM json_each(?1)) RETURNING entity_id";

/// Takes the marks of a batch off. Returns what was marked. Without a mark, a later state of it has been stitched, after
/// this took too long: the result must not be written over that.
async fn take_marks_off<'a>(
    connection: &mut SqliteConnection,
    present: Vec<(i64, &'a Prepared)>,
    now: i64,
) -> Result<Vec<(i64, &'a Prepared)>> {
    let mut rows = RowSet::default();
    for (id, prepared) in &present {
        rows.row(*id).number(prepared.commit.ticket.0);
    }
    let query = sqlx::query_scalar(UNMARK).bind(rows.into_json());
    let marked: Vec<i64> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let mut marked: HashSet<i64> = marked.into_iter().collect();
    let rest: Vec<i64> = present.iter().map(|(id, _)| *id).filter(|id| !marked.contains(id)).collect();
    if !rest.is_empty() {
        let ticket = next_in_sequence(connection, 1).await?;
        let query = sqlx::query_scalar(MARKED_AGAIN).bind(id_list(rest)).bind(now + WAIT_MS).bind(ticket);
        let again: Vec<i64> = query.fetch_all(connection).await.map_err(database_error)?;
        marked.extend(again);
    }
    Ok(present.into_iter().filter(|(id, _)| marked.contains(id)).collect())
}
