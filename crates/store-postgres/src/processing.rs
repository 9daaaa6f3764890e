use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use callboard_store::claim_rows::{ClaimChanges, StoredClaim};
use callboard_store::{
    CommitReport, DueEntity, IsSettled, Processing, ProcessingCommit, ProcessingOutcome, Result, TakenUp,
    Wakeup,
};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::PostgresStore;
use crate::claims::{claims_of_sources, write_claims};
use crate::error::database_error;
use crate::hashing::{stored_hash, stored_uid};
use crate::ingestion::wanted_claims;
use crate::interning::{Interned, Texts};
use crate::locks::{ClaimLock, lock_entities, lock_entities_and_children};
use crate::outputs::{Prepared, write_caches, write_outputs, write_refresh_keys, write_relations};
use crate::refresh_rounds;
use crate::retries::retrying;
use crate::writing::Writing;

#[async_trait]
impl Processing for PostgresStore {
    async fn claim_due(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
        next_due: Timestamp,
    ) -> Result<Vec<DueEntity>> {
        let taken = self.claim_unsettled(limit, now, lease_until, next_due, &|_| false).await?;
        Ok(taken.due)
    }

    async fn claim_unsettled(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
        next_due: Timestamp,
        is_settled: IsSettled<'_>,
    ) -> Result<TakenUp> {
        retrying!(self, self.try_claim_due(limit, now, lease_until, next_due, is_settled))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        retrying!(self, self.read_next_due())
    }

    async fn commit_processed(&self, batch: Vec<ProcessingCommit>, now: Timestamp) -> Result<CommitReport> {
        let batch: Vec<Prepared> = batch.into_iter().map(Prepared::from).collect();
        let interned = self.intern(&texts(&batch)).await?;
        let report = retrying!(self, self.try_commit_processed(&batch, &interned, now))?;
        if report.children_written > 0 {
            self.notify(&[Wakeup::Stitching, Wakeup::Processing]).await;
        } else {
            self.notify(&[Wakeup::Stitching]).await;
        }
        Ok(report)
    }

    async fn reclaim_leases(&self, now: Timestamp) -> Result<usize> {
        retrying!(self, self.try_reclaim_leases(now))
    }
}

fn texts(batch: &[Prepared]) -> Texts<'_> {
    let mut texts = Texts::default();
    for Prepared { commit, .. } in batch {
        texts.refs.push(&commit.entity_ref);
        if let ProcessingOutcome::Succeeded { relations, children, .. } = &commit.outcome {
            texts.refs.extend(relations.iter().flat_map(|relation| [&relation.source, &relation.target]));
            texts.relation_types.extend(relations.iter().map(|relation| &relation.relation_type));
            texts.refs.extend(children.iter().map(|child| &child.entity_ref));
            texts.keys.extend(children.iter().filter_map(|child| child.location_key.as_ref()));
        }
    }
    texts
}

/// The entities as they are now. Nobody takes them up while they are written.
const PRESENT: &str =
    "SELECT id, uid, urgency, node FROM entities WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";

/// Changed or asked for again since it was leased, its urgency is 1: then it stays due. Urgency and hash are compared
/// in one expression, or the queue's index would be used, which is full of rows that are gone. For nodes of older
/// versions a routine entity comes up at its due time; the others go by its round.
const FINISH: &str = "UPDATE entities SET urgency = 0, due = done.next_due, node = NULL
    FROM unnest($1::bigint[], $2::bigint[], $3::uuid[]) AS done (id, next_due, hash)
    WHERE entities.id = ANY($1) AND entities.id = done.id
        AND done.hash = CASE WHEN entities.urgency = 2 THEN entities.document_hash END
    RETURNING entities.id, entities.due";
/// A run of an older document ended after that of the present one: its outcome must not be the last.
const RUN_AGAIN: &str = "UPDATE entities SET urgency = 1, due = $3
    FROM unnest($1::bigint[], $2::uuid[]) AS done (id, hash)
    WHERE entities.id = ANY($1) AND entities.id = done.id
        AND done.hash <> CASE WHEN entities.urgency = 0 THEN entities.document_hash END";

/// What of a batch still counts, in order of ids.
struct Live<'a> {
    runs: Vec<(i64, &'a Prepared)>,
    /// Whether one of the entities is routine: then its document may have changed and been processed meanwhile.
    any_routine: bool,
}

impl PostgresStore {
    async fn try_commit_processed(
        &self,
        batch: &[Prepared],
        interned: &Interned,
        now: Timestamp,
    ) -> Result<CommitReport> {
        let mut writing = Writing::begin(self, ClaimLock::Shared, now).await?;
        if !self.stays_alive(&mut writing).await? {
            // Others have taken this over, and may rely on being alone.
            return Ok(CommitReport { dropped: batch.len(), ..CommitReport::default() });
        }
        let locked = lock_all(&mut writing, batch, interned).await?;
        let Live { runs: live, any_routine } = self.live(&mut writing, batch, interned).await?;
        let mut report = CommitReport { dropped: batch.len() - live.len(), ..CommitReport::default() };

        write_outputs(&mut writing, &live).await?;
        let related = write_relations(&mut writing, interned, &live).await?;
        writing.to_stitch.extend(related);
        write_refresh_keys(&mut writing, &live).await?;
        let children = child_claims(&mut writing, interned, &live).await?;
        lock_missed(&mut writing, &children, &locked).await?;
        report.children_written = children.new.len() + children.rewritten.len() + children.rekeyed.len();
        report.conflicts = write_claims(&mut writing, children).await?;
        write_caches(&mut writing, &live).await?;
        if any_routine {
            // Before others finish, or these would look like runs that ended long ago.
            run_again(&mut writing, &live).await?;
        }
        self.finish_runs(&mut writing, &live).await?;
        writing.finish().await?;
        Ok(report)
    }

