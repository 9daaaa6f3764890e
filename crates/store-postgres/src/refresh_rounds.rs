//! When routine entities come up again.
//!
//! Taking one up must not write its row: a new version of it means an entry in every index. So what comes up when is
//! kept aside, in rounds of [`SIZE`] entities with neighbouring ids. These were mostly made together, come up together,
//! and then cost one short row.
//!
//! A round is locked by whoever changes it. Taking up passes over those that are locked, and waits for nobody; whoever
//! waits locks them last but for stitch marks, in order of their numbers.

use std::collections::{BTreeMap, HashMap};

use callboard_store::Result;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};

use crate::error::database_error;

/// How many entities share a round; the statements here know it as 5 bits. Not more than the least that the engine
/// takes up at a time, or rounds would come apart by it.
pub(crate) const SIZE: usize = 32;
const BITS: u32 = SIZE.trailing_zeros();

/// The routine entities of a round, by when they come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) number: i64,
    turns: Vec<Turn>,
}

/// Those of a round that come up at one time: the entity whose id ends in `n` is bit `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    due: i64,
    members: u32,
}

/// The round of an entity.
pub(crate) fn round_of(id: i64) -> i64 {
    id >> BITS
}

fn bit_of(id: i64) -> u32 {
    1 << (id & ((1 << BITS) - 1))
}

impl Round {
    /// Those that are due, with since when; those that have waited longest first.
    pub(crate) fn due_members(&self, now: i64) -> Vec<(i64, i64)> {
        let mut due: Vec<Turn> = self.turns.iter().filter(|turn| turn.due <= now).copied().collect();
        due.sort_unstable_by_key(|turn| turn.due);
        let ids = |members: u32| (0..u32::BITS).filter(move |bit| members >> bit & 1 == 1);
        let first = self.number << BITS;
        due.iter().flat_map(|turn| ids(turn.members).map(|bit| (first + i64::from(bit), turn.due))).collect()
    }

    /// Takes entities out.
    pub(crate) fn remove(&mut self, ids: impl IntoIterator<Item = i64>) {
        self.remove_members(members_of(ids));
    }

    /// Has entities come up at `due`; or with others of the round somewhat later, at `latest`, so that they go together
    /// from then on.
    pub(crate) fn put(&mut self, ids: impl IntoIterator<Item = i64>, due: i64, latest: i64) {
        let members = members_of(ids);
        if members == 0 {
            return;
        }
        self.remove_members(members);
        let companions = self.turns.iter_mut().filter(|turn| (due..=latest).contains(&turn.due));
        match companions.min_by_key(|turn| turn.due) {
            Some(turn) => turn.members |= members,
            None => self.turns.push(Turn { due, members }),
        }
    }

    fn remove_members(&mut self, members: u32) {
        for turn in &mut self.turns {
            turn.members &= !members;
        }
        self.turns.retain(|turn| turn.members != 0);
    }
}

fn members_of(ids: impl IntoIterator<Item = i64>) -> u32 {
    ids.into_iter().fold(0, |members, id| members | bit_of(id))
}

impl<'r> FromRow<'r, PgRow> for Round {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let (dues, members): (Vec<i64>, Vec<i64>) = (row.try_get("dues")?, row.try_get("members")?);
        Ok(Self::new(row.try_get("round")?, &dues, &members))
    }
}

impl Round {
    pub(crate) fn new(number: i64, dues: &[i64], members: &[i64]) -> Self {
        let turns = dues.iter().zip(members).map(|(due, members)| Turn {
            due: *due,
            // Only bits that stand for an entity are ever set.
            members: u32::try_from(*members).unwrap_or(u32::MAX),
        });
        Self { number, turns: turns.collect() }
    }
}

const MORE_DUE: &str = "SELECT round, dues, members FROM refresh_rounds
    WHERE due <= $1 AND round <> ALL($3) ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED";

/// Locks rounds that are due, those apart that were looked at.
pub(crate) async fn more_due(
    connection: &mut PgConnection,
    now: i64,
    limit: usize,
    seen: &[i64],
) -> Result<Vec<Round>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let query = sqlx::query_as(MORE_DUE).bind(now).bind(limit).bind(seen);
    query.fetch_all(connection).await.map_err(database_error)
}

const WRITE: &str = "UPDATE refresh_rounds SET due = new.due, dues = new.dues, members = new.members
    FROM (SELECT round, min(due) AS due, array_agg(due) AS dues, array_agg(members) AS members
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS turns (round, due, members) GROUP BY round) AS new
    WHERE refresh_rounds.round = ANY($1) AND refresh_rounds.round = new.round";
const REMOVE: &str = "DELETE FROM refresh_rounds WHERE round = ANY($1)";

