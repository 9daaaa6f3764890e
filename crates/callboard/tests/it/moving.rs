use std::path::Path;
use std::process::{Output, Stdio};

use callboard_testkit::{ServerProcess, postgres_database};
use serde_json::{Value, json};
use tokio::process::Command;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "the-token-of-the-move";

fn guarded() -> ServerProcess {
    crate::server(authentication())
}

fn authentication() -> Value {
    json!({ "backend": { "auth": { "externalAccess": [
        { "type": "static", "options": { "token": TOKEN, "subject": "mover" } },
    ] } } })
}

async fn callboard(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.args(["--log", "off"]).args(arguments).stdin(Stdio::null()).output().await.unwrap()
}

/// What a command printed, which has to end with an exit code.
pub(crate) async fn printed(code: i32, arguments: &[&str]) -> String {
    let output = callboard(arguments).await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap() + &error
}

pub(crate) fn config(server: &ServerProcess) -> String {
    server.folder().join("app-config.yaml").to_str().unwrap().to_owned()
}

async fn register(server: &ServerProcess, target: &str) {
    let location = json!({ "type": "url", "target": target });
    let answer = server.post("/locations", &location).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(answer.status(), 201);
}

/// The registered locations as the API shows them.
async fn locations(server: &ServerProcess) -> Value {
    server.get("/locations").bearer_auth(TOKEN).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn locations_move_from_one_server_to_another() {
    let (mut old, mut new) = (guarded(), guarded());
    old.start().await;
    register(&old, "https://host.example/one.yaml").await;
    register(&old, "https://host.example/two.yaml").await;
    let file = new.folder().join("locations.jsonl");
    let file = file.to_str().unwrap();
    let api = old.api("");
    printed(0, &["export", "--from", &api, "--token", TOKEN, "--output", file]).await;
    let exported = std::fs::read_to_string(file).unwrap();
    assert_eq!(printed(0, &["export", "--config", &config(&old)]).await, exported);

    let list = |state: &str| {
        format!("{state}  url:https://host.example/one.yaml\n{state}  url:https://host.example/two.yaml\n")
    };
    let into_new = config(&new);
    let dry = printed(0, &["import", "--config", &into_new, "--dry-run", file]).await;
    assert_eq!(dry, list("added  ") + "2 would be added, 0 present already, 0 refused\n");
    assert!(!Path::new(&new.folder().join("database")).exists(), "a dry run leaves nothing behind");
    let done = printed(0, &["import", "--config", &into_new, "--from", &api, "--token", TOKEN]).await;
    assert_eq!(done, list("added  ") + "2 added, 0 present already, 0 refused\n");
    let again = printed(0, &["import", "--config", &into_new, file]).await;
    assert_eq!(again, list("present") + "0 added, 2 present already, 0 refused\n");
    assert_eq!(printed(0, &["export", "--config", &into_new]).await, exported);

    new.start().await;
    assert_eq!(locations(&new).await, locations(&old).await);
    assert!(old.stop().await.success());
    assert!(new.stop().await.success());
}

#[tokio::test]
async fn locations_move_from_sqlite_to_postgres() {
    let mut old = guarded();
    old.start().await;
    register(&old, "https://host.example/one.yaml").await;
    let before = locations(&old).await;
    assert!(old.stop().await.success());
    let file = old.folder().join("locations.jsonl");
    let file = file.to_str().unwrap();
    let exported = printed(0, &["export", "--config", &config(&old)]).await;
    std::fs::write(file, &exported).unwrap();

    let mut new = crate::server_on(&postgres_database().await, authentication());
    let into_new = config(&new);
    let done = printed(0, &["import", "--config", &into_new, file]).await;
    assert_eq!(done, "added    url:https://host.example/one.yaml\n1 added, 0 present already, 0 refused\n");
    new.start().await;
    assert_eq!(locations(&new).await, before);
    // Also while a server runs on it.
    assert_eq!(printed(0, &["export", "--config", &into_new]).await, exported);
    assert!(new.stop().await.success());
    let sound = printed(0, &["doctor", "--config", &into_new]).await;
    assert!(sound.ends_with("everything is as it has to be\n"), "{sound}");
}

/// A row that older servers wrote for themselves is left out, and so are fields that nobody knows.
#[tokio::test]
async fn locations_move_from_a_backstage() {
    let backstage = MockServer::start().await;
    let id = "6f9619ff-8b86-4d11-b42d-00c04fc964ff";
    let rows = json!([
        { "data": { "id": "c0ffee00-8b86-4d11-b42d-00c04fc964ff", "type": "bootstrap", "target": "bootstrap" } },
        { "data": {
            "id": id, "type": "url", "target": "https://host.example/one.yaml", "entityRef": "location:x/y", "z": 1,
        } },
    ]);
    Mock::given(method("GET"))
        .and(path("/api/catalog/locations"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(rows))
        .mount(&backstage)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(401))
        .with_priority(200)
        .mount(&backstage)
        .await;
    let mut new = guarded();
    let (into, from) = (config(&new), format!("{}/api/catalog", backstage.uri()));
    let refused = printed(1, &["import", "--config", &into, "--from", &from, "--token", "another"]).await;
    assert!(refused.contains("401") && refused.contains("a token is needed"), "{refused}");
    let done = printed(0, &["import", "--config", &into, "--from", &from, "--token", TOKEN]).await;
    assert_eq!(done, "added    url:https://host.example/one.yaml\n1 added, 0 present already, 0 refused\n");
    new.start().await;
    let locations = locations(&new).await;
    assert_eq!(locations.as_array().unwrap().len(), 1);
    assert_eq!(locations[0]["data"]["id"], id);
    assert!(new.stop().await.success());
}

#[tokio::test]
async fn what_cannot_be_moved_is_said() {
    let server = guarded();
    let into = config(&server);
    let write = |name: &str, lines: &[Value]| {
        let path = server.folder().join(name);
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&path, text.join("\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let header = json!({ "callboardExport": { "version": 1 } });
    let location =
        |id: &str, target: &str| json!({ "location": { "id": id, "type": "url", "target": target } });
    let id = "6f9619ff-8b86-4d11-b42d-00c04fc964ff";
    let first = write("first", &[header.clone(), location(id, "https://host.example/one.yaml")]);
    printed(0, &["import", "--config", &into, &first]).await;
    let second = [
        header,
        location(id, "https://host.example/two.yaml"),
        location("7", "https://host.example/three.yaml"),
    ];
    let text = printed(1, &["import", "--config", &into, &write("second", &second)]).await;
    assert_eq!(
        text,
        "refused  url:https://host.example/two.yaml: its id is that of url:https://host.example/one.yaml\n\
         refused  url:https://host.example/three.yaml: its id \"7\" is no UUID\n\
         0 added, 0 present already, 2 refused\n"
    );
    let text = printed(1, &["import", "--config", &into, &write("third", &[json!([])])]).await;
    assert!(text.contains("line 1: this is not what callboard export writes"), "{text}");
    let text = printed(1, &["import", "--config", &into, "--from", "http://127.0.0.1:1/api/catalog"]).await;
    assert!(text.contains("cannot ask http://127.0.0.1:1/api/catalog/locations"), "{text}");
}

#[tokio::test]
async fn a_memory_takes_nothing() {
    let server = ServerProcess::in_memory(env!("CARGO_BIN_EXE_callboard"), json!({}));
    let text = printed(1, &["export", "--config", &config(&server)]).await;
    assert!(text.contains("in the memory of its server"), "{text}");
    let text = printed(1, &["import", "--config", &config(&server)]).await;
    assert!(text.contains("this is not what callboard export writes"), "{text}");
}
