//! The suite that every store passes, on a database in memory.

use callboard_store_sqlite::SqliteStore;

callboard_store::store_suite!(SqliteStore::open_in_memory().await.expect("a fresh database in memory"));
