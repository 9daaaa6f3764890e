//! Requests to stitch, and the numbers that order them.

use std::collections::BTreeSet;

use callboard_store::Result;
use sqlx::PgConnection;

use crate::error::database_error;

/// How long an entity waits that is to be stitched again: this, and a millisecond for each of so many bytes of
/// its stored final form. Other changes of the same entity are taken up meanwhile.
pub(crate) const WAIT_MS: i64 = 50;
const BYTES_PER_MS: i64 = 100;
const LONGEST_WAIT_MS: i64 = 5000;

/// An entity without output is not marked: it is when it has some. Unless there are other nodes: then one of them may be
/// about to commit that output, and to stitch it before what this transaction wrote can be seen. Marks that turn out
/// to be on nothing are dropped when they are taken up. A mark that somebody has taken up gets a new ticket. One that nobody
/// has taken up keeps its own, which nobody knows, since it got a new one when it was taken from whoever had it before. It is
/// locked all the same: so it is not taken up until what this transaction wrote can be seen.
const MARK: &str = "INSERT INTO stitch_marks (entity_id, ticket, fresh, due)
    SELECT m.id, nextval('numbers'), m.fresh, m.due FROM (
        SELECT id, true AS fresh, $3::bigint AS due FROM unnest($2::bigint[]) AS first (id)
        UNION ALL
        SELECT o.id, f.entity_id IS NULL,
            CASE WHEN f.entity_id IS NULL THEN $3 ELSE $3 + $4 + least($5, length(f.body) / $6) END
        FROM (SELECT wanted.id FROM unnest($1::bigint[]) AS wanted (id)
            LEFT JOIN LATERAL (SELECT processed IS NOT NULL AS is_processed FROM outputs
                WHERE entity_id = wanted.id OFFSET 0) output ON true
            WHERE output.is_processed OR (SELECT count(*) FROM nodes) > 1) o
        LEFT JOIN LATERAL (SELECT entity_id, body FROM final_entities WHERE entity_id = o.id OFFSET 0) f ON true
        ORDER BY id) m
    ON CONFLICT (entity_id) DO UPDATE SET ticket = excluded.ticket WHERE stitch_marks.node IS NOT NULL";

/// Marks entities for stitching; `first` are those among them that were never stitched.
pub(crate) async fn mark_for_stitching(
    connection: &mut PgConnection,
    entities: &BTreeSet<i64>,
    first: &BTreeSet<i64>,
    now: i64,
) -> Result<()> {
    if entities.is_empty() {
        return Ok(());
    }
    let others: Vec<i64> = entities.difference(first).copied().collect();
    let first: Vec<i64> = first.iter().copied().collect();
    let query = sqlx::query(MARK).bind(others).bind(first).bind(now);
    let query = query.bind(WAIT_MS).bind(LONGEST_WAIT_MS).bind(BYTES_PER_MS);
    query.execute(connection).await.map_err(database_error)?;
    Ok(())
}

const COUNT: &str = "SELECT nextval('numbers') FROM generate_series(1, $1)";

/// Takes `count` numbers, in growing order.
pub(crate) async fn take_numbers(connection: &mut PgConnection, count: usize) -> Result<Vec<i64>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let query = sqlx::query_scalar(COUNT).bind(count);
    let mut numbers: Vec<i64> = query.fetch_all(connection).await.map_err(database_error)?;
    numbers.sort_unstable();
    Ok(numbers)
}
