use std::collections::HashMap;

use async_trait::async_trait;
use callboard_store::{
    Change, ChangeLog, ChangeSequence, FinalEntity, FinalEntityPage, LoggedChange, Result,
};
use callboard_store_body::decompress;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::PostgresStore;
use crate::error::database_error;
use crate::hashing::uid;
use crate::interning::entity_ref;
use crate::retries::retrying;

const CHANGES: &str = "SELECT c.sequence, r.text, e.uid, c.body FROM (
        (SELECT sequence, entity_id, body FROM final_entities WHERE sequence > $1 ORDER BY sequence LIMIT $2)
        UNION ALL
        (SELECT sequence, entity_id, NULL FROM tombstones WHERE sequence > $1 ORDER BY sequence LIMIT $2)) c
    CROSS JOIN LATERAL (SELECT text FROM refs WHERE id = c.entity_id OFFSET 0) r
    LEFT JOIN LATERAL (SELECT uid FROM entities WHERE id = c.entity_id OFFSET 0) e ON true
    ORDER BY c.sequence LIMIT $2";
/// A page of them, whose refs and uids are read beside it: range by range, which costs a third of row by row. They are
/// put together here, since a plan for a join with a page of unknown size would read whole tables.
const FINAL_ENTITIES: &str =
    "SELECT entity_id, body FROM final_entities WHERE entity_id > $1 AND entity_id <= $2 ORDER BY entity_id";
const NEXT_PAGE: &str = "SELECT max(entity_id) FROM
    (SELECT entity_id FROM final_entities WHERE entity_id > $1 ORDER BY entity_id LIMIT $2) AS page";
const REFS_IN: &str = "SELECT r.id, r.text FROM unnest($1::bigint[], $2::bigint[]) AS a (first, last)
    CROSS JOIN LATERAL (SELECT id, text FROM refs WHERE id >= a.first AND id <= a.last OFFSET 0) AS r";
const UIDS_IN: &str = "SELECT e.id, e.uid FROM unnest($1::bigint[], $2::bigint[]) AS a (first, last)
    CROSS JOIN LATERAL (SELECT id, uid FROM entities WHERE id >= a.first AND id <= a.last OFFSET 0) AS e";
/// Ranges that are no further apart are read as one.
const GAP: i64 = 4;

#[async_trait]
impl ChangeLog for PostgresStore {
    async fn head(&self) -> Result<ChangeSequence> {
        retrying!(self, self.read_head())
    }

    async fn changes_since(&self, after: ChangeSequence, limit: usize) -> Result<Vec<LoggedChange>> {
        retrying!(self, self.read_changes(after, limit))
    }

    async fn next_page(
        &self,
        before: Option<FinalEntityPage>,
        limit: usize,
    ) -> Result<Option<FinalEntityPage>> {
        retrying!(self, self.read_next_page(before, limit))
    }

    async fn final_entities(&self, page: FinalEntityPage) -> Result<Vec<FinalEntity>> {
        retrying!(self, self.read_final_entities(page))
    }

    async fn complete_since(&self) -> Result<ChangeSequence> {
        retrying!(self, self.read_floor())
    }
}

impl PostgresStore {
    async fn read_head(&self) -> Result<ChangeSequence> {
        let mut transaction = self.read().await?;
        change_sequence(&mut transaction).await
    }

    async fn read_floor(&self) -> Result<ChangeSequence> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar("SELECT floor FROM change_counter");
        let floor: i64 = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        Ok(ChangeSequence(floor.unsigned_abs()))
    }

    async fn read_changes(&self, after: ChangeSequence, limit: usize) -> Result<Vec<LoggedChange>> {
        let mut transaction = self.read().await?;
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query_as(CHANGES).bind(after).bind(limit);
        let rows: Vec<(i64, String, Option<Uuid>, Option<Vec<u8>>)> =
            query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        drop(transaction);
        let changes = rows.into_iter().map(|(sequence, text, stored_uid, body)| {
            let entity_ref = entity_ref(&text)?;
            let change = match (stored_uid, body) {
                (Some(stored_uid), Some(body)) => Change::Upserted(FinalEntity {
                    entity_ref,
                    uid: uid(stored_uid),
                    body: decompress(&body)?,
                }),
                _ => Change::Removed(entity_ref),
            };
            Ok(LoggedChange { sequence: ChangeSequence(sequence.unsigned_abs()), change })
        });
        changes.collect()
    }

    async fn read_next_page(
        &self,
        before: Option<FinalEntityPage>,
        limit: usize,
    ) -> Result<Option<FinalEntityPage>> {
        let mut transaction = self.read().await?;
        let after = before.map_or(0, |before| before.last);
        let query = sqlx::query_scalar(NEXT_PAGE).bind(after).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let last: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        Ok(last.map(|last| FinalEntityPage { after, last }))
    }

    async fn read_final_entities(&self, page: FinalEntityPage) -> Result<Vec<FinalEntity>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(FINAL_ENTITIES).bind(page.after).bind(page.last);
        let bodies: Vec<(i64, Vec<u8>)> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        // All statements of a transaction that reads see the same.
        let entities = with_identities(&mut transaction, &bodies).await?;
        drop(transaction);
        entities.into_iter().map(expanded).collect()
    }
}

