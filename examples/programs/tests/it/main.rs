//! Runs every example with the configuration beside it.

#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover their helper functions"
)]

mod guide;
mod other_languages;
mod parsing;
mod processing;
mod providers;

use std::path::Path;
use std::time::Duration;

use callboard_testkit::{ServerProcess, until};
use serde_json::{Value, json};

/// More than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The server of an example that is not started yet.
fn program(binary: &str, name: &str) -> ServerProcess {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = folder.join(name).join("app-config.yaml");
    ServerProcess::in_memory(binary, json!({})).config_file(config).working_directory(folder)
}

/// An entity, as soon as it is there: `component/default/frob`.
async fn entity(server: &ServerProcess, path: &str) -> Value {
    let path = format!("/entities/by-name/{path}");
    until(&path, PATIENCE, async || server.json(&path).await).await
}

/// Why the only entity failed that fails.
async fn failure(server: &ServerProcess) -> String {
    until("an entity to fail", PATIENCE, async || {
        let failed = server.json("/entities/unprocessed/failed").await?;
        let [entity] = failed["entities"].as_array()?.as_slice() else { return None };
        Some(entity["errors"].to_string())
    })
    .await
}
