use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use callboard_testkit::{ServerProcess, until};
use rstest::rstest;
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_mins(1);
/// The Locations of the configuration and the file, and what is in the file.
const ENTITIES: u64 = 5;

const CATALOG: &str = r"
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: { name: crew }
spec: { type: team, children: [] }
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: lights }
spec: { type: service, lifecycle: production, owner: crew }
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: sound }
spec: { type: service, lifecycle: production, owner: crew }
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: curtain }
spec: { type: service, lifecycle: production, owner: crew }
";

pub(crate) fn stage() -> ServerProcess {
    furnish(crate::server(config()))
}

pub(crate) fn config() -> Value {
    json!({ "catalog": {
        "processingInterval": { "seconds": 1 },
        "rules": [{ "allow": ["Component", "Group", "Location"] }],
        "locations": [{ "type": "file", "target": "catalog.yaml" }],
    } })
}

pub(crate) fn furnish(server: ServerProcess) -> ServerProcess {
    std::fs::write(server.folder().join("catalog.yaml"), CATALOG).unwrap();
    let config = server.folder().join("app-config.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["catalog"]["locations"][0]["target"] = json!(server.folder().join("catalog.yaml"));
    std::fs::write(config, value.to_string()).unwrap();
    server
}

/// Runs the command: its exit code, and what it printed.
pub(crate) async fn doctor(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_callboard"))
        .args(["--log", "off", "doctor"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

/// Waits until a running server has nothing wrong with it, and all that it should have.
pub(crate) async fn is_well(server: &ServerProcess) {
    let url = server.api("");
    until("the server to be well", PATIENCE, async || {
        let (code, text) = doctor(&["--url", &url, "--output", "json"]).await;
        let report: Value = serde_json::from_str(&text).ok()?;
        (code == 0 && report["finalEntities"] == ENTITIES).then_some(())
    })
    .await;
}

pub(crate) async fn open(folder: &Path) -> SqliteConnection {
    let mut files = std::fs::read_dir(folder.join("database")).unwrap();
    let file = files.find_map(|file| {
        let path = file.unwrap().path();
        path.extension().is_some_and(|extension| extension == "sqlite").then_some(path)
    });
    let options = SqliteConnectOptions::new().filename(file.unwrap());
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn break_by(folder: &Path, sql: &'static str) {
    let mut connection = open(folder).await;
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[rstest]
#[case(
    "claimed-entity-exists",
    "DELETE FROM entities WHERE id = (SELECT id FROM refs WHERE ref LIKE '%/lights')"
)]
#[case(
    "claimed-entity-exists",
    "UPDATE claims SET source_id = 99999 WHERE entity_id = (SELECT id FROM refs WHERE ref LIKE '%/lights')"
)]
#[case("winner", "UPDATE entities SET document_hash = zeroblob(16)")]
#[case("orphan", "INSERT INTO orphans SELECT entity_id, document, 0 FROM claims")]
#[case("orphan", "INSERT INTO orphans VALUES (99999, zeroblob(1), 0)")]
#[case("orphan", "DELETE FROM claims WHERE entity_id = (SELECT id FROM refs WHERE ref LIKE '%/lights')")]
#[case("queued", "UPDATE entities SET urgency = 7")]
#[case("final-entity", "UPDATE outputs SET processed = NULL")]
#[case(
    "relation-originator",
    "DELETE FROM outputs WHERE entity_id = (SELECT id FROM refs WHERE ref LIKE '%/lights')"
)]
#[case("stitched", "DELETE FROM final_entities")]
#[case("stitched", "INSERT INTO stitch_marks VALUES (99999, 1, 1, 0)")]
#[case("change-log", "INSERT INTO tombstones SELECT entity_id, sequence + 100000 FROM final_entities")]
#[case("change-log", "UPDATE counter SET value = 0")]
#[tokio::test]
async fn what_is_broken_is_found_and_mended(#[case] invariant: &str, #[case] sql: &'static str) {
    let mut server = stage();
    server.start().await;
    is_well(&server).await;
    assert!(server.stop().await.success());
    let config = server.folder().join("app-config.yaml");
    let config = config.to_str().unwrap();
    let (code, text) = doctor(&["--config", config]).await;
    assert_eq!(code, 0, "{text}");

    break_by(server.folder(), sql).await;
    let (code, text) = doctor(&["--config", config]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("broken  {invariant}: ")), "{text}");
    let (_, again) = doctor(&["--config", config]).await;
    assert_eq!(again, text, "looking changes nothing");

    let (_, text) = doctor(&["--config", config, "--repair"]).await;
    assert!(text.contains(&format!("mended  {invariant}: ")), "{text}");
    server.start().await;
    is_well(&server).await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn it_works_beside_a_running_server() {
    let mut server = stage();
    server.start().await;
    is_well(&server).await;
    let config = server.folder().join("app-config.yaml");
    let (code, text) = doctor(&["--config", config.to_str().unwrap()]).await;
    assert_eq!((code, text.as_str()), (0, "5 entities, 5 of them final\neverything is as it has to be\n"));
    let (code, text) = doctor(&["--url", &server.api(""), "--repair"]).await;
    assert_eq!((code, text.as_str()), (0, "5 entities, 5 of them final\neverything is as it has to be\n"));
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn what_cannot_be_checked() {
    let mut server = crate::server(json!({ "backend": { "auth": { "externalAccess": [
        { "type": "static", "options": { "token": "all-of-it", "subject": "all" } },
        {
            "type": "static", "options": { "token": "reading-only", "subject": "reader" },
            "accessRestrictions": [{ "plugin": "catalog", "permissionAttribute": { "action": "read" } }],
        },
    ] } } }));
    let config = server.folder().join("app-config.yaml");
    let (code, text) = doctor(&["--config", config.to_str().unwrap()]).await;
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("there is no database yet"), "{text}");
    server.start().await;
    let url = server.api("");
    for (token, expected) in [("all-of-it", 0), ("reading-only", 2), ("a-guess", 2)] {
        let (code, text) = doctor(&["--url", &url, "--token", token]).await;
        assert_eq!(code, expected, "{token}: {text}");
    }
    assert_eq!(doctor(&["--url", "http://127.0.0.1:1/api/catalog"]).await.0, 2);
    assert_eq!(doctor(&[]).await.0, 2);
    assert!(server.stop().await.success());
}
