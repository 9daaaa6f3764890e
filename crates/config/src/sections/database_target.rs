//! What `backend.database` comes to for one plugin: which file, or which server and database.

use std::path::{Path, PathBuf};

use super::database::{
    Connection, ConnectionParts, DatabaseClient, DatabaseSection, PluginDatabase, PluginDivisionMode,
    PoolOptions, PostgresTls,
};
use crate::config::Finding;
use crate::path::ConfigPath;
use crate::secret::Secret;

const MEMORY: &str = ":memory:";

/// The database of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseTarget {
    /// A `SQLite` database that ends with the process.
    SqliteMemory,
    /// A `SQLite` file, its name relative to the working directory.
    SqliteFile(PathBuf),
    /// A `PostgreSQL` database.
    Postgres(Box<PostgresTarget>),
}

/// A `PostgreSQL` database and how to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresTarget {
    /// How to reach the server.
    pub server: PostgresServer,
    /// The name of the database; `None` for the one that the URL or the driver names.
    pub database: Option<String>,
    /// The schema to work in; `None` for the usual one.
    pub schema: Option<String>,
    /// The role that owns what is created; `None` for the user.
    pub role: Option<String>,
    /// Whether to create the database if it is not there.
    pub ensure_exists: bool,
    /// Whether to create the schema if it is not there.
    pub ensure_schema_exists: bool,
    /// Whether to leave the tables as they are.
    pub skip_migrations: bool,
    /// How many connections are kept.
    pub pool: PoolOptions,
}

/// How to reach a `PostgreSQL` server. What is not given is left to the driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostgresServer {
    /// A URL to begin with, whose parts the ones below replace.
    pub url: Option<Secret>,
    /// Host name, address, or the directory of a Unix socket.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// User.
    pub user: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// Encryption.
    pub ssl: Option<PostgresTls>,
    /// The name the server shows for the connections.
    pub application_name: Option<String>,
}

impl DatabaseSection {
    /// The database of a plugin; Callboard asks for `catalog`.
    pub fn target(&self, plugin_id: &str) -> DatabaseTarget {
        let none = PluginDatabase::default();
        let own = self.plugin.get(plugin_id).unwrap_or(&none);
        let client = own.client.unwrap_or(self.client);
        // Another client can make nothing of the general connection.
        let general = (client == self.client).then_some(&self.connection);
        match client {
            DatabaseClient::Sqlite => sqlite_target(general, own.connection.as_ref(), plugin_id),
            DatabaseClient::Postgres => {
                DatabaseTarget::Postgres(Box::new(self.postgres_target(general, own, plugin_id)))
            }
        }
    }

    fn postgres_target(
        &self,
        general: Option<&Connection>,
        own: &PluginDatabase,
        plugin_id: &str,
    ) -> PostgresTarget {
        let divides_by_schema = self.plugin_division_mode == PluginDivisionMode::Schema;
        let (general_server, general_database) = postgres_server(general);
        let (own_server, own_database) = postgres_server(own.connection.as_ref());
        let own_url_names_database = own_server.url.is_some();
        let mut server = general_server.overlaid_by(own_server);
        server.application_name =
            server.application_name.or_else(|| Some(format!("backstage_plugin_{plugin_id}")));
        // The general database belongs to nobody unless plugins share it as schemas.
        let shared_database = general_database.filter(|_| divides_by_schema);
        let named_by_plugin =
            (!divides_by_schema && !own_url_names_database).then(|| format!("{}{plugin_id}", self.prefix));
        PostgresTarget {
            server,
            database: own_database.or(shared_database).or(named_by_plugin),
            schema: divides_by_schema.then(|| plugin_id.to_owned()),
            role: own.role.clone().or_else(|| self.role.clone()),
            ensure_exists: own.ensure_exists.or(self.ensure_exists).unwrap_or(true),
            ensure_schema_exists: own.ensure_schema_exists.or(self.ensure_schema_exists).unwrap_or(false),
            skip_migrations: own.skip_migrations.or(self.skip_migrations).unwrap_or(false),
            pool: [&own.knex_config.pool, &self.pool, &self.knex_config.pool]
                .into_iter()
                .fold(own.pool.clone(), PoolOptions::or),
        }
    }

