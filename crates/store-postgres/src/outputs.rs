//! What processing runs came to: processed documents, errors, relations, refresh keys, caches.

use std::collections::{BTreeSet, HashMap, HashSet};

use callboard_store::{DocumentHash, ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate, Result};
use callboard_store_body::compress;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::database_error;
use crate::hashing::{stored_hash, text_hash};
use crate::interning::Interned;
use crate::writing::Writing;

/// An outcome with its bodies compressed, which is done before the transaction begins: others wait for that.
pub(crate) struct Prepared {
    pub(crate) commit: ProcessingCommit,
    /// The processed document or the errors; empty if the outcome has neither.
    body: Vec<u8>,
    /// The new processor cache, if there is one.
    cache: Option<Vec<u8>>,
}

impl From<ProcessingCommit> for Prepared {
    fn from(commit: ProcessingCommit) -> Self {
        let body = match &commit.outcome {
            ProcessingOutcome::Unchanged => Vec::new(),
            ProcessingOutcome::Succeeded { processed, .. } => compress(processed),
            ProcessingOutcome::Failed { errors, .. } => compress(errors),
        };
        let cache = match &commit.cache {
            ProcessorCacheUpdate::Replace(cache) => Some(compress(cache)),
            ProcessorCacheUpdate::Keep | ProcessorCacheUpdate::Clear => None,
        };
        Self { commit, body, cache }
    }
}

const WITH_OUTPUT: &str = "SELECT entity_id FROM outputs WHERE entity_id = ANY($1)";
const INSERT_SUCCESSES: &str = "INSERT INTO outputs (entity_id, result_hash, processed)
    SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[])";
const REWRITE_SUCCESSES: &str =
    "UPDATE outputs SET result_hash = new.hash, processed = new.processed, errors = NULL
    FROM unnest($1::bigint[], $2::uuid[], $3::bytea[]) AS new (id, hash, processed)
    WHERE outputs.entity_id = ANY($1) AND outputs.entity_id = new.id";
const INSERT_FAILURES: &str = "INSERT INTO outputs (entity_id, result_hash, errors)
    SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[])";
/// What earlier runs produced stays.
const REWRITE_FAILURES: &str = "UPDATE outputs SET result_hash = new.hash, errors = new.errors
    FROM unnest($1::bigint[], $2::uuid[], $3::bytea[]) AS new (id, hash, errors)
    WHERE outputs.entity_id = ANY($1) AND outputs.entity_id = new.id";

/// Rows of `outputs`.
#[derive(Default)]
struct OutputRows<'a> {
    ids: Vec<i64>,
    hashes: Vec<Uuid>,
    bodies: Vec<&'a [u8]>,
}

impl<'a> OutputRows<'a> {
    fn push(&mut self, id: i64, hash: &DocumentHash, body: &'a [u8]) {
        self.ids.push(id);
        self.hashes.push(stored_hash(hash));
        self.bodies.push(body);
    }

    async fn write(self, connection: &mut PgConnection, sql: &'static str) -> Result<()> {
        if !self.ids.is_empty() {
            let query = sqlx::query(sql).bind(self.ids).bind(self.hashes).bind(self.bodies);
            query.execute(connection).await.map_err(database_error)?;
        }
        Ok(())
    }
}

/// Writes documents and errors of entities, which are locked. What changed is to be stitched for it.
pub(crate) async fn write_outputs(writing: &mut Writing, live: &[(i64, &Prepared)]) -> Result<()> {
    let written =
        live.iter().filter(|(_, prepared)| !matches!(prepared.commit.outcome, ProcessingOutcome::Unchanged));
    let ids: Vec<i64> = written.map(|(id, _)| *id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let query = sqlx::query_scalar(WITH_OUTPUT).bind(&ids);
    let present: Vec<i64> = query.fetch_all(&mut **writing).await.map_err(database_error)?;
    let present: HashSet<i64> = present.into_iter().collect();
    let (mut new_successes, mut new_failures) = (OutputRows::default(), OutputRows::default());
    let (mut successes, mut failures) = (OutputRows::default(), OutputRows::default());
    for (id, prepared) in live {
        let is_new = !present.contains(id);
        match &prepared.commit.outcome {
            ProcessingOutcome::Unchanged => {}
            ProcessingOutcome::Succeeded { result_hash, .. } => {
                let rows = if is_new { &mut new_successes } else { &mut successes };
                rows.push(*id, result_hash, &prepared.body);
            }
            ProcessingOutcome::Failed { result_hash, .. } => {
                let rows = if is_new { &mut new_failures } else { &mut failures };
                rows.push(*id, result_hash, &prepared.body);
            }
        }
    }
    writing.to_stitch.extend(ids);
    writing.first_outputs.extend(&new_successes.ids);
    new_successes.write(writing, INSERT_SUCCESSES).await?;
    new_failures.write(writing, INSERT_FAILURES).await?;
    successes.write(writing, REWRITE_SUCCESSES).await?;
    failures.write(writing, REWRITE_FAILURES).await
}

/// (originator, source, type, target).
type RelationRow = (i64, i64, i64, i64);

const RELATIONS_OF: &str =
    "SELECT originator_id, source_id, type_id, target_id FROM relations WHERE originator_id = ANY($1)";
const INSERT_RELATIONS: &str = "INSERT INTO relations (originator_id, source_id, type_id, target_id)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])";
const DELETE_RELATIONS: &str = "DELETE FROM relations r
    USING unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
        AS gone (originator_id, source_id, type_id, target_id)
    WHERE r.originator_id = gone.originator_id AND r.source_id = gone.source_id
        AND r.type_id = gone.type_id AND r.target_id = gone.target_id";

/// Makes the relations of each originator what its run emitted. Returns the sources of those that came or went.
pub(crate) async fn write_relations(
    connection: &mut PgConnection,
    interned: &Interned,
    live: &[(i64, &Prepared)],
) -> Result<BTreeSet<i64>> {
    let mut originators = Vec::new();
    let mut wanted: HashSet<RelationRow> = HashSet::new();
    for (id, prepared) in live {
        if let ProcessingOutcome::Succeeded { relations, .. } = &prepared.commit.outcome {
            originators.push(*id);
            for relation in relations {
                let source = interned.entity(&relation.source)?;
                let relation_type = interned.relation_type(&relation.relation_type)?;
                wanted.insert((*id, source, relation_type, interned.entity(&relation.target)?));
            }
        }
    }
    let mut sources = BTreeSet::new();
    if originators.is_empty() {
        return Ok(sources);
    }
    let query = sqlx::query_as(RELATIONS_OF).bind(originators);
    let stored: Vec<RelationRow> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let stored: HashSet<RelationRow> = stored.into_iter().collect();
    let gone: Vec<&RelationRow> = stored.difference(&wanted).collect();
    // In the order of the larger index, so that its pages are filled one after the other.
    let mut new: Vec<&RelationRow> = wanted.difference(&stored).collect();
    new.sort_unstable_by_key(|(originator, source, ..)| (*source, *originator));
    for (sql, rows) in [(DELETE_RELATIONS, gone), (INSERT_RELATIONS, new)] {
        if !rows.is_empty() {
            sources.extend(rows.iter().map(|row| row.1));
            sqlx::query(sql)
                .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>())
                .execute(&mut *connection)
                .await
                .map_err(database_error)?;
        }
    }
    Ok(sources)
}

