use std::collections::HashSet;

use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::{
    BucketShare, Incremental, IngestionAction, IngestionCounts, IngestionMark, IngestionPass,
    IngestionStatus, MutationReport, NewClaim, ProviderMutation, ProviderName, Result, StoreError,
    SweepPosition, Swept, Uid, Wakeup,
};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::PostgresStore;
use crate::connection::commit;
use crate::error::database_error;
use crate::hashing::{stored_uid, uid};
use crate::ingestion::{mutate, texts};
use crate::interning::{Interned, entity_ref, lock_provider};
use crate::locks::ClaimLock;
use crate::retries::retrying;
use crate::writing::Writing;

const OPEN: &str =
    "SELECT id, provider, status, next_action, next_action_at, last_error, attempts, created_at,
        ingestion_completed_at, rest_completed_at, version
    FROM ingestion_passes WHERE provider = $1 AND rest_completed_at IS NULL";
const INSERT: &str = "INSERT INTO ingestion_passes (id, provider, status, next_action, next_action_at,
        last_error, attempts, created_at, ingestion_completed_at, rest_completed_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const UPDATE: &str = "UPDATE ingestion_passes SET status = $2, next_action = $3, next_action_at = $4,
        last_error = $5, attempts = $6, ingestion_completed_at = $7, rest_completed_at = $8, version = $9 + 1
    WHERE id = $1 AND version = $9";
const MARKS: &str = "SELECT m.id, p.id, m.sequence, m.cursor, m.created_at
    FROM ingestion_passes p JOIN ingestion_marks m ON m.pass = p.number WHERE p.id = $1
    ORDER BY m.sequence DESC LIMIT $2";
/// Only what still reads pages takes one.
const INSERT_MARK: &str = "INSERT INTO ingestion_marks (pass, sequence, id, cursor, created_at)
    SELECT number, $2, $3, $4, $5 FROM ingestion_passes
    WHERE id = $1 AND rest_completed_at IS NULL AND next_action = $6
    ON CONFLICT (pass, sequence) DO NOTHING";
const PASS_NUMBER: &str = "SELECT number FROM ingestion_passes WHERE id = $1";
const LATEST_PASS: &str = "SELECT max(number) FROM ingestion_passes WHERE provider = $1";
const SEE: &str = "INSERT INTO ingestion_seen (source_id, entity_id, pass)
    SELECT DISTINCT $2::bigint, id, $3::bigint FROM unnest($1::bigint[]) AS seen (id)
    ON CONFLICT (source_id, entity_id) DO UPDATE SET pass = excluded.pass";
const UNSEE: &str = "DELETE FROM ingestion_seen WHERE entity_id = ANY($1) AND source_id = $2";
const SHARE: &str = "SELECT count(*), count(*) FILTER (WHERE s.pass IS NULL OR s.pass <> $2) FROM claims c
    LEFT JOIN ingestion_seen s ON s.source_id = c.source_id AND s.entity_id = c.entity_id
    WHERE c.source_id = $1";
/// What no pass has seen, as after everything was forgotten, was not seen by one that never was.
const NEVER_SEEN: &str = "INSERT INTO ingestion_seen (source_id, entity_id, pass)
    SELECT c.source_id, c.entity_id, 0 FROM claims c WHERE c.source_id = $1 AND NOT EXISTS
        (SELECT 1 FROM ingestion_seen s WHERE s.source_id = c.source_id AND s.entity_id = c.entity_id)
    ON CONFLICT (source_id, entity_id) DO NOTHING";
/// In the order of the primary key, so that a sweep looks at each row once.
const UNSEEN: &str = "SELECT entity_id FROM ingestion_seen
    WHERE source_id = $1 AND entity_id > $4 AND pass <> $2 ORDER BY entity_id LIMIT $3";
const REFS: &str = "SELECT r.text FROM unnest($1::bigint[]) AS u (id) JOIN refs r ON r.id = u.id";
const SEEN_SINCE: &str = "SELECT entity_id FROM ingestion_seen
    WHERE source_id = $1 AND entity_id = ANY($2) AND pass = $3";
const READING_PASS: &str = "SELECT number FROM ingestion_passes
    WHERE id = $1 AND rest_completed_at IS NULL AND next_action = $2";
