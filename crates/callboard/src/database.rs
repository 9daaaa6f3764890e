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
