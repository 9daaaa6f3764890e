//! `backend.database`: which database it comes to.

use std::path::PathBuf;

use callboard_config::sections::{DatabaseTarget, PostgresTarget};
use callboard_config::{Config, Secret};
use rstest::rstest;
use serde_json::{Value, json};

fn target(database: Value) -> Result<DatabaseTarget, String> {
    let config = Config::from_value(&json!({ "backend": { "database": database } }));
    let backend = config.backend().map_err(|error| error.to_string())?;
    Ok(backend.database.expect("a database").target("catalog"))
}

fn postgres(database: Value) -> PostgresTarget {
    match target(database) {
        Ok(DatabaseTarget::Postgres(target)) => *target,
        other => panic!("expected PostgreSQL, got {other:?}"),
    }
}

#[rstest]
#[case::memory(json!(":memory:"), None)]
#[case::nothing(json!(null), None)]
#[case::memory_as_file(json!({ "filename": ":memory:" }), None)]
#[case::directory(json!({ "directory": "data" }), Some("data/catalog.sqlite"))]
#[case::file_in_directory(json!({ "directory": "data", "filename": "x.db" }), Some("data/x.db"))]
#[case::file(json!({ "filename": "x.db" }), Some("x.db"))]
#[case::text(json!("x.db"), Some("x.db"))]
fn sqlite(#[case] connection: Value, #[case] file: Option<&str>) {
    let expected = file.map_or(DatabaseTarget::SqliteMemory, |file| DatabaseTarget::SqliteFile(file.into()));
    for client in ["better-sqlite3", "sqlite3"] {
        assert_eq!(target(json!({ "client": client, "connection": connection })), Ok(expected.clone()));
    }
}

#[test]
fn sqlite_of_the_catalog_alone() {
    let database = json!({
        "client": "better-sqlite3",
        "connection": { "directory": "data" },
        "plugin": { "catalog": { "connection": { "filename": "mine.db" } }, "other": { "client": "pg" } },
    });
    assert_eq!(target(database), Ok(DatabaseTarget::SqliteFile(PathBuf::from("data/mine.db"))));
}

#[test]
fn postgres_in_parts() {
    let target = postgres(json!({
        "client": "pg",
        "connection": { "host": "db", "port": "5433", "user": "me", "password": "hush", "database": "shared", "ssl": { "rejectUnauthorized": "false", "ca": "CA" } },
        "prefix": "prod_",
        "knexConfig": { "pool": { "min": 1, "max": "10" }, "debug": true },
        "pool": { "max": 20 },
    }));
    let shown = format!("{target:#?}");
    assert!(!shown.contains("hush"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[rstest]
#[case::prefix(json!({ "client": "pg", "connection": {} }), Some("backstage_plugin_catalog"), None)]
#[case::empty_prefix(json!({ "client": "pg", "connection": {}, "prefix": "" }), Some("catalog"), None)]
#[case::shared_is_not_used(json!({ "client": "pg", "connection": { "database": "x" } }), Some("backstage_plugin_catalog"), None)]
#[case::own(json!({ "client": "pg", "connection": { "database": "x" }, "plugin": { "catalog": { "connection": { "database": "y" } } } }), Some("y"), None)]
#[case::schema(json!({ "client": "pg", "connection": { "database": "x" }, "pluginDivisionMode": "schema" }), Some("x"), Some("catalog"))]
#[case::schema_of_the_usual(json!({ "client": "pg", "connection": {}, "pluginDivisionMode": "schema" }), None, Some("catalog"))]
#[case::url(json!({ "client": "pg", "connection": "postgres://db/x" }), Some("backstage_plugin_catalog"), None)]
#[case::own_url(json!({ "client": "pg", "connection": {}, "plugin": { "catalog": { "connection": "postgres://db/x" } } }), None, None)]
fn postgres_database(#[case] database: Value, #[case] name: Option<&str>, #[case] schema: Option<&str>) {
    let target = postgres(database);
    assert_eq!(target.database.as_deref(), name);
    assert_eq!(target.schema.as_deref(), schema);
}

#[test]
fn the_plugins_settings_go_first() {
    let target = postgres(json!({
        "client": "pg",
        "connection": { "host": "a", "user": "me", "connectionString": "postgres://base" },
        "ensureExists": false,
        "role": "general",
        "plugin": { "catalog": {
            "connection": { "host": "b", "ssl": true, "application_name": "mine" },
            "ensureExists": true,
            "role": "own",
            "skipMigrations": true,
            "pool": { "max": 3 },
        } },
    }));
    assert_eq!(target.server.url, Some(Secret::new("postgres://base")));
    assert_eq!(target.server.host.as_deref(), Some("b"));
    assert_eq!(target.server.user.as_deref(), Some("me"));
    assert_eq!(target.server.application_name.as_deref(), Some("mine"));
    assert!(target.server.ssl.expect("encryption").enabled);
    assert_eq!(target.role.as_deref(), Some("own"));
    assert!(target.ensure_exists && target.skip_migrations && !target.ensure_schema_exists);
    assert_eq!(target.pool.max, Some(3));
}

#[test]
fn another_client_drops_the_general_connection() {
    let database = json!({
        "client": "better-sqlite3",
        "connection": ":memory:",
        "plugin": { "catalog": { "client": "pg", "connection": { "host": "db" } } },
    });
    let target = postgres(database);
    assert_eq!(target.server.url, None);
    assert_eq!(target.server.host.as_deref(), Some("db"));
}

#[rstest]
#[case::client(json!({ "client": "mysql", "connection": {} }), r#"backend.database.client: expected one of "better-sqlite3", "sqlite3", "pg", found the text "mysql""#)]
#[case::no_client(json!({ "connection": {} }), "backend.database.client: required, but not given")]
#[case::connection(json!({ "client": "pg", "connection": [] }), r#"backend.database.connection: expected ":memory:", a URL, or an object with the parts of the connection, found a list"#)]
#[case::port(json!({ "client": "pg", "connection": { "port": "x" } }), r#"backend.database.connection.port: expected a whole number, found the text "x""#)]
#[case::password(json!({ "client": "pg", "connection": { "password": 123 } }), "backend.database.connection.password: expected a text (put it in quotes if it looks like a number), found a number")]
#[case::ssl(json!({ "client": "pg", "connection": { "ssl": { "rejectUnauthorized": "?" } } }), r#"backend.database.connection.ssl.rejectUnauthorized: expected true or false, found the text "?""#)]
#[case::division(json!({ "client": "pg", "pluginDivisionMode": "table" }), r#"backend.database.pluginDivisionMode: expected "database" or "schema", found the text "table""#)]
#[case::cloud(json!({ "client": "pg", "connection": { "type": "rds" } }), r#"backend.database.connection.type: connections of the type "rds" are not supported"#)]
fn refuses(#[case] database: Value, #[case] expected: &str) {
    assert_eq!(target(database).map(|_| ()), Err(expected.to_owned()));
}