const FORGET_MARKS: &str = "DELETE FROM ingestion_marks WHERE pass IN
    (SELECT number FROM ingestion_passes WHERE provider = $1 AND ($2 OR rest_completed_at IS NOT NULL))";
const FORGET_PASSES: &str =
    "DELETE FROM ingestion_passes WHERE provider = $1 AND ($2 OR rest_completed_at IS NOT NULL)";

#[async_trait]
impl Incremental for PostgresStore {
    async fn open_pass(&self, provider: &ProviderName) -> Result<Option<IngestionPass>> {
        retrying!(self, self.read_open_pass(provider))
    }

    async fn begin_pass(&self, pass: IngestionPass) -> Result<IngestionPass> {
        retrying!(self, self.try_begin_pass(&pass))
    }

    async fn update_pass(&self, pass: IngestionPass) -> Result<bool> {
        retrying!(self, self.try_update_pass(&pass))
    }

    async fn incremental_providers(&self) -> Result<Vec<ProviderName>> {
        retrying!(self, self.read_incremental_providers())
    }

    async fn marks(&self, pass: Uid, limit: usize) -> Result<Vec<IngestionMark>> {
        retrying!(self, self.read_marks(pass, limit))
    }

    async fn apply_page(
        &self,
        provider: &ProviderName,
        mark: IngestionMark,
        claims: Vec<NewClaim>,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let mutation = ProviderMutation::Delta { added: claims, removed: Vec::new() };
        self.apply_seen(provider, &mutation, SeenIn::Page(&mark), now).await
    }

    async fn apply_between_pages(
        &self,
        provider: &ProviderName,
        added: Vec<NewClaim>,
        removed: Vec<EntityRef>,
        now: Timestamp,
    ) -> Result<MutationReport> {
        let mutation = ProviderMutation::Delta { added, removed };
        Ok(self.apply_seen(provider, &mutation, SeenIn::LatestPass, now).await?.unwrap_or_default())
    }

    async fn unseen(&self, provider: &ProviderName, pass: Uid) -> Result<BucketShare> {
        retrying!(self, self.read_unseen_share(provider, pass))
    }

    async fn sweep(
        &self,
        provider: &ProviderName,
        pass: Uid,
        after: Option<SweepPosition>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Swept> {
        let after = if let Some(SweepPosition(entity)) = after {
            entity
        } else {
            retrying!(self, self.note_never_seen(provider))?;
            0
        };
        let (last, removed) = retrying!(self, self.read_unseen(provider, pass, after, limit))?;
        if removed.is_empty() {
            return Ok(Swept::default());
        }
        let next = (removed.len() == limit).then_some(SweepPosition(last));
        let mutation = ProviderMutation::Delta { added: Vec::new(), removed };
        let swept = self.apply_seen(provider, &mutation, SeenIn::Sweep(pass), now).await?;
        Ok(swept.map_or_else(Swept::default, |report| Swept { report, next }))
    }

    async fn forget_ended(&self, provider: &ProviderName) -> Result<IngestionCounts> {
        retrying!(self, self.try_forget_ended(provider))
    }

    async fn purge(&self, pass: IngestionPass) -> Result<IngestionCounts> {
        retrying!(self, self.try_purge(&pass))
    }
}

/// In which pass what is added counts as seen.
#[derive(Clone, Copy)]
enum SeenIn<'a> {
    /// In that of this mark, which is written with it.
    Page(&'a IngestionMark),
    /// In the latest of the provider.
    LatestPass,
    /// Nothing is added: what is removed was not seen in this one.
    Sweep(Uid),
}

/// What applying a page came to.
enum Applied {
    Done(MutationReport),
    /// The pass takes no such page.
    Refused,
    /// The claim lock has to be taken alone.
    NeedsLockAlone,
}

impl PostgresStore {
    async fn read_open_pass(&self, provider: &ProviderName) -> Result<Option<IngestionPass>> {
        let mut transaction = self.read().await?;
        self.open_pass_of(&mut transaction, provider).await
    }

    async fn open_pass_of(
        &self,
        connection: &mut PgConnection,
        provider: &ProviderName,
    ) -> Result<Option<IngestionPass>> {
        let query = sqlx::query_as(OPEN).bind(provider.as_str());
        let row: Option<PassRow> = query.fetch_optional(connection).await.map_err(database_error)?;
        row.map(|row| self.ingestion_pass(row)).transpose()
    }

