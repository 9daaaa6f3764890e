//! Mending what the invariants find broken, by the ways in which it is kept whole otherwise.

use std::collections::HashSet;

use callboard_store::{Repair, Result};
use sqlx::SqliteConnection;

use crate::claims::{claims_of_sources, claims_on_entities, release, settle};
use crate::database_error;
use crate::deletion::{ask_again, delete_entities, write_tombstones};
use crate::invariants::entities_with_wrong_winners;
use crate::marks::mark_for_stitching;
use crate::row_set::id_list;

const VANISHED_SOURCES: &str = "SELECT DISTINCT source_id FROM claims
    WHERE source_id > 0 AND source_id NOT IN (SELECT id FROM entities)";
const CLAIMED_NOWHERE: &str = "SELECT DISTINCT entity_id FROM claims
    WHERE entity_id NOT IN (SELECT id FROM entities)";
const WRONG_ORPHANS: &str = "SELECT e.id FROM entities e LEFT JOIN orphans o ON o.entity_id = e.id
    WHERE (o.entity_id IS NULL) = NOT EXISTS (SELECT 1 FROM claims c WHERE c.entity_id = e.id)
        OR (o.entity_id IS NULL) = (e.claim_id IS NULL)";
const WITHOUT_DOCUMENT: &str = "SELECT e.id FROM entities e
    WHERE NOT EXISTS (SELECT 1 FROM claims c WHERE c.entity_id = e.id)
        AND NOT EXISTS (SELECT 1 FROM orphans o WHERE o.entity_id = e.id)";
const FINAL_OF_NOTHING: &str = "SELECT entity_id FROM final_entities
    WHERE entity_id NOT IN (SELECT id FROM entities)";
const FINAL_WITHOUT_OUTPUT: &str = "SELECT f.entity_id FROM final_entities f
    JOIN entities e ON e.id = f.entity_id AND e.urgency = 0
    WHERE NOT EXISTS (SELECT 1 FROM outputs o WHERE o.entity_id = f.entity_id AND o.processed IS NOT NULL)";
const NOT_QUEUED: &str = "SELECT e.id FROM entities e WHERE e.urgency NOT IN (0, 1, 2)
    OR (e.urgency = 0 AND NOT EXISTS (SELECT 1 FROM outputs o WHERE o.entity_id = e.id))";
const NOT_STITCHED: &str = "SELECT o.entity_id FROM outputs o JOIN entities e ON e.id = o.entity_id
    WHERE o.processed IS NOT NULL AND o.errors IS NULL
        AND NOT EXISTS (SELECT 1 FROM final_entities f WHERE f.entity_id = o.entity_id)
        AND NOT EXISTS (SELECT 1 FROM stitch_marks m WHERE m.entity_id = o.entity_id)";
/// The entities that show relations which nobody originated.
const SHOW_STRAY_RELATIONS: &str = "SELECT DISTINCT l.source_id FROM relations l WHERE NOT EXISTS
    (SELECT 1 FROM outputs o WHERE o.entity_id = l.originator_id AND o.processed IS NOT NULL)";

/// (invariant, what is done, statement). Rows that nothing refers to any more.
const REMOVALS: &[(&str, &str, &str)] = &[
    (
        "orphan",
        "removed the record of an orphan that does not exist",
        "DELETE FROM orphans WHERE entity_id NOT IN (SELECT id FROM entities)",
    ),
    (
        "relation-originator",
        "removed an output whose entity does not exist",
        "DELETE FROM outputs WHERE entity_id NOT IN (SELECT id FROM entities)",
    ),
    (
        "stitched",
        "removed a mark on an entity that does not exist",
        "DELETE FROM stitch_marks WHERE entity_id NOT IN (SELECT id FROM entities)",
    ),
    (
        "change-log",
        "removed the tombstone of an entity that is there",
        "DELETE FROM tombstones WHERE entity_id IN (SELECT entity_id FROM final_entities)",
    ),
    (
        "change-log",
        "moved the counter to the end of the log",
        "UPDATE counter SET value = max(ifnull((SELECT max(sequence) FROM final_entities), 0),
            ifnull((SELECT max(sequence) FROM tombstones), 0))
        WHERE value < max(ifnull((SELECT max(sequence) FROM final_entities), 0),
            ifnull((SELECT max(sequence) FROM tombstones), 0))",
    ),
];
const REMOVE_STRAY_RELATIONS: &str = "DELETE FROM relations WHERE NOT EXISTS
    (SELECT 1 FROM outputs o WHERE o.entity_id = relations.originator_id AND o.processed IS NOT NULL)";

