use async_trait::async_trait;
use callboard_model::EntityRef;
use callboard_store::{
    BucketShare, Incremental, IngestionAction, IngestionCounts, IngestionMark, IngestionPass,
    IngestionStatus, MutationReport, NewClaim, ProviderMutation, ProviderName, Result, StoreError,
    SweepPosition, Swept, Uid,
};
use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::interning::{entity_ref, intern_provider};
use crate::processing::timestamp;
use crate::row_set::{id_list, text_list};
use crate::{SqliteStore, database_error};

const OPEN: &str =
    "SELECT id, provider, status, next_action, next_action_at, last_error, attempts, created_at,
        ingestion_completed_at, rest_completed_at, version
    FROM ingestion_passes WHERE provider = ?1 AND rest_completed_at IS NULL";
const INSERT: &str = "INSERT INTO ingestion_passes (id, provider, status, next_action, next_action_at,
        last_error, attempts, created_at, ingestion_completed_at, rest_completed_at, version)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const UPDATE: &str = "UPDATE ingestion_passes SET status = ?2, next_action = ?3, next_action_at = ?4,
        last_error = ?5, attempts = ?6, ingestion_completed_at = ?7, rest_completed_at = ?8, version = ?9 + 1
    WHERE id = ?1 AND version = ?9";
const MARKS: &str = "SELECT m.id, p.id, m.sequence, m.cursor, m.created_at
    FROM ingestion_passes p JOIN ingestion_marks m ON m.pass = p.number WHERE p.id = ?1
    ORDER BY m.sequence DESC LIMIT ?2";
/// Only what still reads pages takes one.
const INSERT_MARK: &str = "INSERT INTO ingestion_marks (pass, sequence, id, cursor, created_at)
    SELECT number, ?2, ?3, ?4, ?5 FROM ingestion_passes
    WHERE id = ?1 AND rest_completed_at IS NULL AND next_action = ?6
    ON CONFLICT (pass, sequence) DO NOTHING";
const PASS_NUMBER: &str = "SELECT number FROM ingestion_passes WHERE id = ?1";
const LATEST_PASS: &str = "SELECT max(number) FROM ingestion_passes WHERE provider = ?1";
const SEE: &str = "INSERT INTO ingestion_seen (source_id, entity_id, pass)
    SELECT ?2, r.id, ?3 FROM json_each(?1) j CROSS JOIN refs r ON r.ref = j.value WHERE true
    ON CONFLICT (source_id, entity_id) DO UPDATE SET pass = excluded.pass";
const UNSEE: &str = "DELETE FROM ingestion_seen WHERE source_id = ?2 AND entity_id IN
    (SELECT r.id FROM json_each(?1) j CROSS JOIN refs r ON r.ref = j.value)";
const SHARE: &str = "SELECT count(*), ifnull(sum(s.pass IS NULL OR s.pass <> ?2), 0) FROM claims c
    LEFT JOIN ingestion_seen s ON s.source_id = c.source_id AND s.entity_id = c.entity_id
    WHERE c.source_id = ?1";
/// In the order of `claims_of_source`, so that a sweep looks at each claim once.
const UNSEEN: &str = "SELECT c.id, c.entity_id FROM claims c
    LEFT JOIN ingestion_seen s ON s.source_id = c.source_id AND s.entity_id = c.entity_id
    WHERE c.source_id = ?1 AND c.id > ?4 AND (s.pass IS NULL OR s.pass <> ?2) ORDER BY c.id LIMIT ?3";
const STILL_UNSEEN: &str = "SELECT r.ref FROM json_each(?1) j CROSS JOIN refs r ON r.id = j.value
    LEFT JOIN ingestion_seen s ON s.source_id = ?2 AND s.entity_id = r.id
    WHERE s.pass IS NULL OR s.pass <> ?3";
const READING_PASS: &str = "SELECT number FROM ingestion_passes
    WHERE id = ?1 AND rest_completed_at IS NULL AND next_action = ?2";
const FORGET_MARKS: &str = "DELETE FROM ingestion_marks WHERE pass IN
    (SELECT number FROM ingestion_passes WHERE provider = ?1 AND (?2 OR rest_completed_at IS NOT NULL))";
const FORGET_PASSES: &str =
    "DELETE FROM ingestion_passes WHERE provider = ?1 AND (?2 OR rest_completed_at IS NOT NULL)";

#[async_trait]
impl Incremental for SqliteStore {
    async fn open_pass(&self, provider: &ProviderName) -> Result<Option<IngestionPass>> {
        let mut transaction = self.read().await?;
        open_pass(&mut transaction, provider).await
    }

    async fn begin_pass(&self, pass: IngestionPass) -> Result<IngestionPass> {
        let mut transaction = self.write().await?;
        if let Some(open) = open_pass(&mut transaction, &pass.provider).await? {
            return Ok(open);
        }
        insert_pass(&mut transaction, &pass).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(pass)
    }

