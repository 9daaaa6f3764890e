use async_trait::async_trait;
use callboard_store::{Result, StoredTask, TaskEnd, TaskRun, TaskTicket, TaskTrigger, Tasks};
use jiff::Timestamp;
use uuid::Uuid;

use crate::PostgresStore;
use crate::connection::commit;
use crate::error::database_error;
use crate::retries::retrying;

const ALL: &str = "SELECT id, next_run, ticket, started_at, expires_at, last_error, last_ended_at
    FROM tasks ORDER BY id";
const REGISTER: &str = "INSERT INTO tasks (id, next_run) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET next_run = CASE WHEN $3::bigint IS NULL THEN NULL
        ELSE least(tasks.next_run, $3) END";
const CLAIM: &str = "UPDATE tasks SET ticket = $2, started_at = $3, expires_at = $4, node = $5
    WHERE id = $1 AND ticket IS NULL AND next_run <= $3";
const RELEASE: &str = "UPDATE tasks SET ticket = NULL, started_at = NULL, expires_at = NULL, node = NULL,
        next_run = $3, last_error = $4, last_ended_at = $5
    WHERE id = $1 AND ticket = $2";
const TRIGGER: &str = "UPDATE tasks SET next_run = $2 WHERE id = $1 AND ticket IS NULL";
const EXPIRE: &str = "UPDATE tasks SET ticket = NULL, started_at = NULL, expires_at = NULL, node = NULL,
        last_error = 'its time was over', last_ended_at = $1
    WHERE expires_at <= $1 RETURNING id";

#[async_trait]
impl Tasks for PostgresStore {
    async fn tasks(&self) -> Result<Vec<StoredTask>> {
        retrying!(self, self.read_tasks())
    }

    async fn register_task(
        &self,
        id: &str,
        first_run: Option<Timestamp>,
        next_run: Option<Timestamp>,
    ) -> Result<()> {
        retrying!(self, self.try_register_task(id, first_run, next_run))
    }

    async fn claim_task(&self, id: &str, run: TaskRun) -> Result<bool> {
        retrying!(self, self.try_claim_task(id, run))
    }

    async fn release_task(&self, id: &str, ticket: TaskTicket, end: TaskEnd) -> Result<bool> {
        retrying!(self, self.try_release_task(id, ticket, &end))
    }

    async fn trigger_task(&self, id: &str, now: Timestamp) -> Result<TaskTrigger> {
        retrying!(self, self.try_trigger_task(id, now))
    }

    async fn expire_tasks(&self, now: Timestamp) -> Result<Vec<String>> {
        retrying!(self, self.try_expire_tasks(now))
    }
}

impl PostgresStore {
    async fn read_tasks(&self) -> Result<Vec<StoredTask>> {
        let mut transaction = self.read().await?;
        let rows: Vec<TaskRow> =
            sqlx::query_as(ALL).fetch_all(&mut *transaction).await.map_err(database_error)?;
        rows.into_iter().map(|row| self.stored_task(row)).collect()
    }

    async fn try_register_task(
        &self,
        id: &str,
        first_run: Option<Timestamp>,
        next_run: Option<Timestamp>,
    ) -> Result<()> {
        let mut transaction = self.write().await?;
        let stored = |time: Option<Timestamp>| time.map(|time| self.to_stored(time));
        let query = sqlx::query(REGISTER).bind(id).bind(stored(first_run)).bind(stored(next_run));
        query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await
    }

    async fn try_claim_task(&self, id: &str, run: TaskRun) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(CLAIM)
            .bind(id)
            .bind(stored_ticket(run.ticket))
            .bind(self.to_stored(run.started))
            .bind(self.to_stored(run.expires))
            .bind(self.node_id());
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn try_release_task(&self, id: &str, ticket: TaskTicket, end: &TaskEnd) -> Result<bool> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(RELEASE)
            .bind(id)
            .bind(stored_ticket(ticket))
            .bind(end.next_run.map(|time| self.to_stored(time)))
            .bind(&end.error)
            .bind(self.to_stored(end.at));
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn try_trigger_task(&self, id: &str, now: Timestamp) -> Result<TaskTrigger> {
        let mut transaction = self.write().await?;
        let query = sqlx::query(TRIGGER).bind(id).bind(self.to_stored(now));
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        if done.rows_affected() == 1 {
            commit(transaction).await?;
            return Ok(TaskTrigger::Due);
        }
        let query = sqlx::query_scalar("SELECT 1 FROM tasks WHERE id = $1").bind(id);
        let known: Option<i32> = query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        Ok(if known.is_some() { TaskTrigger::Running } else { TaskTrigger::Unknown })
    }

    async fn try_expire_tasks(&self, now: Timestamp) -> Result<Vec<String>> {
        let mut transaction = self.write().await?;
        let query = sqlx::query_scalar(EXPIRE).bind(self.to_stored(now));
        let ids = query.fetch_all(&mut *transaction).await.map_err(database_error)?;
        commit(transaction).await?;
        Ok(ids)
    }

    fn stored_task(
        &self,
        (id, next_run, ticket, started, expires, last_error, last_ended): TaskRow,
    ) -> Result<StoredTask> {
        let run = match (ticket, started, expires) {
            (Some(ticket), Some(started), Some(expires)) => Some(TaskRun {
                ticket: TaskTicket::from_bytes(ticket.into_bytes()),
                started: self.local_time(started)?,
                expires: self.local_time(expires)?,
            }),
            _ => None,
        };
        let next_run = next_run.map(|time| self.local_time(time)).transpose()?;
        let last_ended = last_ended.map(|time| self.local_time(time)).transpose()?;
        Ok(StoredTask { id, next_run, run, last_error, last_ended })
    }
}

type TaskRow = (String, Option<i64>, Option<Uuid>, Option<i64>, Option<i64>, Option<String>, Option<i64>);

fn stored_ticket(ticket: TaskTicket) -> Uuid {
    Uuid::from_bytes(*ticket.as_bytes())
}