/// Writes rounds that are locked.
pub(crate) async fn write(connection: &mut PgConnection, rounds: &[Round]) -> Result<()> {
    let empty: Vec<i64> =
        rounds.iter().filter(|round| round.turns.is_empty()).map(|round| round.number).collect();
    if !empty.is_empty() {
        let query = sqlx::query(REMOVE).bind(&empty);
        query.execute(&mut *connection).await.map_err(database_error)?;
    }
    if empty.len() < rounds.len() {
        let (mut numbers, mut dues, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for round in rounds {
            for turn in &round.turns {
                numbers.push(round.number);
                dues.push(turn.due);
                members.push(i64::from(turn.members));
            }
        }
        let query = sqlx::query(WRITE).bind(numbers).bind(dues).bind(members);
        query.execute(connection).await.map_err(database_error)?;
    }
    Ok(())
}

/// Makes those that are missing and locks the others, in one go: what is there may be gone a moment later.
const LOCK: &str = "INSERT INTO refresh_rounds AS present (round, due, dues, members)
    SELECT round, 0, '{}', '{}' FROM unnest($1::bigint[]) AS wanted (round) ORDER BY round
    ON CONFLICT (round) DO UPDATE SET due = present.due RETURNING round, dues, members";

/// Has entities that are routine from now on come up at their times.
pub(crate) async fn enter(connection: &mut PgConnection, entities: Vec<(i64, i64)>) -> Result<()> {
    if entities.is_empty() {
        return Ok(());
    }
    let mut numbers: Vec<i64> = entities.iter().map(|(id, _)| round_of(*id)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let query = sqlx::query_as(LOCK).bind(numbers);
    let mut rounds: Vec<Round> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
    enter_in(&mut rounds, entities);
    write(connection, &rounds).await
}

fn enter_in(rounds: &mut [Round], entities: Vec<(i64, i64)>) {
    let mut by_due: BTreeMap<(i64, i64), Vec<i64>> = BTreeMap::new();
    for (id, due) in entities {
        by_due.entry((round_of(id), due)).or_default().push(id);
    }
    let mut rounds: HashMap<i64, &mut Round> = rounds.iter_mut().map(|round| (round.number, round)).collect();
    for ((number, due), ids) in by_due {
        if let Some(round) = rounds.get_mut(&number) {
            round.put(ids, due, due);
        }
    }
}

const ENTER_MISSING: &str = "INSERT INTO refresh_rounds AS present (round, due, dues, members)
    SELECT routine.round, routine.due, ARRAY[routine.due], ARRAY[routine.members & ~coalesce(known.members, 0)]
    FROM (SELECT id >> 5 AS round, min(due) AS due, bit_or(1::bigint << (id & 31)::int) AS members
        FROM entities WHERE urgency = 0 GROUP BY id >> 5) AS routine
    LEFT JOIN (SELECT round, (SELECT bit_or(m) FROM unnest(members) AS m) AS members FROM refresh_rounds) AS known
        ON known.round = routine.round
    WHERE routine.members & ~coalesce(known.members, 0) <> 0 ORDER BY routine.round
    ON CONFLICT (round) DO UPDATE SET due = least(present.due, excluded.due),
        dues = present.dues || excluded.dues, members = present.members || excluded.members";

/// Enters routine entities that are in no round: a node of an older version made them so, which knows of none. Returns
/// how many rounds had to be changed.
pub(crate) async fn enter_missing(connection: &mut PgConnection) -> Result<u64> {
    let done = sqlx::query(ENTER_MISSING).execute(connection).await.map_err(database_error)?;
    Ok(done.rows_affected())
}

/// Gives a line for every routine entity that never comes up, and every round that comes up at a wrong time.
pub(crate) const VIOLATIONS: &str = "SELECT r.text || ' is routine and in no round'
    FROM entities e JOIN refs r ON r.id = e.id LEFT JOIN refresh_rounds rounds ON rounds.round = e.id >> 5
    WHERE e.urgency = 0 AND NOT coalesce(
        (SELECT bit_or(m) FROM unnest(rounds.members) AS m) >> (e.id & 31)::int & 1 = 1, false)
    UNION ALL
    SELECT 'round ' || round || ' comes up at ' || due FROM refresh_rounds
    WHERE due IS DISTINCT FROM (SELECT min(d) FROM unnest(dues) AS d) OR cardinality(dues) <> cardinality(members)";
const REMOVE_WRONG: &str = "DELETE FROM refresh_rounds
    WHERE due IS DISTINCT FROM (SELECT min(d) FROM unnest(dues) AS d) OR cardinality(dues) <> cardinality(members)";

/// Mends what [`VIOLATIONS`] finds. Returns how many rounds it was.
pub(crate) async fn repair(connection: &mut PgConnection) -> Result<u64> {
    let removed = sqlx::query(REMOVE_WRONG).execute(&mut *connection).await.map_err(database_error)?;
    Ok(enter_missing(connection).await?.max(removed.rows_affected()))
}

#[cfg(test)]
mod tests {
    use super::{Round, enter_in};

    fn round() -> Round {
        Round::new(2, &[], &[])
    }

    #[test]
    fn members_come_up_by_time() {
        let mut round = round();
        round.put([64, 95], 500, 500);
        round.put([70], 100, 100);
        assert_eq!(round.due_members(99), []);
        assert_eq!(round.due_members(499), [(70, 100)]);
        assert_eq!(round.due_members(500), [(70, 100), (64, 500), (95, 500)]);
    }

    #[test]
    fn who_is_put_somewhere_is_nowhere_else() {
        let mut round = round();
        round.put([64, 65], 100, 100);
        round.put([65], 1000, 1000);
        round.put([64], 1000, 1000);
        assert_eq!(round.due_members(999), []);
        assert_eq!(round.due_members(1000), [(64, 1000), (65, 1000)]);
        round.remove([64]);
        assert_eq!(round.due_members(1000), [(65, 1000)]);
    }

    #[test]
    fn who_comes_up_a_little_earlier_than_others_waits_for_them() {
        let mut round = round();
        round.put([64], 1400, 2100);
        round.put([65], 1000, 1500);
        round.put([66], 900, 1350);
        round.put([67], 1401, 2100);
        assert_eq!(round.due_members(2000), [(66, 900), (64, 1400), (65, 1400), (67, 1401)]);
    }

    #[test]
    fn who_is_entered_comes_up_at_its_time() {
        let mut rounds = [round(), Round::new(3, &[], &[])];
        enter_in(&mut rounds, vec![(64, 1000), (65, 1200), (66, 1000), (96, 900)]);
        assert_eq!(rounds[0].due_members(1200), [(64, 1000), (66, 1000), (65, 1200)]);
        assert_eq!(rounds[1].due_members(1200), [(96, 900)]);
    }
}
