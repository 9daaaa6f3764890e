//! What processing runs came to: processed documents, errors, relations, refresh keys.

use std::collections::{HashMap, HashSet};

use callboard_store::{ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate, Result};
use sqlx::SqliteConnection;

use crate::claims::execute;
use crate::database_error;
use crate::interning::Interned;
use crate::row_set::{RowSet, id_list};
use callboard_store_body::compress;

/// An outcome with its bodies compressed, which is done before the transaction begins: others wait for that.
pub(crate) struct Prepared {
    pub(crate) commit: ProcessingCommit,
    /// The processed document or the errors; empty if the outcome has neither.
    body: Vec<u8>,
    /// The new processor cache, if there is one.
    pub(crate) cache: Option<Vec<u8>>,
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

const WRITE_SUCCESSES: &str = "INSERT INTO outputs (entity_id, result_hash, processed, errors)
    SELECT value ->> 0, substr(?2, value ->> 1, value ->> 2), substr(?2, value ->> 3, value ->> 4), NULL
    FROM json_each(?1) WHERE true
    ON CONFLICT (entity_id) DO UPDATE SET
        result_hash = excluded.result_hash, processed = excluded.processed, errors = NULL";
/// What earlier runs produced stays.
const WRITE_FAILURES: &str = "INSERT INTO outputs (entity_id, result_hash, processed, errors)
    SELECT value ->> 0, substr(?2, value ->> 1, value ->> 2), NULL, substr(?2, value ->> 3, value ->> 4)
    FROM json_each(?1) WHERE true
    ON CONFLICT (entity_id) DO UPDATE SET result_hash = excluded.result_hash, errors = excluded.errors";

/// Writes documents and errors. Returns the entities that are to be stitched for it.
pub(crate) async fn write_outputs(
    connection: &mut SqliteConnection,
    live: &[(i64, &Prepared)],
) -> Result<HashSet<i64>> {
    let mut successes = RowSet::default();
    let mut failures = RowSet::default();
    let mut changed = HashSet::new();
    for (id, prepared) in live {
        let (rows, result_hash) = match &prepared.commit.outcome {
            ProcessingOutcome::Unchanged => continue,
            ProcessingOutcome::Succeeded { result_hash, .. } => (&mut successes, result_hash),
            ProcessingOutcome::Failed { result_hash, .. } => (&mut failures, result_hash),
        };
        rows.row(*id).blob(result_hash.as_bytes()).blob(&prepared.body);
        changed.insert(*id);
    }
    execute(connection, WRITE_SUCCESSES, successes).await?;
    execute(connection, WRITE_FAILURES, failures).await?;
    Ok(changed)
}

type RelationRow = (i64, i64, i64, i64);

const RELATIONS_OF: &str = "SELECT r.originator_id, r.source_id, r.type_id, r.target_id
    FROM json_each(?1) j JOIN relations r ON r.originator_id = j.value";
const INSERT_RELATIONS: &str = "INSERT INTO relations (originator_id, source_id, type_id, target_id)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1)";
const DELETE_RELATIONS: &str = "DELETE FROM relations WHERE (originator_id, source_id, type_id, target_id) IN
    (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))";

/// Makes the relations of each originator what its run emitted. Returns the sources of those that came or went.
pub(crate) async fn write_relations(
    connection: &mut SqliteConnection,
    interned: &Interned,
    live: &[(i64, &Prepared)],
) -> Result<HashSet<i64>> {
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
    let query = sqlx::query_as(RELATIONS_OF).bind(id_list(originators));
    let stored: Vec<RelationRow> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let stored: HashSet<RelationRow> = stored.into_iter().collect();

    let mut sources = HashSet::new();
    let mut rows = |relations: Vec<&RelationRow>| {
        let mut set = RowSet::default();
        for (originator, source, relation_type, target) in relations {
            sources.insert(*source);
            set.row(*originator).number(*source).number(*relation_type).number(*target);
        }
        set
    };
    let gone = rows(stored.difference(&wanted).collect());
    // In key order, so that pages are filled one after the other.
    let mut new: Vec<&RelationRow> = wanted.difference(&stored).collect();
    new.sort_unstable();
    let new = rows(new);
    execute(connection, DELETE_RELATIONS, gone).await?;
    execute(connection, INSERT_RELATIONS, new).await?;
    Ok(sources)
}

const REFRESH_KEYS_OF: &str = "SELECT k.entity_id, k.key FROM json_each(?1) j
    JOIN refresh_keys k ON k.entity_id = j.value";
const INSERT_REFRESH_KEYS: &str = "INSERT INTO refresh_keys (entity_id, key)
    SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";
const DELETE_REFRESH_KEYS: &str = "DELETE FROM refresh_keys WHERE (entity_id, key) IN
    (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

/// Makes the refresh keys of each entity what its run emitted.
pub(crate) async fn write_refresh_keys(
    connection: &mut SqliteConnection,
    live: &[(i64, &Prepared)],
) -> Result<()> {
    let mut wanted: HashMap<i64, HashSet<&str>> = HashMap::new();
    for (id, prepared) in live {
        if let ProcessingOutcome::Succeeded { refresh_keys, .. } = &prepared.commit.outcome {
            wanted.insert(*id, refresh_keys.iter().map(String::as_str).collect());
        }
    }
    let query = sqlx::query_as(REFRESH_KEYS_OF).bind(id_list(wanted.keys().copied()));
    let stored: Vec<(i64, String)> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let mut gone: Vec<(i64, &str)> = Vec::new();
    for (id, key) in &stored {
        if !wanted.get_mut(id).is_some_and(|keys| keys.remove(key.as_str())) {
            gone.push((*id, key));
        }
    }
    let new: Vec<(i64, &str)> =
        wanted.iter().flat_map(|(id, keys)| keys.iter().map(move |key| (*id, *key))).collect();
    for (sql, keys) in [(DELETE_REFRESH_KEYS, gone), (INSERT_REFRESH_KEYS, new)] {
        if !keys.is_empty() {
            let rows = serde_json::json!(keys).to_string();
            sqlx::query(sql).bind(rows).execute(&mut *connection).await.map_err(database_error)?;
        }
    }
    Ok(())
}
