//! The binary, as its users run it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the lints' exception for tests does not cover their helper functions"
)]

mod authentication;
mod crash;
mod custom_kinds;
mod disk_full;
mod doctor;
mod doctor_documents;
mod events;
mod extending;
mod github;
mod http;
mod metrics;
mod moving;
mod moving_all;
mod nodes;
mod permissions;
mod push;
mod scm_events;
mod serve;
mod streaming;
#[cfg(feature = "otlp")]
mod traces;
mod webhooks;

use callboard_testkit::ServerProcess;
use serde_json::Value;

/// The same on a PostgreSQL database.
fn server_on(database: &str, config: Value) -> ServerProcess {
    ServerProcess::on_postgres(env!("CARGO_BIN_EXE_callboard"), config, database)
}

/// A server of the binary under test.
fn server(config: Value) -> ServerProcess {
    ServerProcess::new(env!("CARGO_BIN_EXE_callboard"), config)
}
