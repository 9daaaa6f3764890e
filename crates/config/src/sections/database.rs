//! `backend.database` as it is written. What it comes to for the catalog is in `database_target`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::lenient;
use crate::secret::Secret;

/// `backend.database`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with \"client\" and \"connection\"")]
pub struct DatabaseSection {
    /// Which database it is.
    pub client: DatabaseClient,
    /// How to reach it.
    #[serde(default)]
    pub connection: Connection,
    /// What the names of databases begin with: the catalog's is `<prefix>catalog`.
    /// Default `backstage_plugin_`.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// Whether each plugin has a database or a schema of its own (`PostgreSQL`). Default database.
    #[serde(default)]
    pub plugin_division_mode: PluginDivisionMode,
    /// Whether the database is created if it is not there. Default true.
    #[serde(default, deserialize_with = "lenient::optional_boolean")]
    pub ensure_exists: Option<bool>,
    /// Whether the schema is created if it is not there. Default false.
    #[serde(default, deserialize_with = "lenient::optional_boolean")]
    pub ensure_schema_exists: Option<bool>,
    /// The role that owns what is created (`PostgreSQL`); `None` for the user.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub role: Option<String>,
    /// How many connections are kept.
    #[serde(default)]
    pub pool: PoolOptions,
    /// Options in the words of Backstage's database library; of these, `pool` is read.
    #[serde(default)]
    pub knex_config: KnexConfig,
    /// Whether the database is taken as it is, without migrating it. Default false.
    #[serde(default, deserialize_with = "lenient::optional_boolean")]
    pub skip_migrations: Option<bool>,
    /// What differs for single plugins; the catalog looks at `catalog`.
    #[serde(default)]
    pub plugin: BTreeMap<String, PluginDatabase>,
}

/// `backend.database.plugin.<id>`: what is given here goes before the general setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct PluginDatabase {
    /// As [`DatabaseSection::client`]. Another client than the general one drops its connection.
    pub client: Option<DatabaseClient>,
    /// As [`DatabaseSection::connection`], laid over it part by part.
    pub connection: Option<Connection>,
    /// As [`DatabaseSection::ensure_exists`].
    #[serde(deserialize_with = "lenient::optional_boolean")]
    pub ensure_exists: Option<bool>,
    /// As [`DatabaseSection::ensure_schema_exists`].
    #[serde(deserialize_with = "lenient::optional_boolean")]
    pub ensure_schema_exists: Option<bool>,
    /// As [`DatabaseSection::role`].
    #[serde(deserialize_with = "lenient::optional_text")]
    pub role: Option<String>,
    /// As [`DatabaseSection::pool`].
    pub pool: PoolOptions,
    /// As [`DatabaseSection::knex_config`].
    pub knex_config: KnexConfig,
    /// As [`DatabaseSection::skip_migrations`].
    #[serde(deserialize_with = "lenient::optional_boolean")]
    pub skip_migrations: Option<bool>,
}

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DatabaseClient {
    /// `SQLite`. `sqlite3` is an older name for it.
    #[serde(rename = "better-sqlite3", alias = "sqlite3")]
    Sqlite,
    /// `PostgreSQL`.
    #[serde(rename = "pg")]
    Postgres,
}

/// `backend.database.pluginDivisionMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginDivisionMode {
    /// A database for each plugin.
    #[default]
    Database,
    /// A schema for each plugin, in one database.
    Schema,
}

/// `connection`: a text, or its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// A URL (`PostgreSQL`), a file name or `:memory:` (`SQLite`).
    Text(Secret),
    /// Parts; those of the other client stay empty.
    Parts(Box<ConnectionParts>),
}

