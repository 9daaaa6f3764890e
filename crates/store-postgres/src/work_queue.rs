//! Taking up what is due.

use std::collections::{HashMap, HashSet};

use callboard_store::{IsSettled, KnownRun, Result, TakenUp};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::PostgresStore;
use crate::due_entities::{DueRows, Taken};
use crate::error::database_error;
use crate::hashing::{document_hash, uid};
use crate::refresh_rounds::{self, Round, SIZE, more_due};

/// What is due and nobody else is taking up at this moment: what was leased too long ago, what is new or asked for, and
/// rounds of refreshes, as many as there is room left for, but no fewer than `$3` refreshes need.
const DUE: &str = "WITH
    expired AS MATERIALIZED (SELECT id, due FROM entities WHERE urgency = 2 AND due <= $1
        ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED),
    asked AS MATERIALIZED (SELECT id, due FROM entities WHERE urgency = 1 AND due <= $1
        ORDER BY due LIMIT $2 - (SELECT count(*) FROM expired) FOR UPDATE SKIP LOCKED),
    rounds AS MATERIALIZED (SELECT round, due, dues, members FROM refresh_rounds WHERE due <= $1 ORDER BY due
        LIMIT (greatest($2 - (SELECT count(*) FROM expired) - (SELECT count(*) FROM asked), $3) + 31) / 32
        FOR UPDATE SKIP LOCKED)
    SELECT id, due, NULL::bigint[], NULL::bigint[] FROM expired UNION ALL SELECT id, due, NULL, NULL FROM asked
    UNION ALL SELECT round, due, dues, members FROM rounds";
const LEASE_URGENT: &str = "UPDATE entities SET urgency = 2, due = $2, node = $3 WHERE id = ANY($1)";
/// All there is to know of the entities of rounds: the routine ones by uid and document, what last runs came to, and
/// who has a cache. Range by range, which costs a third of row by row; and put together here, since what a join makes
/// of it depends on how large the tables were when it was planned.
const RUNS: &str = "SELECT e.id, e.uid, e.document_hash FROM unnest($1::bigint[]) AS r (round) CROSS JOIN LATERAL
        (SELECT id, uid, document_hash FROM entities
        WHERE id >= round << 5 AND id <= (round << 5) + 31 AND urgency = 0 OFFSET 0) AS e
    UNION ALL SELECT o.entity_id, NULL, o.result_hash FROM unnest($1::bigint[]) AS r (round) CROSS JOIN LATERAL
        (SELECT entity_id, result_hash FROM outputs
        WHERE entity_id >= round << 5 AND entity_id <= (round << 5) + 31 AND result_hash IS NOT NULL OFFSET 0) AS o
    UNION ALL SELECT p.entity_id, NULL, NULL FROM unnest($1::bigint[]) AS r (round) CROSS JOIN LATERAL
        (SELECT entity_id FROM processor_caches
        WHERE entity_id >= round << 5 AND entity_id <= (round << 5) + 31 OFFSET 0) AS p";
/// Of the first rounds what is still routine; of the one after them whatever is in it, which may be too early.
const NEXT_DUE: &str = "SELECT least((SELECT min(due) FROM entities WHERE urgency = 1),
    (SELECT min(due) FROM entities WHERE urgency = 2),
    (SELECT due FROM refresh_rounds ORDER BY due OFFSET 4 LIMIT 1),
    (SELECT min((SELECT min(turns.due) FROM unnest(first.dues, first.members) AS turns (due, members)
        WHERE EXISTS (SELECT 1 FROM entities WHERE id >= first.round << 5 AND id <= (first.round << 5) + 31
            AND urgency = 0 AND turns.members >> (id & 31)::int & 1 = 1 OFFSET 0)))
    FROM (SELECT round, dues, members FROM refresh_rounds ORDER BY due LIMIT 4) AS first))";
/// How often rounds are looked for at most in one go, when most of their members are gone.
const LOOKS: usize = 8;
/// How many rounds are looked at then at a time.
const MOST_ROUNDS: usize = 256;

impl PostgresStore {
    pub(crate) async fn try_claim_due(
        &self,
        limit: usize,
        now: Timestamp,
        lease_until: Timestamp,
        next_due: Timestamp,
        is_settled: IsSettled<'_>,
    ) -> Result<TakenUp> {
        let mut transaction = self.write().await?;
        let (now, lease_until) = (self.to_stored(now), self.to_stored(lease_until));
        let ended = self.end_doubtful_leases(&mut transaction, now).await?;
        let reserved = if limit > 1 { (limit / 8).max(1) } else { 0 };
        let (mut urgent, rounds) = due(&mut transaction, now, limit, reserved).await?;
        if urgent.is_empty() && rounds.is_empty() && ended.is_empty() {
            return Ok(TakenUp::default());
        }
        let room = limit.saturating_sub(urgent.len()).max(reserved);
        let mut refreshes = Refreshes::new(now, self.to_stored(next_due), room);
        refreshes.take(&mut transaction, rounds, is_settled).await?;
        urgent.truncate(limit - refreshes.taken);
        if !urgent.is_empty() {
            let ids: Vec<i64> = urgent.iter().map(|(id, _)| *id).collect();
            let query = sqlx::query(LEASE_URGENT).bind(ids).bind(lease_until).bind(self.node_id());
            query.execute(&mut *transaction).await.map_err(database_error)?;
        }
        let settled = refreshes.taken - refreshes.unsettled.len();
        let urgent = urgent.into_iter().map(|(id, due)| Taken { id, due, urgent: true });
        let routine = refreshes.unsettled.into_iter().map(|(id, due)| Taken { id, due, urgent: false });
        let rows = DueRows::read(self, &mut transaction, urgent.chain(routine).collect()).await?;
        self.commit_leases(transaction, &ended, lease_until).await?;
        Ok(TakenUp { due: rows.into_due_entities(self)?, settled })
    }

