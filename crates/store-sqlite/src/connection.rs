use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use callboard_store::{Membership, Result, StoreError};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite, Transaction};

use crate::database_error;
use crate::interning::Interner;

/// How long a statement waits for another process that has the file open, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reading never waits for the writer, so a few connections do.
const READERS: u32 = 4;

/// The store on SQLite. A cheap handle: clones share the connections.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    reader: SqlitePool,
    pub(crate) interner: Arc<Interner>,
}

impl SqliteStore {
    /// Opens the database in this file; makes it, and its folder, if there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, is no database, or is one of a newer version.
    pub async fn open(file: &Path) -> Result<Self> {
        if let Some(folder) = file.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(|error| StoreError::Unavailable(error.into()))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A crash of the machine may lose the last transactions, never the database; they are done again.
            .synchronous(SqliteSynchronous::Normal);
        let writer = file_pool(1, tuned(options.clone())).await?;
        migrate(&writer).await?;
        let reader = file_pool(READERS, reading(options)).await?;
        Self::new(writer, reader).await
    }

    /// Opens the database in this file as it is, beside a server that may be running: nothing is made, migrated or
    /// forgotten. Unless it is `changeable`, nothing can be changed through it.
    ///
    /// # Errors
    ///
    /// There is no such file, it cannot be opened, or its schema is that of another version.
    pub async fn open_existing(file: &Path, changeable: bool) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(false);
        let reader = file_pool(READERS, reading(options.clone())).await?;
        ensure_present_schema(&reader).await?;
        let writer = file_pool(1, tuned(options).read_only(!changeable)).await?;
        Ok(Self { writer, reader, interner: Arc::default() })
    }

    /// Opens a database in memory: everything is gone when the last clone is dropped.
    ///
    /// # Errors
    ///
    /// SQLite has no memory left.
    pub async fn open_in_memory() -> Result<Self> {
        let options = SqliteConnectOptions::from_str("sqlite::memory:").map_err(database_error)?;
        // A database in memory belongs to its connection, so reader and writer are one.
        let pool = connected(pool_options(1), tuned(options)).await?;
        migrate(&pool).await?;
        Self::new(pool.clone(), pool).await
    }

    async fn new(writer: SqlitePool, reader: SqlitePool) -> Result<Self> {
        let store = Self { writer, reader, interner: Arc::default() };
        store.drop_tombstones().await?;
        Ok(store)
    }

    /// Closes all connections, after what they are doing.
    pub async fn close(&self) {
        // The writer last: the last connection to a file writes its log back, and readers may not write.
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Begins a transaction that may write; it has the only write lock until it ends.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(database_error)
    }

    /// Begins a transaction that reads one state of the database.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Sqlite>> {
        self.reader.begin().await.map_err(database_error)
    }
}

/// The file has one process.
#[async_trait]
impl Membership for SqliteStore {
    async fn try_writing(&self) -> Result<()> {
        let mut transaction = self.write().await?;
        for statement in [MAKE_PROBE, FILL_PROBE] {
            sqlx::query(statement).execute(&mut *transaction).await.map_err(database_error)?;
        }
        // Only a commit reaches the disk.
        transaction.commit().await.map_err(database_error)?;
        let mut transaction = self.write().await?;
        sqlx::query(DROP_PROBE).execute(&mut *transaction).await.map_err(database_error)?;
        transaction.commit().await.map_err(database_error)
    }
}

/// A process that is killed may leave the table behind.
const MAKE_PROBE: &str = "CREATE TABLE IF NOT EXISTS room_probe (filler BLOB NOT NULL) STRICT";
const FILL_PROBE: &str = "INSERT INTO room_probe VALUES (zeroblob(1048576))";
const DROP_PROBE: &str = "DROP TABLE room_probe";

fn tuned(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .busy_timeout(BUSY_TIMEOUT)
        // No foreign keys: `violations` checks what they would, and every row would pay for them.
        .foreign_keys(false)
        // 64 MiB of pages, so that a batch finds the inner pages of every index in memory.
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "memory")
        // Checkpoint after 32 MiB of log rather than 4: fewer pages are written twice.
        .pragma("wal_autocheckpoint", "8192")
        .statement_cache_capacity(256)
        // Rows come from SQLite's thread one by one: with a small buffer the two threads wait for each other.
        .row_buffer_size(4096)
}

/// For connections that read. They look single things up, or walk through a table once: 16 MiB of pages each.
fn reading(options: SqliteConnectOptions) -> SqliteConnectOptions {
    tuned(options).read_only(true).pragma("cache_size", "-16384")
}

fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        // A closed connection would take a database in memory with it.
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_mins(1))
}

/// Connections to a file. SQLite takes a transaction back by itself when a write fails, and the connection goes on
/// thinking that it is in one: such a connection is good for nothing, and gives way to another.
async fn file_pool(connections: u32, options: SqliteConnectOptions) -> Result<SqlitePool> {
    let is_idle = |connection: &mut SqliteConnection| Ok(!connection.is_in_transaction());
    let pool = pool_options(connections)
        .before_acquire(move |connection, _| Box::pin(std::future::ready(is_idle(connection))));
    connected(pool, options).await
}

async fn connected(pool: SqlitePoolOptions, options: SqliteConnectOptions) -> Result<SqlitePool> {
    pool.connect_with(options).await.map_err(database_error)
}

async fn migrate(pool: &SqlitePool) -> Result<()> {
    sqlx::migrate!().run(pool).await.map_err(|error| StoreError::Migration(error.into()))
}

/// Refuses a database that another version has written.
async fn ensure_present_schema(pool: &SqlitePool) -> Result<()> {
    let applied: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(pool)
        .await
        .map_err(database_error)?;
    let present = sqlx::migrate!().iter().map(|migration| migration.version).max();
    if applied == present {
        return Ok(());
    }
    let version = |version: Option<i64>| version.map_or_else(|| "none".to_owned(), |it| it.to_string());
    Err(StoreError::Corrupt(format!(
        "its schema has the version {}, and this program has {}",
        version(applied),
        version(present)
    )))
}