    async fn try_begin_pass(&self, pass: &IngestionPass) -> Result<IngestionPass> {
        let mut transaction = self.write().await?;
        // One node at a time begins one.
        lock_provider(&mut transaction, &pass.provider).await?;
        if let Some(open) = self.open_pass_of(&mut transaction, &pass.provider).await? {
            return Ok(open);
        }
        self.insert_pass(&mut transaction, pass).await?;
        commit(transaction).await?;
        Ok(pass.clone())
    }

    async fn try_update_pass(&self, pass: &IngestionPass) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(UPDATE)
            .bind(stored_uid(pass.id))
            .bind(status_number(pass.status))
            .bind(action_number(pass.next_action))
            .bind(self.to_stored(pass.next_action_at))
            .bind(&pass.last_error)
            .bind(i64::from(pass.attempts))
            .bind(pass.ingestion_completed_at.map(|time| self.to_stored(time)))
            .bind(pass.rest_completed_at.map(|time| self.to_stored(time)))
            .bind(pass.version.cast_signed());
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn read_incremental_providers(&self) -> Result<Vec<ProviderName>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar("SELECT DISTINCT provider FROM ingestion_passes ORDER BY provider");
        let names: Vec<String> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        Ok(names.iter().map(|name| ProviderName::new(name)).collect())
    }