/// A final entity as it is stored.
type Stored<'a> = (String, Uuid, &'a [u8]);

async fn with_identities<'a>(
    connection: &mut PgConnection,
    bodies: &'a [(i64, Vec<u8>)],
) -> Result<Vec<Stored<'a>>> {
    let (first, last) = ranges(bodies.iter().map(|(id, _)| *id));
    let query = sqlx::query_as(REFS_IN).bind(&first).bind(&last);
    let refs: Vec<(i64, String)> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    let query = sqlx::query_as(UIDS_IN).bind(&first).bind(&last);
    let uids: Vec<(i64, Uuid)> = query.fetch_all(connection).await.map_err(database_error)?;
    let mut refs: HashMap<i64, String> = refs.into_iter().collect();
    let uids: HashMap<i64, Uuid> = uids.into_iter().collect();
    let stored = bodies.iter().filter_map(|(id, body)| Some((refs.remove(id)?, *uids.get(id)?, &**body)));
    Ok(stored.collect())
}

fn expanded((text, stored_uid, body): Stored<'_>) -> Result<FinalEntity> {
    Ok(FinalEntity { entity_ref: entity_ref(&text)?, uid: uid(stored_uid), body: decompress(body)? })
}

/// The first and last of each range of numbers, which come in order.
fn ranges(numbers: impl Iterator<Item = i64>) -> (Vec<i64>, Vec<i64>) {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for number in numbers {
        match last.last_mut() {
            Some(end) if number - *end <= GAP => *end = number,
            _ => {
                first.push(number);
                last.push(number);
            }
        }
    }
    (first, last)
}

/// The newest entry of the change log.
pub(crate) async fn change_sequence(connection: &mut PgConnection) -> Result<ChangeSequence> {
    let query = sqlx::query_scalar("SELECT value FROM change_counter");
    let last: i64 = query.fetch_one(connection).await.map_err(database_error)?;
    Ok(ChangeSequence(last.unsigned_abs()))
}

const TAKE_PLACES: &str = "UPDATE change_counter SET value = value + $1 RETURNING value";

/// Takes `count` places in the change log; returns the last. Until the transaction ends nobody else can take any,
/// so this has to be the last thing but writing the entries.
pub(crate) async fn take_places(connection: &mut PgConnection, count: usize) -> Result<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    sqlx::query_scalar(TAKE_PLACES).bind(count).fetch_one(connection).await.map_err(database_error)
}

const BURY: &str = "INSERT INTO tombstones (entity_id, sequence, buried)
    SELECT id, $2 + place, (extract(epoch FROM clock_timestamp()) * 1000)::bigint
    FROM unnest($1::bigint[]) WITH ORDINALITY AS gone (id, place)
    ON CONFLICT (entity_id) DO UPDATE SET sequence = excluded.sequence, buried = excluded.buried";

/// Logs that entities are gone. Returns the newest entry of the change log.
pub(crate) async fn bury(connection: &mut PgConnection, entities: &[i64]) -> Result<ChangeSequence> {
    let last = take_places(connection, entities.len()).await?;
    let before = last - i64::try_from(entities.len()).unwrap_or(i64::MAX);
    let query = sqlx::query(BURY).bind(entities).bind(before);
    query.execute(connection).await.map_err(database_error)?;
    Ok(ChangeSequence(last.unsigned_abs()))
}

const FLOOR: &str = "UPDATE change_counter SET floor = greatest(floor, coalesce(
    (SELECT max(sequence) FROM tombstones WHERE buried < $1), 0))
    WHERE EXISTS (SELECT 1 FROM tombstones WHERE buried < $1)";
const DROP: &str = "DELETE FROM tombstones WHERE sequence <= (SELECT floor FROM change_counter)";

/// Forgets removals that are older than `before`, in milliseconds by the clock of the database.
pub(crate) async fn drop_tombstones(connection: &mut PgConnection, before: i64) -> Result<()> {
    let done = sqlx::query(FLOOR).bind(before).execute(&mut *connection).await.map_err(database_error)?;
    if done.rows_affected() > 0 {
        sqlx::query(DROP).execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}
