//! Entities go: with their outputs, their final form and their claims on others. All of this needs the claim lock
//! alone.

use std::collections::{BTreeSet, HashSet};

use callboard_store::Result;
use callboard_store::claim_rows::{StoredClaim, reachable};
use sqlx::PgConnection;

use crate::claims::{claims_of_sources, claims_on_entities, release, settle};
use crate::error::database_error;
use crate::writing::Writing;

/// Takes a provider's claims on some entities away, and deletes what hangs below them: every descendant that no
/// remaining claim of any provider leads to. Returns how many entities were deleted.
pub(crate) async fn release_eagerly(writing: &mut Writing, claims: &[StoredClaim]) -> Result<usize> {
    if claims.is_empty() {
        return Ok(0);
    }
    let roots: HashSet<i64> = claims.iter().map(|claim| claim.entity).collect();
    let descendants = descendants(writing, &roots).await?;
    release(writing, claims).await?;
    let retained = reachable(&claims_above(writing, &descendants).await?);
    let doomed: HashSet<i64> = descendants.difference(&retained).copied().collect();
    let survivors: BTreeSet<i64> = roots.intersection(&retained).copied().collect();
    // First what goes, so that none of its claims wins for a moment.
    delete_entities(writing, &doomed).await?;
    settle(writing, &[], survivors).await?;
    Ok(doomed.len())
}

const DESCENDANTS: &str = "WITH RECURSIVE descendants (id) AS (
        SELECT unnest($1::bigint[])
        UNION
        SELECT c.entity_id FROM descendants d JOIN claims c ON c.source_id = d.id)
    SELECT id FROM descendants";

/// These entities and all that they emit, directly or not.
async fn descendants(connection: &mut PgConnection, roots: &HashSet<i64>) -> Result<HashSet<i64>> {
    let roots: Vec<i64> = roots.iter().copied().collect();
    let query = sqlx::query_scalar(DESCENDANTS).bind(roots);
    let ids: Vec<i64> = query.fetch_all(connection).await.map_err(database_error)?;
    Ok(ids.into_iter().collect())
}

const CLAIMS_ABOVE: &str = "WITH RECURSIVE above (id) AS (
        SELECT unnest($1::bigint[])
        UNION
        SELECT c.source_id FROM above a JOIN claims c ON c.entity_id = a.id WHERE c.source_id > 0)
    SELECT c.source_id, c.entity_id FROM above a JOIN claims c ON c.entity_id = a.id";

/// All claims on these entities and on all that is above them.
async fn claims_above(connection: &mut PgConnection, entities: &HashSet<i64>) -> Result<Vec<(i64, i64)>> {
    let entities: Vec<i64> = entities.iter().copied().collect();
    let query = sqlx::query_as(CLAIMS_ABOVE).bind(entities);
    query.fetch_all(connection).await.map_err(database_error)
}

/// Whoever stitches one of them at this moment is waited for.
const LOCK_MARKS: &str =
    "SELECT entity_id FROM stitch_marks WHERE entity_id = ANY($1) ORDER BY entity_id FOR UPDATE";
const RELATED: &str = "SELECT DISTINCT source_id FROM relations WHERE originator_id = ANY($1)";
/// The parents must emit again what was taken from them, so their last result no longer counts.
const FORGET_RESULTS: &str = "UPDATE outputs SET result_hash = NULL WHERE entity_id = ANY($1)";
const MAKE_DUE: &str = "UPDATE entities SET urgency = 1, due = $2 WHERE id IN
    (SELECT id FROM entities WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE)";
const VISIBLE: &str = "DELETE FROM final_entities WHERE entity_id = ANY($1) RETURNING entity_id";
const DELETES: [&str; 8] = [
    "DELETE FROM claims WHERE entity_id = ANY($1)",
    "DELETE FROM relations WHERE originator_id = ANY($1)",
    "DELETE FROM refresh_keys WHERE entity_id = ANY($1)",
    "DELETE FROM processor_caches WHERE entity_id = ANY($1)",
    "DELETE FROM stitch_marks WHERE entity_id = ANY($1)",
    "DELETE FROM outputs WHERE entity_id = ANY($1)",
    "DELETE FROM orphans WHERE entity_id = ANY($1)",
    "DELETE FROM entities WHERE id = ANY($1)",
];

/// Deletes entities, with every claim on them and of them. Children of theirs that live on may be orphans then.
pub(crate) async fn delete_entities(writing: &mut Writing, doomed: &HashSet<i64>) -> Result<()> {
    if doomed.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = doomed.iter().copied().collect();
    let query = sqlx::query_scalar(RELATED).bind(&ids);
    let related: Vec<i64> = query.fetch_all(&mut **writing).await.map_err(database_error)?;

    let lost_claims = claims_on_entities(writing, &ids).await?;
    let parents: HashSet<i64> = lost_claims
        .iter()
        .map(|c| c.source)
        .filter(|source| *source > 0 && !doomed.contains(source))
        .collect();
    ask_again(writing, &parents).await?;

    let their_claims = claims_of_sources(writing, &ids).await?;
    let on_survivors: Vec<StoredClaim> =
        their_claims.into_iter().filter(|claim| !doomed.contains(&claim.entity)).collect();
    release(writing, &on_survivors).await?;

    let lock = sqlx::query_scalar::<_, i64>(LOCK_MARKS).bind(&ids);
    lock.fetch_all(&mut **writing).await.map_err(database_error)?;
    let visible = sqlx::query_scalar(VISIBLE).bind(&ids);
    let visible: Vec<i64> = visible.fetch_all(&mut **writing).await.map_err(database_error)?;
    writing.buried.extend(visible);
    for sql in DELETES {
        sqlx::query(sql).bind(&ids).execute(&mut **writing).await.map_err(database_error)?;
    }
    writing.to_stitch.extend(related.into_iter().filter(|id| !doomed.contains(id)));
    settle(writing, &[], on_survivors.iter().map(|claim| claim.entity).collect()).await?;
    Ok(())
}

/// Has entities processed now, whose outcome is then written even if it is what it was.
pub(crate) async fn ask_again(writing: &mut Writing, entities: &HashSet<i64>) -> Result<()> {
    if entities.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = entities.iter().copied().collect();
    let forget = sqlx::query(FORGET_RESULTS).bind(&ids);
    forget.execute(&mut **writing).await.map_err(database_error)?;
    let now = writing.now;
    make_due(writing, &ids, now).await.map(|_| ())
}

/// Makes entities due now, ahead of routine refreshes. Returns how many there are.
pub(crate) async fn make_due(connection: &mut PgConnection, ids: &[i64], now: i64) -> Result<usize> {
    let query = sqlx::query(MAKE_DUE).bind(ids).bind(now);
    let done = query.execute(connection).await.map_err(database_error)?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}
