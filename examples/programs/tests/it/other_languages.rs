//! Extensions that are programs of their own. Any server has them; this is that of an example, whose own extension is
//! not asked for anything here.

use std::path::Path;
use std::process::Stdio;

use callboard_testkit::{ServerProcess, free_port, until};
use serde_json::json;
use tokio::process::Command;

use crate::{PATIENCE, entity, guide, program, run, run_commands};

const TOKEN: (&str, &str) = ("FOLDERS_TOKEN", "folders-token-4711");
/// The folder of the examples.
const EXAMPLES: &str = env!("CARGO_MANIFEST_DIR");

#[tokio::test]
async fn a_processor_in_python() {
    let port = free_port().to_string();
    let mut hook = Command::new("python3")
        .arg(Path::new(EXAMPLES).join("webhook/hook.py"))
        .env("TICKETS_PORT", &port)
        .env("TICKETS_SECRET", "a secret of two")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut server = program(env!("CARGO_BIN_EXE_devices"), "webhook");
    server.set_variable("TICKETS_PORT", &port);
    server.set_variable("TICKETS_SECRET", "a secret of two");
    server.start().await;
    let relation = json!({ "type": "trackedBy", "targetRef": "resource:default/tickets-shop" });
    until("the relation", PATIENCE, async || {
        let shop = server.json("/entities/by-name/component/default/shop").await?;
        shop["relations"].as_array()?.contains(&relation).then_some(())
    })
    .await;
    assert!(server.stop().await.success());
    hook.kill().await.unwrap();
}

async fn push(server: &ServerProcess, folders: &Path) -> String {
    let mut python = Command::new("python3");
    python.arg("push/push.py").arg(server.api("")).arg(folders).current_dir(EXAMPLES);
    run(python.env(TOKEN.0, TOKEN.1)).await
}

#[tokio::test]
async fn a_provider_in_python_and_one_in_curl() {
    let mut server = program(env!("CARGO_BIN_EXE_devices"), "push");
    server.set_variable(TOKEN.0, TOKEN.1);
    server.start().await;
    let folders = tempfile::tempdir().unwrap();
    std::fs::create_dir(folders.path().join("one")).unwrap();
    std::fs::create_dir(folders.path().join("two")).unwrap();
    push(&server, folders.path()).await;
    let one = entity(&server, "component/default/one").await;
    assert_eq!(one["metadata"]["annotations"]["backstage.io/managed-by-location"], "push:folders");
    entity(&server, "component/default/two").await;

    std::fs::remove_dir(folders.path().join("one")).unwrap();
    let report = push(&server, folders.path()).await;
    assert_eq!(report, "added [] removed ['component:default/one']\n");
    assert_eq!(server.json("/entities/by-name/component/default/one").await, None);

    let mut curl = Command::new("push/push.sh");
    curl.arg(server.api("")).args(["three", "two"]).current_dir(EXAMPLES);
    run(curl.env(TOKEN.0, TOKEN.1)).await;
    entity(&server, "component/default/three").await;
    assert_eq!(server.json("/entities/by-name/component/default/two").await, None);
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn pushing_as_the_guide_shows() {
    let mut server = program(env!("CARGO_BIN_EXE_devices"), "push");
    server.set_variable(TOKEN.0, TOKEN.1);
    server.start().await;
    let folder = tempfile::tempdir().unwrap();
    let component = |name| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{ name: {name} }}\n\
             spec: {{ type: service, lifecycle: production, owner: makers }}\n---\n"
        )
    };
    std::fs::write(folder.path().join("all.yaml"), component("shop") + &component("old-shop")).unwrap();
    for commands in guide::commands("docs/push-providers.md") {
        if commands.contains("confirm-removals") {
            entity(&server, "component/default/shop").await;
            let nothing = server.put("/providers/folders/entities", &json!({ "entities": [] }));
            assert_eq!(nothing.bearer_auth(TOKEN.1).send().await.unwrap().status(), 409);
        }
        let answer = run_commands(&server, &commands, folder.path(), TOKEN).await;
        if commands.contains("wait=10s") {
            assert!(answer.contains(r#""added":["component:default/shop"]"#), "{answer}");
        } else if commands.contains("all.yaml") {
            assert!(answer.contains(r#""added":["component:default/old-shop"]"#), "{answer}");
        } else if commands.contains("delta") {
            assert!(answer.contains(r#""removed":["component:default/old-shop"]"#), "{answer}");
        }
    }
    // What was confirmed passes.
    let nothing = server.put("/providers/folders/entities?wait=30s", &json!({ "entities": [] }));
    assert_eq!(nothing.bearer_auth(TOKEN.1).send().await.unwrap().status(), 200);
    assert!(server.stop().await.success());
}
