//! Requests to stitch, and the counter that orders everything.

use sqlx::SqliteConnection;

use callboard_store::Result;

use crate::database_error;
use crate::row_set::id_list;

/// How long an entity waits that is to be stitched again: this, and a millisecond for each of so many bytes of
/// its stored final form. Other changes of the same entity are taken up meanwhile.
pub(crate) const WAIT_MS: i64 = 50;
const BYTES_PER_MS: i64 = 100;
const LONGEST_WAIT_MS: i64 = 5000;

/// An entity without output is not marked: it is when it has some.
const MARK: &str = "INSERT INTO stitch_marks (entity_id, ticket, fresh, due)
    SELECT o.entity_id, ?2, f.entity_id IS NULL,
        CASE WHEN f.entity_id IS NULL THEN ?3 ELSE ?3 + ?4 + min(?5, length(f.body) / ?6) END
    FROM json_each(?1) marked
    JOIN outputs o ON o.entity_id = marked.value AND o.processed IS NOT NULL
    LEFT JOIN final_entities f ON f.entity_id = o.entity_id
    WHERE true
    ON CONFLICT (entity_id) DO UPDATE SET ticket = excluded.ticket";

/// Marks entities for stitching.
pub(crate) async fn mark_for_stitching(
    connection: &mut SqliteConnection,
    entities: impl IntoIterator<Item = i64>,
    now: i64,
) -> Result<()> {
    let list = id_list(entities);
    if list == "[]" {
        return Ok(());
    }
    let ticket = next_in_sequence(connection, 1).await?;
    sqlx::query(MARK)
        .bind(list)
        .bind(ticket)
        .bind(now)
        .bind(WAIT_MS)
        .bind(LONGEST_WAIT_MS)
        .bind(BYTES_PER_MS)
        .execute(connection)
        .await
        .map_err(database_error)?;
    Ok(())
}

const COUNT: &str = "UPDATE counter SET value = value + ?1 RETURNING value - ?1 + 1";

/// Takes `count` numbers off the counter; returns the first.
pub(crate) async fn next_in_sequence(connection: &mut SqliteConnection, count: usize) -> Result<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    sqlx::query_scalar(COUNT).bind(count).fetch_one(connection).await.map_err(database_error)
}
