//! The schema: made, and brought up to date.

use callboard_store::{Result, StoreError};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::connection::{PostgresOptions, begin, commit, quoted};
use crate::error::database_error;

/// The advisory lock of migrations; any number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x0063_616c_6c62_6f61;
/// How long a statement of a migration may wait for a lock, and make others wait behind it.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '3s'";

/// Creates the database that the options name, unless it is there.
pub(crate) async fn create_database(options: &PgConnectOptions) -> Result<()> {
    let Some(name) = options.get_database() else { return Ok(()) };
    match PgConnection::connect_with(options).await {
        Ok(connection) => return connection.close().await.map_err(database_error),
        Err(error) if has_code(&error, "3D000") => {}
        Err(error) => return Err(database_error(error)),
    }
    let maintenance = options.clone().database("postgres");
    let mut connection = PgConnection::connect_with(&maintenance).await.map_err(database_error)?;
    let statement = format!("CREATE DATABASE {}", quoted(name));
    match connection.execute(AssertSqlSafe(statement)).await {
        Ok(_) => tracing::info!(database = name, "created the database"),
        // Another node was faster: it exists, or it is just being made.
        Err(error) if has_code(&error, "42P04") || has_code(&error, "23505") => {}
        Err(error) => return Err(StoreError::Migration(error.into())),
    }
    connection.close().await.map_err(database_error)
}

/// Brings the schema up to date, one node at a time. Nodes of an older version go on reading meanwhile: migrations
/// only add what these do not know. What a newer version has added is left alone.
pub(crate) async fn migrate(pool: &PgPool, settings: &str, options: &PostgresOptions) -> Result<()> {
    let mut transaction = begin(pool, &format!("BEGIN;{settings}").into()).await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK);
    lock.execute(&mut *transaction).await.map_err(database_error)?;
    if let Some(schema) = options.schema.as_deref().filter(|_| options.create_schema) {
        let statement = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema));
        transaction
            .execute(AssertSqlSafe(statement))
            .await
            .map_err(|error| StoreError::Migration(error.into()))?;
    }
    transaction.execute(LOCK_TIMEOUT).await.map_err(database_error)?;
    let mut migrator = sqlx::migrate!();
    // The lock above is of the transaction; the migrator's own would be of the session.
    migrator.set_locking(false).set_ignore_missing(true);
    let migrated = migrator.run_direct(None, &mut *transaction, false).await;
    migrated.map_err(|error| StoreError::Migration(error.into()))?;
    commit(transaction).await
}

fn has_code(error: &sqlx::Error, code: &str) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|found| found == code)
}
