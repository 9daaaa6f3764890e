//! Mending what the invariants find broken, by the ways in which it is kept whole otherwise.

use std::collections::{BTreeSet, HashSet};

use callboard_store::{Repair, Result};
use sqlx::PgConnection;

use crate::claims::{claims_of_sources, claims_on_entities, release, settle};
use crate::deletion::{ask_again, delete_entities};
use crate::error::database_error;
use crate::invariants::entities_with_wrong_winners;
use crate::refresh_rounds;
use crate::writing::Writing;

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
const REMOVE_FINAL_OF_NOTHING: &str = "DELETE FROM final_entities
    WHERE entity_id NOT IN (SELECT id FROM entities) RETURNING entity_id";
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
const REMOVE_STRAY_RELATIONS: &str = "DELETE FROM relations l WHERE NOT EXISTS
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
        "UPDATE change_counter SET value = greatest(coalesce((SELECT max(sequence) FROM final_entities), 0),
            coalesce((SELECT max(sequence) FROM tombstones), 0))
        WHERE value < greatest(coalesce((SELECT max(sequence) FROM final_entities), 0),
            coalesce((SELECT max(sequence) FROM tombstones), 0))",
    ),
];

/// Mends what can be mended, and says what it did. The transaction has to hold the claim lock alone.
pub(crate) async fn repair(writing: &mut Writing) -> Result<Vec<Repair>> {
    let mut repairs = Repairs::default();
    // The counter and what refers to nothing first: the steps after them count on both.
    for (invariant, action, sql) in REMOVALS {
        let done = sqlx::query(*sql).execute(&mut **writing).await.map_err(database_error)?;
        repairs.add(invariant, action, done.rows_affected());
    }
    let mut is_origin_lost = claims(writing, &mut repairs).await?;
    is_origin_lost |= orphans(writing, &mut repairs).await?;
    if is_origin_lost {
        let all = ids(writing, "SELECT id FROM entities").await?;
        ask_again(writing, &all).await?;
        repairs.add(
            "claimed-entity-exists",
            "queued an entity, for it may have made a claim that is lost",
            count(all.len()),
        );
    }
    final_entities(writing, &mut repairs).await?;

    let related = ids(writing, SHOW_STRAY_RELATIONS).await?;
    let removal = sqlx::query(REMOVE_STRAY_RELATIONS);
    let done = removal.execute(&mut **writing).await.map_err(database_error)?;
    repairs.add("relation-originator", "removed a relation that nobody originates", done.rows_affected());
    writing.to_stitch.extend(related);

    let idle = ids(writing, NOT_QUEUED).await?;
    ask_again(writing, &idle).await?;
    repairs.add("queued", "queued an entity", count(idle.len()));
    let mended = refresh_rounds::repair(writing).await?;
    repairs.add("queued", "put entities back into their round of refreshes", mended);
    let unstitched = ids(writing, NOT_STITCHED).await?;
    repairs.add("stitched", "marked an entity for stitching", count(unstitched.len()));
    writing.to_stitch.extend(unstitched);
    Ok(repairs.0)
}

/// Whether claims went of which nobody knows who made them.
async fn claims(writing: &mut Writing, repairs: &mut Repairs) -> Result<bool> {
    let vanished: Vec<i64> = ids(writing, VANISHED_SOURCES).await?.into_iter().collect();
    let stray = claims_of_sources(writing, &vanished).await?;
    release(writing, &stray).await?;
    settle(writing, &[], stray.iter().map(|claim| claim.entity).collect()).await?;
    let action = "released a claim whose source does not exist";
    repairs.add("claimed-entity-exists", action, count(stray.len()));

    let missing: Vec<i64> = ids(writing, CLAIMED_NOWHERE).await?.into_iter().collect();
    let claims = claims_on_entities(writing, &missing).await?;
    settle(writing, &claims, BTreeSet::new()).await?;
    repairs.add("claimed-entity-exists", "made the entity of a claim again", count(missing.len()));

    let wrong = entities_with_wrong_winners(writing).await?;
    repairs.add("winner", "settled an entity by its claims", count(wrong.len()));
    settle(writing, &[], wrong).await?;
    Ok(!stray.is_empty())
}

/// Whether entities went of which nobody knows who claimed them.
async fn orphans(writing: &mut Writing, repairs: &mut Repairs) -> Result<bool> {
    let lost = ids(writing, WITHOUT_DOCUMENT).await?;
    delete_entities(writing, &lost).await?;
    let action = "deleted an entity of which nothing is left to process";
    repairs.add("orphan", action, count(lost.len()));
    let wrong = ids(writing, WRONG_ORPHANS).await?;
    repairs.add("orphan", "settled an entity by its claims", count(wrong.len()));
    settle(writing, &[], wrong.into_iter().collect()).await?;
    Ok(!lost.is_empty())
}

async fn final_entities(writing: &mut Writing, repairs: &mut Repairs) -> Result<()> {
    let removal = sqlx::query_scalar(REMOVE_FINAL_OF_NOTHING);
    let stray: Vec<i64> = removal.fetch_all(&mut **writing).await.map_err(database_error)?;
    let action = "removed the final form of an entity that does not exist";
    repairs.add("final-entity", action, count(stray.len()));
    writing.buried.extend(stray);
    let unfounded = ids(writing, FINAL_WITHOUT_OUTPUT).await?;
    ask_again(writing, &unfounded).await?;
    repairs.add("final-entity", "queued an entity whose output is missing", count(unfounded.len()));
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

async fn ids(connection: &mut PgConnection, sql: &'static str) -> Result<HashSet<i64>> {
    let ids: Vec<i64> = sqlx::query_scalar(sql).fetch_all(connection).await.map_err(database_error)?;
    Ok(ids.into_iter().collect())
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
