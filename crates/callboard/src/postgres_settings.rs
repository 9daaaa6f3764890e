use std::str::FromStr as _;
use std::time::Duration;

use anyhow::{Result, anyhow};
use callboard_config::sections::{PostgresServer, PostgresTarget, PostgresTls};
use callboard_store_postgres::{PgConnectOptions, PgSslMode, PostgresOptions};

/// What the configuration says of a PostgreSQL database, as the store takes it.
pub(crate) fn postgres_options(target: &PostgresTarget) -> Result<PostgresOptions> {
    let mut connect = connect_options(&target.server)?;
    if let Some(database) = &target.database {
        connect = connect.database(database);
    }
    let mut options = PostgresOptions::new(connect);
    options.schema.clone_from(&target.schema);
    options.role.clone_from(&target.role);
    options.create_database = target.ensure_exists;
    // Without its schema a division by schema has nowhere to be.
    options.create_schema = target.ensure_schema_exists || target.ensure_exists;
    options.skip_migrations = target.skip_migrations;
    let pool = &target.pool;
    options.max_connections = pool.max.unwrap_or(options.max_connections);
    options.min_connections = pool.min.unwrap_or(options.min_connections).min(options.max_connections);
    let milliseconds = |given: Option<u64>, usual| given.map_or(usual, Duration::from_millis);
    options.acquire_timeout = milliseconds(pool.acquire_timeout_millis, options.acquire_timeout);
    options.idle_timeout = milliseconds(pool.idle_timeout_millis, options.idle_timeout);
    Ok(options)
}

/// A URL first, then the parts that are given beside it.
fn connect_options(server: &PostgresServer) -> Result<PgConnectOptions> {
    let mut options = match &server.url {
        Some(url) => url_options(url.expose()).ok_or_else(|| {
            anyhow!("backend.database.connection is no URL of a PostgreSQL database, such as postgres://user:password@host:5432")
        })?,
        None => PgConnectOptions::new(),
    };
    if let Some(host) = &server.host {
        options = options.host(host);
    }
    if let Some(port) = server.port {
        options = options.port(port);
    }
    if let Some(user) = &server.user {
        options = options.username(user);
    }
    if let Some(password) = &server.password {
        options = options.password(password.expose());
    }
    if let Some(name) = &server.application_name {
        options = options.application_name(name);
    }
    match &server.ssl {
        Some(tls) => Ok(with_tls(options, tls)),
        None => Ok(options),
    }
}

/// Without the reason why it is none: that may show the URL, password included.
fn url_options(url: &str) -> Option<PgConnectOptions> {
    let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    if is_postgres { PgConnectOptions::from_str(url).ok() } else { None }
}

fn with_tls(options: PgConnectOptions, tls: &PostgresTls) -> PgConnectOptions {
    if !tls.enabled {
        return options.ssl_mode(PgSslMode::Disable);
    }
    let mode = if tls.reject_unauthorized { PgSslMode::VerifyFull } else { PgSslMode::Require };
    let mut options = options.ssl_mode(mode);
    if let Some(certificates) = tls.ca.as_ref().filter(|_| tls.reject_unauthorized) {
        options = options.ssl_root_cert_from_pem(certificates.clone().into_bytes());
    }
    if let (Some(certificate), Some(key)) = (&tls.cert, &tls.key) {
        options = options.ssl_client_cert_from_pem(certificate).ssl_client_key_from_pem(key.expose());
    }
    options
}

#[cfg(test)]
mod tests {
    use callboard_config::Config;
    use callboard_config::sections::DatabaseTarget;
    use serde_json::{Value, json};

    use super::*;

    fn options(database: &Value) -> Result<PostgresOptions> {
        let config = Config::from_value(&json!({ "backend": { "database": database } }));
        match config.backend()?.database.expect("a database").target("catalog") {
            DatabaseTarget::Postgres(target) => postgres_options(&target),
            other => panic!("expected PostgreSQL, got {other:?}"),
        }
    }

    #[test]
    fn parts_lie_over_the_url() {
        let options = options(&json!({
            "client": "pg",
            "connection": {
                "connectionString": "postgres://me:hush@db:5433/x?sslmode=disable",
                "host": "other",
                "ssl": { "rejectUnauthorized": false },
            },
            "prefix": "prod_",
            "pool": { "max": 7, "min": 9, "acquireTimeoutMillis": 1500 },
        }))
        .unwrap();
        let connect = &options.connect;
        assert_eq!((connect.get_host(), connect.get_port()), ("other", 5433));
        assert_eq!((connect.get_username(), connect.get_database()), ("me", Some("prod_catalog")));
        assert!(matches!(connect.get_ssl_mode(), PgSslMode::Require));
        assert_eq!((options.max_connections, options.min_connections), (7, 7));
        assert_eq!(options.acquire_timeout, Duration::from_millis(1500));
        assert!(options.create_database);
    }

    #[test]
    fn plugins_may_share_a_database_as_schemas() {
        let options = options(&json!({
            "client": "pg",
            "connection": { "host": "db", "database": "shared", "ssl": true },
            "pluginDivisionMode": "schema",
            "ensureExists": false,
            "ensureSchemaExists": true,
        }))
        .unwrap();
        assert_eq!(options.connect.get_database(), Some("shared"));
        assert!(matches!(options.connect.get_ssl_mode(), PgSslMode::VerifyFull));
        assert_eq!(options.schema.as_deref(), Some("catalog"));
        assert!(options.create_schema && !options.create_database);
    }

    #[test]
    fn a_url_that_is_none_is_not_shown() {
        let error = options(&json!({ "client": "pg", "connection": "hush://me:hush@db" })).unwrap_err();
        assert!(!format!("{error:#}").contains("hush"), "{error:#}");
    }
}