    async fn read_marks(&self, pass: Uid, limit: usize) -> Result<Vec<IngestionMark>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(MARKS).bind(stored_uid(pass)).bind(limit_number(limit));
        let rows: Vec<MarkRow> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let marks = rows.into_iter().map(|(id, pass, sequence, cursor, created_at)| {
            Ok(IngestionMark {
                id: uid(id),
                pass: uid(pass),
                sequence: sequence.unsigned_abs(),
                cursor,
                created_at: self.local_time(created_at)?,
            })
        });
        marks.collect()
    }

    async fn read_unseen_share(&self, provider: &ProviderName, pass: Uid) -> Result<BucketShare> {
        let mut transaction = self.read().await?;
        let pass = pass_number(&mut transaction, pass).await?;
        let Some(source) = source_id(&mut transaction, provider).await? else {
            return Ok(BucketShare::default());
        };
        let query = sqlx::query_as(SHARE).bind(source).bind(pass);
        let (total, part): (i64, i64) = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        Ok(BucketShare { total: total.unsigned_abs(), part: part.unsigned_abs() })
    }

    async fn note_never_seen(&self, provider: &ProviderName) -> Result<()> {
        let mut transaction = self.write().await?;
        let source = lock_provider(&mut transaction, provider).await?;
        sqlx::query(NEVER_SEEN).bind(source).execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await
    }

    /// What a pass has not seen, and the number of the last of them.
    async fn read_unseen(
        &self,
        provider: &ProviderName,
        pass: Uid,
        after: i64,
        limit: usize,
    ) -> Result<(i64, Vec<EntityRef>)> {
        let mut transaction = self.read().await?;
        let pass = pass_number(&mut transaction, pass).await?;
        let Some(source) = source_id(&mut transaction, provider).await? else { return Ok((0, Vec::new())) };
        let query = sqlx::query_scalar(UNSEEN).bind(source).bind(pass).bind(limit_number(limit)).bind(after);
        let unseen: Vec<i64> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let last = unseen.last().copied().unwrap_or_default();
        let query = sqlx::query_scalar(REFS).bind(unseen);
        let refs: Vec<String> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        Ok((last, refs.iter().map(|text| entity_ref(text)).collect::<Result<_>>()?))
    }

    async fn try_forget_ended(&self, provider: &ProviderName) -> Result<IngestionCounts> {
        let mut transaction = self.write().await?;
        let counts = forget(&mut transaction, provider, false).await?;
        commit(transaction).await?;
        Ok(counts)
    }

    async fn try_purge(&self, pass: &IngestionPass) -> Result<IngestionCounts> {
        let mut transaction = self.write().await?;
        let source = lock_provider(&mut transaction, &pass.provider).await?;
        let mut counts = forget(&mut transaction, &pass.provider, true).await?;
        let query = sqlx::query("DELETE FROM ingestion_seen WHERE source_id = $1").bind(source);
        counts.seen = query.execute(&mut *transaction).await.map_err(database_error)?.rows_affected();
        self.insert_pass(&mut transaction, pass).await?;
        commit(transaction).await?;
        Ok(counts)
    }

    /// Applies a delta whose added entities count as seen. `None`: the pass takes no such page.
    async fn apply_seen(
        &self,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        seen_in: SeenIn<'_>,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let interned = self.intern(&texts(mutation)).await?;
        let mut lock = if matches!(seen_in, SeenIn::Sweep(_)) { ClaimLock::Alone } else { ClaimLock::Shared };
        let report = loop {
            let applied =
                retrying!(self, self.try_apply_seen(lock, provider, mutation, seen_in, &interned, now));
            match applied? {
                Applied::Done(report) => break Some(report),
                Applied::Refused => break None,
                Applied::NeedsLockAlone => lock = ClaimLock::Alone,
            }
        };
        self.notify(&[Wakeup::Processing, Wakeup::Stitching, Wakeup::Index]).await;
        Ok(report)
    }

    async fn try_apply_seen(
        &self,
        lock: ClaimLock,
        provider: &ProviderName,
        mut mutation: &ProviderMutation,
        seen_in: SeenIn<'_>,
        interned: &Interned,
        now: Timestamp,
    ) -> Result<Applied> {
        let remaining;
        let mut writing = Writing::begin(self, lock, now).await?;
        let source = lock_provider(&mut writing, provider).await?;
        let pass = match seen_in {
            SeenIn::Page(mark) => {
                let query = sqlx::query(INSERT_MARK)
                    .bind(stored_uid(mark.pass))
                    .bind(mark.sequence.cast_signed())
                    .bind(stored_uid(mark.id))
                    .bind(&mark.cursor)
                    .bind(self.to_stored(mark.created_at))
                    .bind(action_number(IngestionAction::Ingest));
                let done = query.execute(&mut *writing).await.map_err(database_error)?;
                if done.rows_affected() == 0 {
                    return Ok(Applied::Refused);
                }
                pass_number(&mut writing, mark.pass).await?
            }
            SeenIn::LatestPass => {
                let query = sqlx::query_scalar(LATEST_PASS).bind(provider.as_str());
                let pass: Option<i64> = query.fetch_one(&mut *writing).await.map_err(database_error)?;
                pass.unwrap_or_default()
            }
            SeenIn::Sweep(pass) => {
                let query = sqlx::query_scalar(READING_PASS).bind(stored_uid(pass));
                let query = query.bind(action_number(IngestionAction::Ingest));
                let pass = query.fetch_optional(&mut *writing).await.map_err(database_error)?;
                let Some(pass) = pass else { return Ok(Applied::Refused) };
                remaining = without_seen(&mut writing, interned, source, pass, mutation).await?;
                mutation = &remaining;
                pass
            }
        };
        let Some(mut report) = mutate(&mut writing, interned, provider, mutation).await? else {
            return Ok(Applied::NeedsLockAlone);
        };
        if let ProviderMutation::Delta { added, removed } = mutation {
            let ids = removed.iter().map(|gone| interned.entity(gone)).collect::<Result<Vec<i64>>>()?;
            let unsee = sqlx::query(UNSEE).bind(ids).bind(source);
            unsee.execute(&mut *writing).await.map_err(database_error)?;
            let ids = added.iter().map(|claim| interned.entity(&claim.entity_ref));
            let see = sqlx::query(SEE).bind(ids.collect::<Result<Vec<i64>>>()?).bind(source).bind(pass);
            see.execute(&mut *writing).await.map_err(database_error)?;
        }
        report.sequence = writing.finish().await?;
        Ok(Applied::Done(report))
    }

    async fn insert_pass(&self, connection: &mut PgConnection, pass: &IngestionPass) -> Result<()> {
        let query = sqlx::query(INSERT)
            .bind(stored_uid(pass.id))
            .bind(pass.provider.as_str())
            .bind(status_number(pass.status))
            .bind(action_number(pass.next_action))
            .bind(self.to_stored(pass.next_action_at))
            .bind(&pass.last_error)
            .bind(i64::from(pass.attempts))
            .bind(self.to_stored(pass.created_at))
            .bind(pass.ingestion_completed_at.map(|time| self.to_stored(time)))
            .bind(pass.rest_completed_at.map(|time| self.to_stored(time)))
            .bind(pass.version.cast_signed());
        query.execute(connection).await.map_err(database_error)?;
        Ok(())
    }

    fn ingestion_pass(&self, row: PassRow) -> Result<IngestionPass> {
        let (
            id,
            provider,
            status,
            action,
            action_at,
            last_error,
            attempts,
            created,
            completed,
            ended,
            version,
        ) = row;
        let status = STATUSES.get(usize::try_from(status).unwrap_or(usize::MAX));
        let action = ACTIONS.get(usize::try_from(action).unwrap_or(usize::MAX));
        let unknown = || StoreError::Corrupt("the state of an ingestion is none".to_owned());
        Ok(IngestionPass {
            id: uid(id),
            provider: ProviderName::new(&provider),
            status: *status.ok_or_else(unknown)?,
            next_action: *action.ok_or_else(unknown)?,
            next_action_at: self.local_time(action_at)?,
            last_error,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            created_at: self.local_time(created)?,
            ingestion_completed_at: completed.map(|time| self.local_time(time)).transpose()?,
            rest_completed_at: ended.map(|time| self.local_time(time)).transpose()?,
            version: version.unsigned_abs(),
        })
    }
}

