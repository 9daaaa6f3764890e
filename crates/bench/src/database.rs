//! The database of our server, as one that can be looked at from outside.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use callboard_store::Store;
use callboard_store_postgres::{Participation, PostgresOptions, PostgresStore};
use callboard_store_sqlite::SqliteStore;
use callboard_testkit::{PostgresServer, ServerProcess, measure_database};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

use crate::usage::{Usage, of_family};
use crate::yardstick;

/// A server as people run it, but that nothing waits for the disk, unless that is asked for: it would measure the disk.
const POSTGRES_SETTINGS: [&str; 4] =
    ["shared_buffers=1GB", "max_wal_size=8GB", "max_connections=100", "synchronous_commit=on"];

/// What makes it wait for the disk.
const DURABLE: [&str; 2] = ["fsync=on", "full_page_writes=on"];

/// Where our server keeps its entities.
pub(crate) enum Database {
    Memory,
    Sqlite(PathBuf),
    Postgres { server: Box<PostgresServer>, url: String },
}

impl Database {
    /// A server with an empty database of this kind, which waits for the disk if it is to be durable. It is not started
    /// yet.
    pub(crate) async fn provide(
        kind: &str,
        durable: bool,
        binary: PathBuf,
        config: Value,
    ) -> Result<(ServerProcess, Self)> {
        Ok(match kind {
            "sqlite" => {
                let process = ServerProcess::new(binary, config);
                let file = process.folder().join("database").join("catalog.sqlite");
                (process, Self::Sqlite(file))
            }
            "memory" => (ServerProcess::in_memory(binary, config), Self::Memory),
            "pg" | "postgres" => {
                let mut settings = POSTGRES_SETTINGS.to_vec();
                if durable {
                    settings.extend(DURABLE);
                }
                let server = Box::new(PostgresServer::start_with(&settings));
                let url = server.create_database().await;
                (ServerProcess::on_postgres(binary, config, &url), Self::Postgres { server, url })
            }
            other => bail!("--database can be sqlite, pg or memory, and is {other}"),
        })
    }

    /// The store on it, beside the server that works on it, if others can look into it.
    pub(crate) async fn store(&self) -> Result<Option<Arc<dyn Store>>> {
        Ok(match self {
            Self::Memory => None,
            Self::Sqlite(file) => Some(Arc::new(SqliteStore::open_existing(file, false).await?)),
            Self::Postgres { url, .. } => {
                let usual = PostgresOptions::new(url.parse()?);
                let options = PostgresOptions {
                    skip_migrations: true,
                    participation: Participation::Observer,
                    max_connections: 2,
                    ..usual
                };
                Some(Arc::new(PostgresStore::open(options).await?))
            }
        })
    }

    /// What its own processes have used: processor time, and bytes of its log. A SQLite database has none.
    pub(crate) async fn usage(&self) -> Result<Usage> {
        let Self::Postgres { server, url } = self else { return Ok(Usage::default()) };
        let mut connection = PgConnection::connect(url).await?;
        let query = sqlx::query_scalar("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint");
        let written: i64 = query.fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(Usage { cpu: of_family(server.process()), peak_megabytes: 0, written: written.unsigned_abs() })
    }

    /// How many bytes it takes on disk, and how long it takes to insert the same rows into an empty one with plain SQL.
    /// The server has to have ended.
    pub(crate) async fn measure(&self) -> Result<Option<(u64, Duration)>> {
        Ok(match self {
            Self::Memory => None,
            Self::Sqlite(file) => Some((disk_usage(file)?, yardstick::insert_again(file).await?)),
            Self::Postgres { url, .. } => Some(measure_database(url).await),
        })
    }
}

/// The database file with what lies beside it.
fn disk_usage(file: &Path) -> Result<u64> {
    let folder = file.parent().unwrap_or(file);
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}
