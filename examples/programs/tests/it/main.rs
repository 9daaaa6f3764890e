//! Runs every example with the configuration beside it.

#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover their helper functions"
)]

mod events;
mod guide;
mod other_languages;
mod parsing;
mod processing;
mod providers;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use callboard_testkit::{ServerProcess, until};
use serde_json::{Value, json};
use tokio::process::Command;

/// More than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The server of an example that is not started yet, in the folder of its configuration.
fn program(binary: &str, name: &str) -> ServerProcess {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let config = folder.join("app-config.yaml");
    ServerProcess::in_memory(binary, json!({})).config_file(config).working_directory(folder)
}

/// Runs what a document shows for a shell, with this server and in this folder. All of it has to succeed.
async fn run_commands(
    server: &ServerProcess,
    commands: &str,
    folder: &Path,
    variable: (&str, &str),
) -> String {
    // The options are those that nobody wants to read in a document.
    std::fs::write(folder.join(".curlrc"), "silent\nshow-error\nfail-with-body\nmax-time = 60\n").unwrap();
    let origin = server.root("").build().unwrap().url().origin().ascii_serialization();
    let commands = commands.replace("http://localhost:7007", &origin);
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &commands]).env("CURL_HOME", folder).env("no_proxy", "*");
    run(shell.current_dir(folder).env(variable.0, variable.1)).await
}

/// Runs something to its end, and returns what it printed.
async fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out.into_owned()
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