    async fn update_pass(&self, pass: IngestionPass) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(UPDATE).bind(&pass.id.as_bytes()[..]).bind(status_number(pass.status));
        let query = query.bind(action_number(pass.next_action)).bind(pass.next_action_at.as_millisecond());
        let query = query.bind(pass.last_error).bind(pass.attempts);
        let query = query.bind(pass.ingestion_completed_at.map(Timestamp::as_millisecond));
        let query = query.bind(pass.rest_completed_at.map(Timestamp::as_millisecond));
        let done = query
            .bind(pass.version.cast_signed())
            .execute(&mut *transaction)
            .await
            .map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn incremental_providers(&self) -> Result<Vec<ProviderName>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_scalar("SELECT DISTINCT provider FROM ingestion_passes ORDER BY provider");
        let names: Vec<String> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        Ok(names.iter().map(|name| ProviderName::new(name)).collect())
    }

    async fn marks(&self, pass: Uid, limit: usize) -> Result<Vec<IngestionMark>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(MARKS).bind(&pass.as_bytes()[..]).bind(limit_number(limit));
        let rows: Vec<MarkRow> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter()
            .map(|(id, pass, sequence, cursor, created_at)| {
                Ok(IngestionMark {
                    id: uid(id)?,
                    pass: uid(pass)?,
                    sequence: sequence.unsigned_abs(),
                    cursor,
                    created_at: timestamp(created_at)?,
                })
            })
            .collect()
    }

    async fn apply_page(
        &self,
        provider: &ProviderName,
        mark: IngestionMark,
        claims: Vec<NewClaim>,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(INSERT_MARK).bind(&mark.pass.as_bytes()[..]);
        let query = query.bind(mark.sequence.cast_signed()).bind(&mark.id.as_bytes()[..]).bind(mark.cursor);
        let query = query.bind(mark.created_at.as_millisecond()).bind(action_number(IngestionAction::Ingest));
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let pass = pass_number(&mut transaction, mark.pass).await?;
        self.add_seen(transaction, provider, claims, Vec::new(), pass, now).await.map(Some)
    }

    async fn apply_between_pages(
        &self,
        provider: &ProviderName,
        added: Vec<NewClaim>,
        removed: Vec<EntityRef>,
        now: Timestamp,
    ) -> Result<MutationReport> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(LATEST_PASS).bind(provider.as_str());
        let pass: Option<i64> = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        self.add_seen(transaction, provider, added, removed, pass.unwrap_or_default(), now).await
    }

    async fn unseen(&self, provider: &ProviderName, pass: Uid) -> Result<BucketShare> {
        let mut transaction = self.read().await?;
        let pass = pass_number(&mut transaction, pass).await?;
        let Some(source) = source_id(&mut transaction, provider).await? else {
            return Ok(BucketShare::default());
        };
        let query = sqlx::query_as(SHARE).bind(source).bind(pass);
        let (total, part): (i64, i64) = query.fetch_one(&mut *transaction).await.map_err(database_error)?;
        Ok(BucketShare { total: total.unsigned_abs(), part: part.unsigned_abs() })
    }

    async fn sweep(
        &self,
        provider: &ProviderName,
        pass: Uid,
        after: Option<SweepPosition>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Swept> {
        let (source, unseen) = self.unseen_claims(provider, pass, after, limit).await?;
        let Some(&(last, _)) = unseen.last() else { return Ok(Swept::default()) };
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(READING_PASS).bind(&pass.as_bytes()[..]);
        let query = query.bind(action_number(IngestionAction::Ingest));
        let pass: Option<i64> = query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        let Some(pass) = pass else { return Ok(Swept::default()) };
        // An event may have brought some of them since.
        let ids = id_list(unseen.iter().map(|(_, entity)| *entity));
        let query = sqlx::query_scalar(STILL_UNSEEN).bind(ids).bind(source).bind(pass);
        let gone: Vec<String> = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        let gone = gone.iter().map(|text| entity_ref(text)).collect::<Result<Vec<EntityRef>>>()?;
        let report = self.add_seen(transaction, provider, Vec::new(), gone, pass, now).await?;
        Ok(Swept { report, next: (unseen.len() == limit).then_some(SweepPosition(last)) })
    }

    async fn forget_ended(&self, provider: &ProviderName) -> Result<IngestionCounts> {
        let mut transaction = self.write().await?;
        let counts = forget(&mut transaction, provider, false).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(counts)
    }

    async fn purge(&self, pass: IngestionPass) -> Result<IngestionCounts> {
        let mut transaction = self.write().await?;
        let mut counts = forget(&mut transaction, &pass.provider, true).await?;
        if let Some(source) = source_id(&mut transaction, &pass.provider).await? {
            let query = sqlx::query("DELETE FROM ingestion_seen WHERE source_id = ?1").bind(source);
            let done = query.execute(&mut *transaction).await.map_err(database_error)?;
            counts.seen = done.rows_affected();
        }
        insert_pass(&mut transaction, &pass).await?;
        transaction.commit().await.map_err(database_error)?;
        Ok(counts)
    }
}

