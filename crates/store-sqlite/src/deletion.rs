//! Entities go: with their outputs, their final form and their claims on others.

use std::collections::HashSet;

use callboard_store::Result;
use callboard_store::claim_rows::{self, StoredClaim};
use sqlx::SqliteConnection;

use crate::claims::{claims_of_sources, claims_on_entities, release, settle};
use crate::database_error;
use crate::marks::{mark_for_stitching, next_in_sequence};
use crate::row_set::{RowSet, id_list};

/// Takes a provider's claims on some entities away, and deletes what hangs below them: every descendant that no
/// remaining claim of any provider leads to. Returns how many entities were deleted.
pub(crate) async fn release_eagerly(
    connection: &mut SqliteConnection,
    claims: &[StoredClaim],
    now: i64,
) -> Result<usize> {
    if claims.is_empty() {
        return Ok(0);
    }
    let roots: HashSet<i64> = claims.iter().map(|claim| claim.entity).collect();
    let descendants = descendants(connection, &roots).await?;
    release(connection, claims, now).await?;
    let retained = reachable(connection, &descendants).await?;
    let doomed: HashSet<i64> = descendants.difference(&retained).copied().collect();
    let survivors = roots.intersection(&retained).copied().collect();
    // First what goes, so that none of its claims wins for a moment.
    delete_entities(connection, &doomed, now).await?;
    settle(connection, &[], survivors, now).await?;
    Ok(doomed.len())
}

const DESCENDANTS: &str = "WITH RECURSIVE descendants (id) AS (
        SELECT value FROM json_each(?1)
        UNION
        SELECT c.entity_id FROM descendants d JOIN claims c ON c.source_id = d.id)
    SELECT id FROM descendants";

/// These entities and all that they emit, directly or not.
async fn descendants(connection: &mut SqliteConnection, roots: &HashSet<i64>) -> Result<HashSet<i64>> {
    let query = sqlx::query_scalar(DESCENDANTS).bind(id_list(roots.iter().copied()));
    let ids: Vec<i64> = query.fetch_all(connection).await.map_err(database_error)?;
    Ok(ids.into_iter().collect())
}

const CLAIMS_ABOVE: &str = "WITH RECURSIVE above (id) AS (
        SELECT value FROM json_each(?1)
        UNION
        SELECT c.source_id FROM above a JOIN claims c ON c.entity_id = a.id WHERE c.source_id > 0)
    SELECT c.source_id, c.entity_id FROM above a JOIN claims c ON c.entity_id = a.id";

/// Those of these entities that some provider's claim leads to, directly or through other entities.
async fn reachable(connection: &mut SqliteConnection, entities: &HashSet<i64>) -> Result<HashSet<i64>> {
    let query = sqlx::query_as(CLAIMS_ABOVE).bind(id_list(entities.iter().copied()));
    let claims: Vec<(i64, i64)> = query.fetch_all(connection).await.map_err(database_error)?;
    Ok(claim_rows::reachable(&claims).intersection(entities).copied().collect())
}

const RELATED: &str = "SELECT DISTINCT r.source_id FROM json_each(?1) j
    JOIN relations r ON r.originator_id = j.value";
/// The parents must emit again what was taken from them, so their last result no longer counts.
const FORGET_RESULTS: &str =
    "UPDATE outputs SET result_hash = NULL WHERE entity_id IN (SELECT value FROM json_each(?1))";
const MAKE_DUE: &str =
    "UPDATE entities SET urgency = 1, due = ?2 WHERE id IN (SELECT value FROM json_each(?1))";
const VISIBLE: &str =
    "SELECT f.entity_id FROM json_each(?1) j JOIN final_entities f ON f.entity_id = j.value";
const BURY: &str = "INSERT INTO tombstones (entity_id, sequence)
    SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
    ON CONFLICT (entity_id) DO UPDATE SET sequence = excluded.sequence";
const DELETES: [&str; 9] = [
    "DELETE FROM final_entities WHERE entity_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM claims WHERE entity_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM relations WHERE originator_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM refresh_keys WHERE entity_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM processor_caches WHERE entity_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM stitch_marks WHERE entity_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM outputs WHERE entity_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM orphans WHERE entity_id IN (SELECT value FROM json_each(?1))",
    "DELETE FROM entities WHERE id IN (SELECT value FROM json_each(?1))",
];

/// Deletes entities, with every claim on them and of them. Children of theirs that live on may be orphans then.
pub(crate) async fn delete_entities(
    connection: &mut SqliteConnection,
    doomed: &HashSet<i64>,
    now: i64,
) -> Result<()> {
    if doomed.is_empty() {
        return Ok(());
    }
    let ids = id_list(doomed.iter().copied());
    let related: Vec<i64> =
        sqlx::query_scalar(RELATED).bind(&ids).fetch_all(&mut *connection).await.map_err(database_error)?;

    let lost_claims = claims_on_entities(connection, doomed.iter().copied()).await?;
    let parents: HashSet<i64> = lost_claims
        .iter()
        .map(|c| c.source)
        .filter(|source| *source > 0 && !doomed.contains(source))
        .collect();
    ask_again(connection, &parents, now).await?;

    let their_claims = claims_of_sources(connection, doomed.iter().copied()).await?;
    let on_survivors: Vec<StoredClaim> =
        their_claims.into_iter().filter(|claim| !doomed.contains(&claim.entity)).collect();
    release(connection, &on_survivors, now).await?;

    write_tombstones(connection, &ids).await?;
    for sql in DELETES {
        sqlx::query(sql).bind(&ids).execute(&mut *connection).await.map_err(database_error)?;
    }
    settle(connection, &[], on_survivors.iter().map(|claim| claim.entity).collect(), now).await?;
    mark_for_stitching(connection, related.into_iter().filter(|id| !doomed.contains(id)), now).await
}

/// Has entities processed now, whose outcome is then written even if it is what it was.
pub(crate) async fn ask_again(
    connection: &mut SqliteConnection,
    entities: &HashSet<i64>,
    now: i64,
) -> Result<()> {
    if entities.is_empty() {
        return Ok(());
    }
    let ids = id_list(entities.iter().copied());
    sqlx::query(FORGET_RESULTS).bind(&ids).execute(&mut *connection).await.map_err(database_error)?;
    make_due(connection, &ids, now).await.map(|_| ())
}

/// Makes entities (a JSON list of ids) due now, ahead of routine refreshes. Returns how many there are.
pub(crate) async fn make_due(connection: &mut SqliteConnection, ids: &str, now: i64) -> Result<usize> {
    let query = sqlx::query(MAKE_DUE).bind(ids).bind(now);
    let done = query.execute(connection).await.map_err(database_error)?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

/// Puts the end of those of these entities that are visible into the log.
pub(crate) async fn write_tombstones(connection: &mut SqliteConnection, ids: &str) -> Result<()> {
    let visible: Vec<i64> =
        sqlx::query_scalar(VISIBLE).bind(ids).fetch_all(&mut *connection).await.map_err(database_error)?;
    if visible.is_empty() {
        return Ok(());
    }
    let first = next_in_sequence(connection, visible.len()).await?;
    let mut rows = RowSet::default();
    for (sequence, entity) in (first..).zip(visible) {
        rows.row(entity).number(sequence);
    }
    sqlx::query(BURY).bind(rows.into_json()).execute(connection).await.map_err(database_error)?;
    Ok(())
}
