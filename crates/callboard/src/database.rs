use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use callboard_config::Config;
use callboard_config::sections::DatabaseTarget;
use callboard_engine::NodeRole;
use callboard_store::Store;
use callboard_store_postgres::{Participation, PostgresOptions, PostgresStore};
use callboard_store_sqlite::SqliteStore;

use crate::postgres_settings::postgres_options;

/// An open database.
pub(crate) enum Database {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Database {
    /// The store on it.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// Refuses a role that makes no sense on this database.
    pub(crate) fn check_role(&self, role: NodeRole) -> Result<()> {
        if matches!(self, Self::Sqlite(_)) && role != NodeRole::All {
            bail!(
                "a SQLite database has one node, which has to do everything: take PostgreSQL, or leave out --role"
            );
        }
        Ok(())
    }

    /// Ends its use: what is in the log beside a SQLite file goes into the file, and other nodes on a PostgreSQL
    /// database take over what this one leaves.
    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
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
            let store = store.with_context(|| format!("cannot open the database {}", file.display()))?;
            Ok(Database::Sqlite(store))
        }
        Some(DatabaseTarget::Postgres(target)) => {
            let options = postgres_options(&target)?;
            let as_it_is = PostgresOptions {
                create_database: false,
                create_schema: false,
                skip_migrations: true,
                participation: Participation::Observer,
                ..options
            };
            open_postgres(as_it_is).await
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
            Ok(Database::Sqlite(SqliteStore::open_in_memory().await?))
        }
        Some(_) if dry_run => match open_existing(config, working_directory, Access::Read).await? {
            Database::Postgres(store) if store.is_bare().await? => {
                store.close().await;
                Ok(Database::Sqlite(SqliteStore::open_in_memory().await?))
            }
            database => Ok(database),
        },
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
            Ok(Database::Sqlite(SqliteStore::open_in_memory().await?))
        }
        DatabaseTarget::SqliteFile(file) => {
            let file = working_directory.join(file);
            tracing::info!(file = %file.display(), "the database is a SQLite file");
            let store = SqliteStore::open(&file).await;
            let store = store.with_context(|| format!("cannot open the database {}", file.display()))?;
            Ok(Database::Sqlite(store))
        }
        DatabaseTarget::Postgres(target) => open_postgres(postgres_options(&target)?).await,
    }
}

async fn open_postgres(options: PostgresOptions) -> Result<Database> {
    let (host, name) = (options.connect.get_host().to_owned(), options.connect.get_database());
    let name = name.unwrap_or("the user's own").to_owned();
    tracing::info!(host, database = name, schema = options.schema, "the database is PostgreSQL");
    let store = PostgresStore::open(options).await;
    let store = store.with_context(|| {
        format!("cannot open the PostgreSQL database {name} on {host} (backend.database)")
    })?;
    Ok(Database::Postgres(store))
}