impl SqliteStore {
    /// The claims of a provider that a pass has not seen: their ids, and those of their entities.
    async fn unseen_claims(
        &self,
        provider: &ProviderName,
        pass: Uid,
        after: Option<SweepPosition>,
        limit: usize,
    ) -> Result<(i64, Vec<(i64, i64)>)> {
        let mut transaction = self.read().await?;
        let pass = pass_number(&mut transaction, pass).await?;
        let Some(source) = source_id(&mut transaction, provider).await? else { return Ok((0, Vec::new())) };
        let query = sqlx::query_as(UNSEEN).bind(source).bind(pass).bind(limit_number(limit));
        let query = query.bind(after.map_or(0, |SweepPosition(claim)| claim));
        Ok((source, query.fetch_all(&mut *transaction).await.map_err(database_error)?))
    }

    /// Applies a delta whose added entities count as seen in a pass, and commits.
    async fn add_seen(
        &self,
        mut transaction: Transaction<'_, Sqlite>,
        provider: &ProviderName,
        added: Vec<NewClaim>,
        removed: Vec<EntityRef>,
        pass: i64,
        now: Timestamp,
    ) -> Result<MutationReport> {
        let seen = text_list(added.iter().map(|claim| claim.entity_ref.as_str()));
        let gone = text_list(removed.iter().map(EntityRef::as_str));
        let source = intern_provider(&mut transaction, provider).await?;
        let mutation = ProviderMutation::Delta { added, removed };
        let report = self
            .mutate_and_commit_with(transaction, provider, &mutation, now, async |connection| {
                for (statement, refs) in [(UNSEE, &gone), (SEE, &seen)] {
                    let query = sqlx::query(statement).bind(refs).bind(source).bind(pass);
                    query.execute(&mut *connection).await.map_err(database_error)?;
                }
                Ok(())
            })
            .await?;
        Ok(report)
    }
}

type PassRow = (Vec<u8>, String, i64, i64, i64, Option<String>, u32, i64, Option<i64>, Option<i64>, i64);
type MarkRow = (Vec<u8>, Vec<u8>, i64, Option<String>, i64);

async fn open_pass(
    connection: &mut SqliteConnection,
    provider: &ProviderName,
) -> Result<Option<IngestionPass>> {
    let query = sqlx::query_as(OPEN).bind(provider.as_str());
    let row: Option<PassRow> = query.fetch_optional(connection).await.map_err(database_error)?;
    row.map(ingestion_pass).transpose()
}

fn ingestion_pass(row: PassRow) -> Result<IngestionPass> {
    let (id, provider, status, action, action_at, last_error, attempts, created, completed, ended, version) =
        row;
    let status = STATUSES.get(usize::try_from(status).unwrap_or(usize::MAX));
    let action = ACTIONS.get(usize::try_from(action).unwrap_or(usize::MAX));
    let unknown = || StoreError::Corrupt("the state of an ingestion is none".to_owned());
    Ok(IngestionPass {
        id: uid(id)?,
        provider: ProviderName::new(&provider),
        status: *status.ok_or_else(unknown)?,
        next_action: *action.ok_or_else(unknown)?,
        next_action_at: timestamp(action_at)?,
        last_error,
        attempts,
        created_at: timestamp(created)?,
        ingestion_completed_at: completed.map(timestamp).transpose()?,
        rest_completed_at: ended.map(timestamp).transpose()?,
        version: version.unsigned_abs(),
    })
}

async fn insert_pass(connection: &mut SqliteConnection, pass: &IngestionPass) -> Result<()> {
    let query = sqlx::query(INSERT).bind(&pass.id.as_bytes()[..]).bind(pass.provider.as_str());
    let query = query.bind(status_number(pass.status)).bind(action_number(pass.next_action));
    let query = query.bind(pass.next_action_at.as_millisecond()).bind(&pass.last_error).bind(pass.attempts);
    let query = query.bind(pass.created_at.as_millisecond());
    let query = query.bind(pass.ingestion_completed_at.map(Timestamp::as_millisecond));
    let query = query.bind(pass.rest_completed_at.map(Timestamp::as_millisecond));
    query.bind(pass.version.cast_signed()).execute(connection).await.map_err(database_error)?;
    Ok(())
}

/// Forgets the passes that have ended, or all.
async fn forget(
    connection: &mut SqliteConnection,
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

async fn pass_number(connection: &mut SqliteConnection, pass: Uid) -> Result<i64> {
    let query = sqlx::query_scalar(PASS_NUMBER).bind(&pass.as_bytes()[..]);
    let number: Option<i64> = query.fetch_optional(connection).await.map_err(database_error)?;
    // A pass that is forgotten has seen nothing.
    Ok(number.unwrap_or_default())
}

async fn source_id(connection: &mut SqliteConnection, provider: &ProviderName) -> Result<Option<i64>> {
    let query = sqlx::query_scalar("SELECT -id FROM providers WHERE name = ?1").bind(provider.as_str());
    query.fetch_optional(connection).await.map_err(database_error)
}

fn uid(bytes: Vec<u8>) -> Result<Uid> {
    let bytes = <[u8; 16]>::try_from(bytes);
    bytes.map(Uid::from_bytes).map_err(|_| StoreError::Corrupt("an id has not 16 bytes".to_owned()))
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