    pub(crate) async fn read_next_due(&self) -> Result<Option<Timestamp>> {
        // It is asked for from the start, when there is nothing: what reads may then plan to read whole tables.
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(NEXT_DUE);
        let due: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        due.map(|due| self.local_time(due)).transpose()
    }
}

type DueOrRound = (i64, i64, Option<Vec<i64>>, Option<Vec<i64>>);

/// Locks what is urgent, with since when it is due, and rounds.
async fn due(
    connection: &mut PgConnection,
    now: i64,
    limit: usize,
    reserved: usize,
) -> Result<(Vec<(i64, i64)>, Vec<Round>)> {
    let query = sqlx::query_as(DUE)
        .bind(now)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(i64::try_from(reserved).unwrap_or(i64::MAX));
    let rows: Vec<DueOrRound> = query.fetch_all(connection).await.map_err(database_error)?;
    let (mut urgent, mut rounds) = (Vec::new(), Vec::new());
    for (id, due, dues, members) in rows {
        match dues.zip(members) {
            None => urgent.push((id, due)),
            Some((dues, members)) => rounds.push(Round::new(id, &dues, &members)),
        }
    }
    Ok((urgent, rounds))
}

/// Refreshes as they are taken up.
struct Refreshes {
    now: i64,
    next_due: i64,
    room: usize,
    taken: usize,
    /// What has to be processed, with since when it is due.
    unsettled: Vec<(i64, i64)>,
}

impl Refreshes {
    fn new(now: i64, next_due: i64, room: usize) -> Self {
        Self { now, next_due, room, taken: 0, unsettled: Vec::new() }
    }

    /// Until when what is taken up now may wait for others of its round: for half as long again.
    fn latest(&self) -> i64 {
        self.next_due.saturating_add(self.next_due.saturating_sub(self.now).max(0) / 2)
    }

    /// Takes up what is due in these rounds, which are locked, and in more if they do not fill the room.
    async fn take(
        &mut self,
        connection: &mut PgConnection,
        mut rounds: Vec<Round>,
        is_settled: IsSettled<'_>,
    ) -> Result<()> {
        let mut wanted = self.room.div_ceil(SIZE);
        let mut seen = Vec::new();
        for _ in 0..LOOKS {
            if rounds.is_empty() {
                break;
            }
            let is_last = rounds.len() < wanted;
            seen.extend(rounds.iter().map(|round| round.number));
            self.take_rounds(connection, rounds, is_settled).await?;
            if is_last || self.room == 0 || self.taken > 0 && self.room < SIZE {
                break;
            }
            wanted = (2 * wanted).min(MOST_ROUNDS);
            rounds = more_due(connection, self.now, wanted, &seen).await?;
        }
        Ok(())
    }

    async fn take_rounds(
        &mut self,
        connection: &mut PgConnection,
        rounds: Vec<Round>,
        is_settled: IsSettled<'_>,
    ) -> Result<()> {
        let runs = routine_runs(connection, rounds.iter().map(|round| round.number).collect()).await?;
        let mut changed = Vec::with_capacity(rounds.len());
        for mut round in rounds {
            let (mut present, others): (Vec<_>, Vec<_>) =
                round.due_members(self.now).into_iter().partition(|(id, _)| runs.contains_key(id));
            // Even if it comes up too early: then its time is put right.
            let mut is_changed = present.is_empty() || !others.is_empty();
            // Who finishes an urgent run enters it again.
            round.remove(others.into_iter().map(|(id, _)| id));
            // A round that comes apart has to be written twice from then on. But nothing must not mean that there is
            // nothing.
            if self.taken == 0 {
                present.truncate(self.room);
            }
            if present.len() <= self.room {
                round.put(present.iter().map(|(id, _)| *id), self.next_due, self.latest());
                self.room -= present.len();
                self.taken += present.len();
                let is_due = |(id, _): &(i64, i64)| !runs.get(id).copied().flatten().is_some_and(is_settled);
                self.unsettled.extend(present.into_iter().filter(is_due));
                is_changed = true;
            }
            if is_changed {
                changed.push(round);
            }
        }
        refresh_rounds::write(connection, &changed).await
    }
}

/// The routine entities of rounds, each with its last run if that can be settled. What left something in the cache never
/// is.
async fn routine_runs(
    connection: &mut PgConnection,
    rounds: Vec<i64>,
) -> Result<HashMap<i64, Option<KnownRun>>> {
    if rounds.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sqlx::query_as(RUNS).bind(rounds);
    let rows: Vec<(i64, Option<Uuid>, Option<Uuid>)> =
        query.fetch_all(connection).await.map_err(database_error)?;
    let (mut entities, mut results, mut cached) = (Vec::new(), HashMap::new(), HashSet::new());
    for (id, entity, hash) in rows {
        match (entity, hash) {
            (Some(entity), Some(document)) => entities.push((id, entity, document)),
            (None, Some(result)) => _ = results.insert(id, result),
            _ => _ = cached.insert(id),
        }
    }
    let runs = entities.into_iter().map(|(id, entity, document)| {
        let result = results.get(&id).filter(|_| !cached.contains(&id));
        let known = result.map(|result| KnownRun {
            uid: uid(entity),
            document_hash: document_hash(document),
            result_hash: document_hash(*result),
        });
        (id, known)
    });
    Ok(runs.collect())
}
