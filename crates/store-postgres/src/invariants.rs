//! The promises of the store, as queries that find where they are broken.

use std::collections::{BTreeSet, HashMap};

use callboard_store::{ClaimStanding, Result, Violation, winning_claim};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::database_error;
use crate::refresh_rounds;

/// (invariant, query). Each query gives a line for every place where the invariant does not hold.
const QUERIES: &[(&str, &str)] = &[
    (
        "claimed-entity-exists",
        "SELECT 'claim ' || c.id || ' on ' || r.text FROM claims c JOIN refs r ON r.id = c.entity_id
        WHERE NOT EXISTS (SELECT 1 FROM entities e WHERE e.id = c.entity_id)
            OR (c.source_id > 0 AND NOT EXISTS (SELECT 1 FROM entities e WHERE e.id = c.source_id))",
    ),
    (
        "orphan",
        "SELECT r.text || CASE WHEN o.entity_id IS NULL THEN ' is none' ELSE ' is one' END
        FROM entities e JOIN refs r ON r.id = e.id LEFT JOIN orphans o ON o.entity_id = e.id
        WHERE (o.entity_id IS NULL) = NOT EXISTS (SELECT 1 FROM claims c WHERE c.entity_id = e.id)
            OR (o.entity_id IS NULL) = (e.claim_id IS NULL)
        UNION ALL
        SELECT 'orphan ' || entity_id || ' does not exist' FROM orphans
        WHERE entity_id NOT IN (SELECT id FROM entities)",
    ),
    (
        "queued",
        "SELECT r.text || ' has urgency ' || e.urgency FROM entities e JOIN refs r ON r.id = e.id
        WHERE e.urgency NOT IN (0, 1, 2)
        UNION ALL
        SELECT r.text || ' is routine and was never processed' FROM entities e JOIN refs r ON r.id = e.id
        WHERE e.urgency = 0 AND NOT EXISTS (SELECT 1 FROM outputs o WHERE o.entity_id = e.id)",
    ),
    ("queued", refresh_rounds::VIOLATIONS),
    (
        "final-entity",
        "SELECT r.text || ' has a final form but does not exist' FROM final_entities f JOIN refs r ON r.id = f.entity_id
        WHERE NOT EXISTS (SELECT 1 FROM entities e WHERE e.id = f.entity_id)
        UNION ALL
        SELECT r.text || ' has a final form but no output' FROM final_entities f JOIN refs r ON r.id = f.entity_id
        WHERE NOT EXISTS
            (SELECT 1 FROM outputs o WHERE o.entity_id = f.entity_id AND o.processed IS NOT NULL)",
    ),
    (
        "relation-originator",
        "SELECT 'relation of ' || r.text FROM relations l JOIN refs r ON r.id = l.originator_id
        WHERE NOT EXISTS
            (SELECT 1 FROM outputs o WHERE o.entity_id = l.originator_id AND o.processed IS NOT NULL)
        UNION ALL
        SELECT 'output of ' || r.text || ', which does not exist' FROM outputs o JOIN refs r ON r.id = o.entity_id
        WHERE NOT EXISTS (SELECT 1 FROM entities e WHERE e.id = o.entity_id)",
    ),
    (
        "stitched",
        "SELECT r.text FROM outputs o JOIN refs r ON r.id = o.entity_id
        WHERE o.processed IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM final_entities f WHERE f.entity_id = o.entity_id)
            AND NOT EXISTS (SELECT 1 FROM stitch_marks m WHERE m.entity_id = o.entity_id)
            AND o.errors IS NULL",
    ),
    (
        "change-log",
        "SELECT r.text || ' is both there and removed' FROM tombstones t JOIN refs r ON r.id = t.entity_id
        WHERE EXISTS (SELECT 1 FROM final_entities f WHERE f.entity_id = t.entity_id)
        UNION ALL
        SELECT 'the log is ahead of the counter' FROM change_counter
        WHERE value < greatest(coalesce((SELECT max(sequence) FROM final_entities), 0),
            coalesce((SELECT max(sequence) FROM tombstones), 0))",
    ),
];

/// Every place where an invariant does not hold.
pub(crate) async fn find_violations(connection: &mut PgConnection) -> Result<Vec<Violation>> {
    let wrong = find_wrong_winners(connection).await?;
    let mut violations: Vec<Violation> =
        wrong.into_iter().map(|(_, detail)| Violation { invariant: "winner", detail }).collect();
    for (invariant, sql) in QUERIES {
        let details: Vec<Option<String>> =
            sqlx::query_scalar(*sql).fetch_all(&mut *connection).await.map_err(database_error)?;
        violations.extend(details.into_iter().map(|detail| Violation {
            invariant,
            detail: detail.unwrap_or_else(|| "a row without a name".into()),
        }));
    }
    Ok(violations)
}

const CLAIMED: &str =
    "SELECT r.text, e.claim_id, e.key_id, e.document_hash, c.id, c.key_id, c.written, c.hash, e.id
    FROM entities e JOIN refs r ON r.id = e.id JOIN claims c ON c.entity_id = e.id";

type ClaimedRow = (String, Option<i64>, Option<i64>, Uuid, i64, Option<i64>, i64, Uuid, i64);

/// Entities that are not what their winning claim says.
pub(crate) async fn entities_with_wrong_winners(connection: &mut PgConnection) -> Result<BTreeSet<i64>> {
    Ok(find_wrong_winners(connection).await?.into_iter().map(|(entity, _)| entity).collect())
}

async fn find_wrong_winners(connection: &mut PgConnection) -> Result<Vec<(i64, String)>> {
    let rows: Vec<ClaimedRow> =
        sqlx::query_as(CLAIMED).fetch_all(connection).await.map_err(database_error)?;
    let mut by_entity: HashMap<&str, Vec<&ClaimedRow>> = HashMap::new();
    for row in &rows {
        by_entity.entry(&row.0).or_default().push(row);
    }
    let mut wrong = Vec::new();
    for (entity, rows) in by_entity {
        let (_, claim, key, hash, .., id) = rows[0];
        let standings: Vec<ClaimStanding<i64>> =
            rows.iter().map(|row| ClaimStanding { key: row.5, made: row.4, written: row.6 }).collect();
        let winner = winning_claim(key.as_ref(), &standings).map(|place| rows[place]);
        let right =
            winner.is_some_and(|winner| *claim == Some(winner.4) && *key == winner.5 && *hash == winner.7);
        if !right {
            let winner = winner.map(|row| row.4);
            let detail = format!("{entity} is from claim {claim:?}, but claim {winner:?} wins");
            wrong.push((*id, detail));
        }
    }
    wrong.sort();
    Ok(wrong)
}
