use async_trait::async_trait;
use callboard_store::{Result, StoreError, StoredTask, TaskEnd, TaskRun, TaskTicket, TaskTrigger, Tasks};
use jiff::Timestamp;

use crate::processing::timestamp;
use crate::{SqliteStore, database_error};

const ALL: &str = "SELECT id, next_run, ticket, started_at, expires_at, last_error, last_ended_at
    FROM tasks ORDER BY id";
/// `min` of a row that is not due and a time would be nothing, too.
const REGISTER: &str = "INSERT INTO tasks (id, next_run) VALUES (?1, ?2)
    ON CONFLICT (id) DO UPDATE SET next_run = CASE WHEN ?3 IS NULL THEN NULL
        ELSE min(coalesce(next_run, ?3), ?3) END";
const CLAIM: &str = "UPDATE tasks SET ticket = ?2, started_at = ?3, expires_at = ?4
    WHERE id = ?1 AND ticket IS NULL AND next_run <= ?3";
const RELEASE: &str = "UPDATE tasks SET ticket = NULL, started_at = NULL, expires_at = NULL,
        next_run = ?3, last_error = ?4, last_ended_at = ?5
    WHERE id = ?1 AND ticket = ?2";
const TRIGGER: &str = "UPDATE tasks SET next_run = ?2 WHERE id = ?1 AND ticket IS NULL";
const EXPIRE: &str = "UPDATE tasks SET ticket = NULL, started_at = NULL, expires_at = NULL,
        last_error = 'its time was over', last_ended_at = ?1
    WHERE expires_at <= ?1 RETURNING id";

#[async_trait]
impl Tasks for SqliteStore {
    async fn tasks(&self) -> Result<Vec<StoredTask>> {
        let mut transaction = self.read().await?;
        let rows: Vec<TaskRow> =
            sqlx::query_as(ALL).fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(stored_task).collect()
    }

    async fn register_task(
        &self,
        id: &str,
        first_run: Option<Timestamp>,
        next_run: Option<Timestamp>,
    ) -> Result<()> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(REGISTER).bind(id).bind(milliseconds(first_run)).bind(milliseconds(next_run));
        query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)
    }

    async fn claim_task(&self, id: &str, run: TaskRun) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(CLAIM).bind(id).bind(&run.ticket.as_bytes()[..]);
        let query = query.bind(run.started.as_millisecond()).bind(run.expires.as_millisecond());
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn release_task(&self, id: &str, ticket: TaskTicket, end: TaskEnd) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(RELEASE).bind(id).bind(&ticket.as_bytes()[..]);
        let query = query.bind(milliseconds(end.next_run)).bind(end.error).bind(end.at.as_millisecond());
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn trigger_task(&self, id: &str, now: Timestamp) -> Result<TaskTrigger> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(TRIGGER).bind(id).bind(now.as_millisecond());
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        if done.rows_affected() == 1 {
            transaction.commit().await.map_err(database_error)?;
            return Ok(TaskTrigger::Due);
        }
        let query = sqlx::query_scalar("SELECT 1 FROM tasks WHERE id = ?1").bind(id);
        let known: Option<i64> = query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        Ok(if known.is_some() { TaskTrigger::Running } else { TaskTrigger::Unknown })
    }

    async fn expire_tasks(&self, now: Timestamp) -> Result<Vec<String>> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(EXPIRE).bind(now.as_millisecond());
        let ids = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)?;
        Ok(ids)
    }
}

type TaskRow = (String, Option<i64>, Option<Vec<u8>>, Option<i64>, Option<i64>, Option<String>, Option<i64>);

fn stored_task(
    (id, next_run, ticket, started, expires, last_error, last_ended): TaskRow,
) -> Result<StoredTask> {
    let run = match (ticket, started, expires) {
        (Some(ticket), Some(started), Some(expires)) => {
            let ticket = <[u8; 16]>::try_from(ticket);
            let ticket =
                ticket.map_err(|_| StoreError::Corrupt("the ticket of a task has not 16 bytes".into()))?;
            let ticket = TaskTicket::from_bytes(ticket);
            Some(TaskRun { ticket, started: timestamp(started)?, expires: timestamp(expires)? })
        }
        _ => None,
    };
    let next_run = next_run.map(timestamp).transpose()?;
    let last_ended = last_ended.map(timestamp).transpose()?;
    Ok(StoredTask { id, next_run, run, last_error, last_ended })
}

fn milliseconds(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millisecond)
}