    /// What contradicts itself, or asks for what there is not.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let catalog = self.plugin.get("catalog");
        let own_connection = catalog.and_then(|catalog| catalog.connection.as_ref());
        let connections = [
            (ConfigPath::from("connection"), Some(&self.connection)),
            (ConfigPath::from("plugin.catalog.connection"), own_connection),
        ];
        let mut findings = Vec::new();
        for (path, connection) in connections {
            let Some(Connection::Parts(parts)) = connection else { continue };
            if let Some(unsupported) = parts.unsupported_type() {
                findings.push(Finding {
                    path: path.key("type"),
                    message: format!("connections of the type \"{unsupported}\" are not supported"),
                    help: Some("use a user and a password, or a proxy that logs in for you".to_owned()),
                });
            }
        }
        findings
    }
}

impl ConnectionParts {
    fn unsupported_type(&self) -> Option<&str> {
        self.connection_type.as_deref().filter(|connection_type| *connection_type != "default")
    }
}

impl PoolOptions {
    /// These options, and where one is not given, the other's.
    fn or(self, other: &Self) -> Self {
        Self {
            min: self.min.or(other.min),
            max: self.max.or(other.max),
            acquire_timeout_millis: self.acquire_timeout_millis.or(other.acquire_timeout_millis),
            create_timeout_millis: self.create_timeout_millis.or(other.create_timeout_millis),
            idle_timeout_millis: self.idle_timeout_millis.or(other.idle_timeout_millis),
        }
    }
}

fn sqlite_target(general: Option<&Connection>, own: Option<&Connection>, plugin_id: &str) -> DatabaseTarget {
    let general = general.map(sqlite_parts).unwrap_or_default();
    let own = own.map(sqlite_parts).unwrap_or_default();
    let directory = own.directory.or(general.directory);
    let filename = own.filename.or(general.filename);
    match (directory, filename) {
        (_, Some(filename)) if filename == Path::new(MEMORY) => DatabaseTarget::SqliteMemory,
        (None, None) => DatabaseTarget::SqliteMemory,
        (None, Some(filename)) => DatabaseTarget::SqliteFile(filename),
        (Some(directory), filename) => {
            let filename = filename.unwrap_or_else(|| PathBuf::from(format!("{plugin_id}.sqlite")));
            DatabaseTarget::SqliteFile(directory.join(filename))
        }
    }
}

fn sqlite_parts(connection: &Connection) -> ConnectionParts {
    match connection {
        Connection::Text(name) => {
            ConnectionParts { filename: Some(PathBuf::from(name.expose())), ..ConnectionParts::default() }
        }
        Connection::Parts(parts) => ConnectionParts::clone(parts),
    }
}

/// The server a connection names, and the database there.
fn postgres_server(connection: Option<&Connection>) -> (PostgresServer, Option<String>) {
    match connection {
        None => (PostgresServer::default(), None),
        Some(Connection::Text(url)) => {
            (PostgresServer { url: Some(url.clone()), ..PostgresServer::default() }, None)
        }
        Some(Connection::Parts(parts)) => {
            let parts = ConnectionParts::clone(parts);
            let server = PostgresServer {
                url: parts.connection_string,
                host: parts.host,
                port: parts.port,
                user: parts.user,
                password: parts.password,
                ssl: parts.ssl,
                application_name: parts.application_name,
            };
            (server, parts.database)
        }
    }
}

impl PostgresServer {
    fn overlaid_by(self, above: Self) -> Self {
        // A URL says all there is to say, so parts from below would only contradict it.
        if above.url.is_some() {
            return above;
        }
        Self {
            url: self.url,
            host: above.host.or(self.host),
            port: above.port.or(self.port),
            user: above.user.or(self.user),
            password: above.password.or(self.password),
            ssl: above.ssl.or(self.ssl),
            application_name: above.application_name.or(self.application_name),
        }
    }
}
