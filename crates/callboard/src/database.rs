use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use callboard_config::Config;
use callboard_config::sections::DatabaseTarget;
use callboard_store::Store;
use callboard_store_sqlite::SqliteStore;

/// An open database.
pub(crate) struct Database(SqliteStore);

impl Database {
    /// The store on it.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }

    /// Ends its use: what is in the log beside a SQLite file goes into the file.
    pub(crate) async fn close(self) {
        self.0.close().await;
    }
}

/// What is to be done with a database that somebody else may be using.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing but looking.
    Read,
    /// Mending.
    Repair,
}

/// Opens the database that the configuration names, if there is one that outlives its server. Nothing is made or
/// migrated.
pub(crate) async fn open_existing(
    config: &Config,
    working_directory: &Path,
    access: Access,
) -> Result<Database> {
    let database = config.backend()?.database;
    match database.map(|database| database.target("catalog")) {
        None | Some(DatabaseTarget::SqliteMemory) => {
            bail!("the database of this configuration is in the memory of its server: ask that with --url")
        }
        Some(DatabaseTarget::SqliteFile(file)) => {
            let file = working_directory.join(file);
            if !file.exists() {
                bail!("there is no database yet: {} does not exist", file.display());
            }
            let store = SqliteStore::open_existing(&file, access == Access::Repair).await;
            Ok(Database(store.with_context(|| format!("cannot open the database {}", file.display()))?))
        }
        Some(DatabaseTarget::Postgres(_)) => {
            let problem = config.problem("backend.database.client", "PostgreSQL is not supported yet");
            bail!("{problem}: use better-sqlite3 until it is")
        }
    }
}

/// Opens the database that the configuration names for what is imported, and makes it if there is none. For a dry run it
/// is opened as it is, or an empty one in memory is.
pub(crate) async fn open_for_import(
    config: &Config,
    working_directory: &Path,
    dry_run: bool,
) -> Result<Database> {
    match config.backend()?.database.map(|database| database.target("catalog")) {
        None | Some(DatabaseTarget::SqliteMemory) => {
            bail!(
                "the database of this configuration is in the memory of its server: nothing can be imported"
            )
        }
        Some(DatabaseTarget::SqliteFile(file)) if dry_run && !working_directory.join(&file).exists() => {
            Ok(Database(SqliteStore::open_in_memory().await?))
        }
        Some(_) if dry_run => open_existing(config, working_directory, Access::Read).await,
        Some(_) => open(config, working_directory).await,
    }
}

/// Opens the database that the configuration names; one in memory if it names none.
pub(crate) async fn open(config: &Config, working_directory: &Path) -> Result<Database> {
    let database = config.backend()?.database;
    let target = database.map_or(DatabaseTarget::SqliteMemory, |database| database.target("catalog"));
    match target {
        DatabaseTarget::SqliteMemory => {
            tracing::info!("the database is in memory: it is gone when the server stops");
            Ok(Database(SqliteStore::open_in_memory().await?))
        }
        DatabaseTarget::SqliteFile(file) => {
            let file = working_directory.join(file);
            tracing::info!(file = %file.display(), "the database is a SQLite file");
            let store = SqliteStore::open(&file).await;
            Ok(Database(store.with_context(|| format!("cannot open the database {}", file.display()))?))
        }
        DatabaseTarget::Postgres(_) => {
            let problem = config.problem("backend.database.client", "PostgreSQL is not supported yet");
            bail!("{problem}: use better-sqlite3 until it is")
        }
    }
}