/// Mends what can be mended, and says what it did.
pub(crate) async fn repair(connection: &mut SqliteConnection, now: i64) -> Result<Vec<Repair>> {
    let mut repairs = Repairs::default();
    // The counter and what refers to nothing first: the steps after them count on both.
    for (invariant, action, sql) in REMOVALS {
        let done = sqlx::query(*sql).execute(&mut *connection).await.map_err(database_error)?;
        repairs.add(invariant, action, done.rows_affected());
    }
    let mut is_origin_lost = claims(connection, &mut repairs, now).await?;
    is_origin_lost |= orphans(connection, &mut repairs, now).await?;
    if is_origin_lost {
        let all = ids(connection, "SELECT id FROM entities").await?;
        ask_again(connection, &all, now).await?;
        repairs.add(
            "claimed-entity-exists",
            "queued an entity, for it may have made a claim that is lost",
            count(&all),
        );
    }
    final_entities(connection, &mut repairs, now).await?;

    let related = ids(connection, SHOW_STRAY_RELATIONS).await?;
    let done = sqlx::query(REMOVE_STRAY_RELATIONS).execute(&mut *connection).await.map_err(database_error)?;
    repairs.add("relation-originator", "removed a relation that nobody originates", done.rows_affected());
    mark_for_stitching(connection, related, now).await?;

    let idle = ids(connection, NOT_QUEUED).await?;
    ask_again(connection, &idle, now).await?;
    repairs.add("queued", "queued an entity", count(&idle));
    let unstitched = ids(connection, NOT_STITCHED).await?;
    mark_for_stitching(connection, unstitched.iter().copied(), now).await?;
    repairs.add("stitched", "marked an entity for stitching", count(&unstitched));
    Ok(repairs.0)
}

/// Whether claims went of which nobody knows who made them.
async fn claims(connection: &mut SqliteConnection, repairs: &mut Repairs, now: i64) -> Result<bool> {
    let vanished = ids(connection, VANISHED_SOURCES).await?;
    let stray = claims_of_sources(connection, vanished).await?;
    release(connection, &stray, now).await?;
    settle(connection, &[], stray.iter().map(|claim| claim.entity).collect(), now).await?;
    let released = u64::try_from(stray.len()).unwrap_or(u64::MAX);
    repairs.add("claimed-entity-exists", "released a claim whose source does not exist", released);

    let missing = ids(connection, CLAIMED_NOWHERE).await?;
    let claims = claims_on_entities(connection, missing.iter().copied()).await?;
    settle(connection, &claims, HashSet::new(), now).await?;
    repairs.add("claimed-entity-exists", "made the entity of a claim again", count(&missing));

    let wrong = entities_with_wrong_winners(connection).await?;
    repairs.add("winner", "settled an entity by its claims", count(&wrong));
    settle(connection, &[], wrong, now).await?;
    Ok(!stray.is_empty())
}

/// Whether entities went of which nobody knows who claimed them.
async fn orphans(connection: &mut SqliteConnection, repairs: &mut Repairs, now: i64) -> Result<bool> {
    let lost = ids(connection, WITHOUT_DOCUMENT).await?;
    delete_entities(connection, &lost, now).await?;
    repairs.add("orphan", "deleted an entity of which nothing is left to process", count(&lost));
    let wrong = ids(connection, WRONG_ORPHANS).await?;
    repairs.add("orphan", "settled an entity by its claims", count(&wrong));
    settle(connection, &[], wrong, now).await?;
    Ok(!lost.is_empty())
}

async fn final_entities(connection: &mut SqliteConnection, repairs: &mut Repairs, now: i64) -> Result<()> {
    let stray = ids(connection, FINAL_OF_NOTHING).await?;
    if !stray.is_empty() {
        let list = id_list(stray.iter().copied());
        write_tombstones(connection, &list).await?;
        let delete = "DELETE FROM final_entities WHERE entity_id IN (SELECT value FROM json_each(?1))";
        sqlx::query(delete).bind(list).execute(&mut *connection).await.map_err(database_error)?;
    }
    repairs.add("final-entity", "removed the final form of an entity that does not exist", count(&stray));
    let unfounded = ids(connection, FINAL_WITHOUT_OUTPUT).await?;
    ask_again(connection, &unfounded, now).await?;
    repairs.add("final-entity", "queued an entity whose output is missing", count(&unfounded));
    Ok(())
}

#[derive(Default)]
struct Repairs(Vec<Repair>);

impl Repairs {
    fn add(&mut self, invariant: &'static str, action: &'static str, times: u64) {
        if times > 0 {
            self.0.push(Repair { invariant, action, times });
        }
    }
}

async fn ids(connection: &mut SqliteConnection, sql: &'static str) -> Result<HashSet<i64>> {
    let ids: Vec<i64> = sqlx::query_scalar(sql).fetch_all(connection).await.map_err(database_error)?;
    Ok(ids.into_iter().collect())
}

fn count(ids: &HashSet<i64>) -> u64 {
    u64::try_from(ids.len()).unwrap_or(u64::MAX)
}
