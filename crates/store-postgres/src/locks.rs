//! Who may write claims at the same time.

use callboard_store::Result;
use sqlx::PgConnection;

use crate::error::database_error;

/// The advisory lock of all that writes claims; any number that nobody else uses. With the schema, since several
/// catalogs may share a database.
const CLAIM_LOCK: i32 = 0x6361_6c6c;

const SHARE: &str = "SELECT pg_advisory_xact_lock_shared($1, hashtext(current_schema()))";
const ALONE: &str = "SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))";

/// How a transaction holds the claim lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClaimLock {
    /// With others. Entities may become orphans, and none is deleted.
    Shared,
    /// Alone. Entities may be deleted.
    Alone,
}

impl ClaimLock {
    /// Waits for the lock; it is held to the end of the transaction.
    pub(crate) async fn take(self, connection: &mut PgConnection) -> Result<()> {
        let sql = if self == Self::Shared { SHARE } else { ALONE };
        sqlx::query(sql).bind(CLAIM_LOCK).execute(connection).await.map_err(database_error)?;
        Ok(())
    }
}

const LOCK_ENTITIES: &str = "SELECT id FROM refs WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";
/// With a column that is only in the table: else all of another index would be read, which has the other two, and which looks
/// cheap until the table is analysed.
const CHILDREN: &str = "SELECT entity_id, id FROM claims WHERE source_id = ANY($1)";

/// Locks entities, whether they exist or not, in order of their ids. Not needed by who holds the claim lock alone.
pub(crate) async fn lock_entities(connection: &mut PgConnection, entities: &[i64]) -> Result<()> {
    if !entities.is_empty() {
        let query = sqlx::query_scalar::<_, i64>(LOCK_ENTITIES).bind(entities);
        query.fetch_all(connection).await.map_err(database_error)?;
    }
    Ok(())
}

/// Locks entities, and those that `sources` claim. Returns all that are locked.
pub(crate) async fn lock_entities_and_children(
    connection: &mut PgConnection,
    entities: &[i64],
    sources: &[i64],
) -> Result<Vec<i64>> {
    // Not one statement: no plan for both finds all of its rows by an index.
    let query = sqlx::query_as(CHILDREN).bind(sources);
    let children: Vec<(i64, i64)> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let mut locked: Vec<i64> = children.into_iter().map(|(entity, _)| entity).collect();
    locked.extend(entities);
    let query = sqlx::query_scalar(LOCK_ENTITIES).bind(locked);
    query.fetch_all(connection).await.map_err(database_error)
}