const REFRESH_KEYS_OF: &str = "SELECT entity_id, hash FROM refresh_keys WHERE entity_id = ANY($1)";
const INSERT_REFRESH_KEYS: &str = "INSERT INTO refresh_keys (entity_id, hash)
    SELECT * FROM unnest($1::bigint[], $2::uuid[])";
const DELETE_REFRESH_KEYS: &str = "DELETE FROM refresh_keys k
    USING unnest($1::bigint[], $2::uuid[]) AS gone (entity_id, hash)
    WHERE k.entity_id = gone.entity_id AND k.hash = gone.hash";

/// Makes the refresh keys of each entity what its run emitted.
pub(crate) async fn write_refresh_keys(
    connection: &mut PgConnection,
    live: &[(i64, &Prepared)],
) -> Result<()> {
    let mut wanted: HashMap<i64, BTreeSet<Uuid>> = HashMap::new();
    for (id, prepared) in live {
        if let ProcessingOutcome::Succeeded { refresh_keys, .. } = &prepared.commit.outcome {
            wanted.insert(*id, refresh_keys.iter().map(|key| text_hash(key)).collect());
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = wanted.keys().copied().collect();
    let query = sqlx::query_as(REFRESH_KEYS_OF).bind(ids);
    let stored: Vec<(i64, Uuid)> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let mut gone: Vec<(i64, Uuid)> = Vec::new();
    for (id, hash) in stored {
        if !wanted.get_mut(&id).is_some_and(|hashes| hashes.remove(&hash)) {
            gone.push((id, hash));
        }
    }
    let new: Vec<(i64, Uuid)> =
        wanted.iter().flat_map(|(id, hashes)| hashes.iter().map(move |hash| (*id, *hash))).collect();
    for (sql, keys) in [(DELETE_REFRESH_KEYS, gone), (INSERT_REFRESH_KEYS, new)] {
        if !keys.is_empty() {
            let (ids, hashes): (Vec<i64>, Vec<Uuid>) = keys.into_iter().unzip();
            let query = sqlx::query(sql).bind(ids).bind(hashes);
            query.execute(&mut *connection).await.map_err(database_error)?;
        }
    }
    Ok(())
}

const WRITE_CACHES: &str = "INSERT INTO processor_caches (entity_id, cache)
    SELECT * FROM unnest($1::bigint[], $2::bytea[])
    ON CONFLICT (entity_id) DO UPDATE SET cache = excluded.cache";
const CLEAR_CACHES: &str = "DELETE FROM processor_caches WHERE entity_id = ANY($1)";

pub(crate) async fn write_caches(connection: &mut PgConnection, live: &[(i64, &Prepared)]) -> Result<()> {
    let (mut ids, mut caches): (Vec<i64>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    let mut cleared = Vec::new();
    for (id, prepared) in live {
        if let Some(cache) = &prepared.cache {
            ids.push(*id);
            caches.push(cache);
        } else if matches!(prepared.commit.cache, ProcessorCacheUpdate::Clear) {
            cleared.push(*id);
        }
    }
    if !ids.is_empty() {
        let query = sqlx::query(WRITE_CACHES).bind(ids).bind(caches);
        query.execute(&mut *connection).await.map_err(database_error)?;
    }
    if !cleared.is_empty() {
        let query = sqlx::query(CLEAR_CACHES).bind(cleared);
        query.execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}