/// `connection` in parts. What is not given is left to the driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectionParts {
    /// `better-sqlite3`: the directory the database files are in, relative to the working directory.
    pub directory: Option<PathBuf>,
    /// `better-sqlite3`: the database file, or `:memory:`.
    pub filename: Option<PathBuf>,
    /// `pg`: how the user is authenticated: `default` or not given for a password, `azure`,
    /// `cloudsql`, `rds`.
    #[serde(rename = "type", deserialize_with = "lenient::optional_text")]
    pub connection_type: Option<String>,
    /// `pg`: a URL that the other parts are laid over.
    pub connection_string: Option<Secret>,
    /// `pg`: host name, address, or the directory of a Unix socket.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub host: Option<String>,
    /// `pg`: port.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub port: Option<u16>,
    /// `pg`: user.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub user: Option<String>,
    /// `pg`: password.
    pub password: Option<Secret>,
    /// `pg`: database; used for the catalog only with schema division or in its own connection.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub database: Option<String>,
    /// `pg`: encryption; `None` leaves it to the URL or the driver.
    #[serde(deserialize_with = "PostgresTls::or_none")]
    pub ssl: Option<PostgresTls>,
    /// `pg`: the name the server shows for the connections. Default `backstage_plugin_catalog`.
    #[serde(rename = "application_name", deserialize_with = "lenient::optional_text")]
    pub application_name: Option<String>,
}

/// `connection.ssl`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostgresTls {
    /// Whether the connection is encrypted at all. Written as the value of `ssl` itself.
    #[serde(skip)]
    pub enabled: bool,
    /// Whether the server's certificate is checked. Default true.
    #[serde(deserialize_with = "lenient::boolean")]
    pub reject_unauthorized: bool,
    /// Certificates to trust, PEM; `None` for the system's.
    pub ca: Option<String>,
    /// A client certificate, PEM.
    pub cert: Option<String>,
    /// The client certificate's private key, PEM.
    pub key: Option<Secret>,
    /// The name to expect in the server's certificate; `None` for the host.
    pub servername: Option<String>,
}

/// How many connections are kept, in the words of Backstage's pool. `None` leaves it to the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct PoolOptions {
    /// Connections kept open at all times.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub min: Option<u32>,
    /// Connections at most.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub max: Option<u32>,
    /// Milliseconds to wait for a free connection.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub acquire_timeout_millis: Option<u64>,
    /// Milliseconds to wait for a new connection to come up.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub create_timeout_millis: Option<u64>,
    /// Milliseconds until a connection nobody uses is closed.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub idle_timeout_millis: Option<u64>,
}

/// `knexConfig`. Its other options have no effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct KnexConfig {
    /// How many connections are kept.
    pub pool: PoolOptions,
}

impl Default for Connection {
    fn default() -> Self {
        Self::Parts(Box::default())
    }
}

impl<'de> Deserialize<'de> for Connection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConnectionVisitor)
    }
}

struct ConnectionVisitor;

impl<'de> Visitor<'de> for ConnectionVisitor {
    type Value = Connection;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\":memory:\", a URL, or an object with the parts of the connection")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Connection, E> {
        Ok(Connection::Text(Secret::new(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Connection, A::Error> {
        let parts = ConnectionParts::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(Connection::Parts(Box::new(parts)))
    }
}

impl Default for PostgresTls {
    fn default() -> Self {
        Self { enabled: true, reject_unauthorized: true, ca: None, cert: None, key: None, servername: None }
    }
}

impl PostgresTls {
    fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        deserializer.deserialize_any(PostgresTlsVisitor).map(Some)
    }
}

struct PostgresTlsVisitor;

impl<'de> Visitor<'de> for PostgresTlsVisitor {
    type Value = PostgresTls;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("true, false or { rejectUnauthorized, ca, cert, key }")
    }

    fn visit_bool<E: Error>(self, enabled: bool) -> Result<PostgresTls, E> {
        Ok(PostgresTls { enabled, ..PostgresTls::default() })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PostgresTls, E> {
        let enabled = lenient::boolean(serde::de::value::StrDeserializer::new(text))?;
        self.visit_bool(enabled)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<PostgresTls, A::Error> {
        PostgresTls::deserialize(MapAccessDeserializer::new(entries))
    }
}

fn default_prefix() -> String {
    "backstage_plugin_".to_owned()
}