/// The same removals but for what a pass has seen after all: an event may have brought it since.
async fn without_seen(
    connection: &mut PgConnection,
    interned: &Interned,
    source: i64,
    pass: i64,
    mutation: &ProviderMutation,
) -> Result<ProviderMutation> {
    let ProviderMutation::Delta { removed, .. } = mutation else { return Ok(mutation.clone()) };
    let ids = removed.iter().map(|gone| interned.entity(gone)).collect::<Result<Vec<i64>>>()?;
    let query = sqlx::query_scalar(SEEN_SINCE).bind(source).bind(&ids).bind(pass);
    let seen: Vec<i64> = query.fetch_all(connection).await.map_err(database_error)?;
    let seen: HashSet<i64> = seen.into_iter().collect();
    let gone = removed.iter().zip(ids).filter(|(_, id)| !seen.contains(id)).map(|(gone, _)| gone.clone());
    Ok(ProviderMutation::Delta { added: Vec::new(), removed: gone.collect() })
}

type PassRow = (Uuid, String, i64, i64, i64, Option<String>, i64, i64, Option<i64>, Option<i64>, i64);
type MarkRow = (Uuid, Uuid, i64, Option<String>, i64);

/// Forgets the passes that have ended, or all.
async fn forget(
    connection: &mut PgConnection,
    provider: &ProviderName,
    all: bool,
) -> Result<IngestionCounts> {
    let mut counts = IngestionCounts::default();
    for (statement, count) in [(FORGET_MARKS, &mut counts.marks), (FORGET_PASSES, &mut counts.passes)] {
        let query = sqlx::query(statement).bind(provider.as_str()).bind(all);
        *count = query.execute(&mut *connection).await.map_err(database_error)?.rows_affected();
    }
    Ok(counts)
}

async fn pass_number(connection: &mut PgConnection, pass: Uid) -> Result<i64> {
    let query = sqlx::query_scalar(PASS_NUMBER).bind(stored_uid(pass));
    let number: Option<i64> = query.fetch_optional(connection).await.map_err(database_error)?;
    // A pass that is forgotten has seen nothing.
    Ok(number.unwrap_or_default())
}

async fn source_id(connection: &mut PgConnection, provider: &ProviderName) -> Result<Option<i64>> {
    let query = sqlx::query_scalar("SELECT -id FROM providers WHERE name = $1").bind(provider.as_str());
    query.fetch_optional(connection).await.map_err(database_error)
}

fn limit_number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The numbers that the database keeps are the places in these lists.
const STATUSES: [IngestionStatus; 6] = [
    IngestionStatus::Bursting,
    IngestionStatus::Interstitial,
    IngestionStatus::Resting,
    IngestionStatus::BackingOff,
    IngestionStatus::Canceling,
    IngestionStatus::Complete,
];
const ACTIONS: [IngestionAction; 6] = [
    IngestionAction::Ingest,
    IngestionAction::Backoff,
    IngestionAction::Rest,
    IngestionAction::Cancel,
    IngestionAction::NothingDone,
    IngestionAction::NothingCanceled,
];

const fn status_number(status: IngestionStatus) -> i64 {
    status as i64
}

const fn action_number(action: IngestionAction) -> i64 {
    action as i64
}
