//! The yardstick of ingestion: the rows that it left, written into an empty database with the same indexes, by nothing
//! but plain SQL in one transaction. The rows are in memory before, and go in by statements of many rows each.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use callboard_store_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, QueryBuilder, Row as _, Sqlite, TypeInfo as _, ValueRef as _,
};

/// A statement has no more parameters than this.
const PARAMETERS: usize = 8000;

/// All rows of a table.
struct Table {
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// How long it takes to insert the rows of this database into an empty one.
pub(crate) async fn insert_again(file: &Path) -> Result<Duration> {
    let tables = read(file).await?;
    let folder = tempfile::tempdir_in(file.parent().context("the database has no folder")?)?;
    let copy = folder.path().join("catalog.sqlite");
    SqliteStore::open(&copy).await?.close().await;
    let options = SqliteConnectOptions::new()
        .filename(&copy)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "8192");
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let start = Instant::now();
    let mut transaction = connection.begin().await?;
    for table in &tables {
        for rows in table.rows.chunks(PARAMETERS / table.columns.len().max(1)) {
            insert(table, rows).build().execute(&mut *transaction).await?;
        }
    }
    transaction.commit().await?;
    let elapsed = start.elapsed();
    connection.close().await?;
    Ok(elapsed)
}

fn insert<'a>(table: &'a Table, rows: &'a [Vec<Cell>]) -> QueryBuilder<Sqlite> {
    let head = format!("INSERT OR REPLACE INTO {} ({}) ", table.name, table.columns.join(", "));
    let mut query = QueryBuilder::new(head);
    query.push_values(rows, |mut row, cells| {
        for cell in cells {
            match cell {
                Cell::Null => row.push_bind(None::<i64>),
                Cell::Number(number) => row.push_bind(*number),
                Cell::Text(text) => row.push_bind(text.clone()),
                Cell::Bytes(bytes) => row.push_bind(bytes.clone()),
            };
        }
    });
    query
}

async fn read(file: &Path) -> Result<Vec<Table>> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%'",
    )
    .fetch_all(&mut connection)
    .await?;
    let mut tables = Vec::new();
    for name in names {
        let rows =
            sqlx::query(AssertSqlSafe(format!("SELECT * FROM {name}"))).fetch_all(&mut connection).await?;
        let columns =
            rows.first().map(|row| row.columns().iter().map(|column| column.name().to_owned()).collect());
        let rows = rows.iter().map(cells).collect::<Result<Vec<_>>>()?;
        tables.push(Table { name, columns: columns.unwrap_or_default(), rows });
    }
    connection.close().await?;
    Ok(tables)
}

fn cells(row: &SqliteRow) -> Result<Vec<Cell>> {
    let cell = |place: usize| {
        let value = row.try_get_raw(place)?;
        Ok(match value.type_info().name() {
            _ if value.is_null() => Cell::Null,
            "INTEGER" => Cell::Number(row.try_get(place)?),
            "TEXT" => Cell::Text(row.try_get(place)?),
            _ => Cell::Bytes(row.try_get(place)?),
        })
    };
    (0..row.len()).map(cell).collect()
}
