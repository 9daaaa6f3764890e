//! The suite that every store passes, with a database for each test.

callboard_store::store_suite!(crate::store().await);