    /// Those of a batch that are still what they were when they were taken up, and that no other node has taken
    /// over since. Of two for one entity the later counts.
    async fn live<'a>(
        &self,
        connection: &mut PgConnection,
        batch: &'a [Prepared],
        interned: &Interned,
    ) -> Result<Live<'a>> {
        let mut ids = batch
            .iter()
            .map(|prepared| interned.entity(&prepared.commit.entity_ref))
            .collect::<Result<Vec<i64>>>()?;
        ids.sort_unstable();
        let query = sqlx::query_as(PRESENT).bind(ids);
        let rows: Vec<(i64, Uuid, i16, Option<i32>)> =
            query.fetch_all(connection).await.map_err(database_error)?;
        let own = self.node_id();
        let any_routine = rows.iter().any(|(_, _, urgency, _)| *urgency == 0);
        let present: HashMap<i64, Uuid> = rows
            .into_iter()
            .filter(|(_, _, urgency, node)| *urgency != 2 || *node == Some(own))
            .map(|(id, uid, ..)| (id, uid))
            .collect();
        let mut live: BTreeMap<i64, &Prepared> = BTreeMap::new();
        for prepared in batch {
            let id = interned.entity(&prepared.commit.entity_ref)?;
            if present.get(&id) == Some(&stored_uid(prepared.commit.uid)) {
                live.insert(id, prepared);
            }
        }
        Ok(Live { runs: live.into_iter().collect(), any_routine })
    }

    async fn finish_runs(&self, writing: &mut Writing, live: &[(i64, &Prepared)]) -> Result<()> {
        if live.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = live.iter().map(|(id, _)| *id).collect();
        let hashes: Vec<Uuid> =
            live.iter().map(|(_, prepared)| stored_hash(&prepared.commit.document_hash)).collect();
        let next_due: Vec<i64> =
            live.iter().map(|(_, prepared)| self.to_stored(prepared.commit.next_due)).collect();
        let query = sqlx::query_as(FINISH).bind(ids).bind(next_due).bind(hashes);
        let routine: Vec<(i64, i64)> = query.fetch_all(&mut **writing).await.map_err(database_error)?;
        refresh_rounds::enter(writing, routine).await
    }
}

async fn run_again(writing: &mut Writing, live: &[(i64, &Prepared)]) -> Result<()> {
    let ids: Vec<i64> = live.iter().map(|(id, _)| *id).collect();
    let hashes: Vec<Uuid> =
        live.iter().map(|(_, prepared)| stored_hash(&prepared.commit.document_hash)).collect();
    let query = sqlx::query(RUN_AGAIN).bind(ids).bind(hashes).bind(writing.now);
    query.execute(&mut **writing).await.map_err(database_error)?;
    Ok(())
}

/// Locks the entities of a batch, and those that they claim or are about to claim. Returns what is locked.
async fn lock_all(
    connection: &mut PgConnection,
    batch: &[Prepared],
    interned: &Interned,
) -> Result<HashSet<i64>> {
    let (mut entities, mut sources) = (Vec::new(), Vec::new());
    for Prepared { commit, .. } in batch {
        let id = interned.entity(&commit.entity_ref)?;
        entities.push(id);
        if let ProcessingOutcome::Succeeded { children, .. } = &commit.outcome {
            sources.push(id);
            for child in children {
                entities.push(interned.entity(&child.entity_ref)?);
            }
        }
    }
    Ok(lock_entities_and_children(connection, &entities, &sources).await?.into_iter().collect())
}

/// Locks what a claim was released on that was made between looking for claims and locking. It may be out of order,
/// which at worst is a deadlock, and is tried again.
async fn lock_missed(
    connection: &mut PgConnection,
    changes: &ClaimChanges<'_>,
    locked: &HashSet<i64>,
) -> Result<()> {
    let released = changes.released.iter().map(|claim| claim.entity);
    let missed: Vec<i64> = released.filter(|entity| !locked.contains(entity)).collect();
    lock_entities(connection, &missed).await
}

/// What the batch's entities claim now, against what they claimed before.
async fn child_claims<'a>(
    connection: &mut PgConnection,
    interned: &Interned,
    live: &[(i64, &'a Prepared)],
) -> Result<ClaimChanges<'a>> {
    let succeeded = live.iter().filter_map(|(id, prepared)| match &prepared.commit.outcome {
        ProcessingOutcome::Succeeded { children, .. } => Some((*id, children.as_slice())),
        _ => None,
    });
    let succeeded: Vec<_> = succeeded.collect();
    let sources: Vec<i64> = succeeded.iter().map(|(id, _)| *id).collect();
    let mut stored: HashMap<i64, HashMap<i64, StoredClaim>> = HashMap::new();
    for claim in claims_of_sources(connection, &sources).await? {
        stored.entry(claim.source).or_default().insert(claim.entity, claim);
    }
    let mut changes = ClaimChanges::default();
    for (id, children) in succeeded {
        changes.compare(id, wanted_claims(interned, children)?, stored.remove(&id).unwrap_or_default());
    }
    Ok(changes)
}
