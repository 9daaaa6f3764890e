//! Full exports: what the sources said moves, too, from any database to any other.

use std::path::Path;
use std::time::Duration;

use callboard_testkit::{ServerProcess, Upstream, postgres_database, until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::moving::{config, printed};

const PATIENCE: Duration = Duration::from_mins(1);
const TOKEN: &str = "the-token-of-the-frobs";

fn component(name: &str, description: &str) -> Value {
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name, "description": description },
        "spec": { "type": "service", "lifecycle": "production", "owner": "crew" },
    })
}

/// A file, a page and a program that say what there is.
struct Sources {
    folder: TempDir,
    upstream: Upstream,
}

impl Sources {
    async fn new() -> Self {
        let sources = Self { folder: tempfile::tempdir().unwrap(), upstream: Upstream::start().await };
        sources.write(&["lights", "sound"]);
        sources.upstream.set("page.yaml", component("page", "from a page").to_string());
        sources
    }

    fn file(&self) -> String {
        self.folder.path().join("catalog.yaml").to_str().unwrap().to_owned()
    }

    fn write(&self, names: &[&str]) {
        let documents = names.iter().map(|name| component(name, "from the file").to_string());
        std::fs::write(self.file(), documents.collect::<Vec<_>>().join("\n---\n")).unwrap();
    }

    fn config(&self) -> Value {
        json!({
            "backend": { "reading": { "allow": [{ "host": self.upstream.host() }] } },
            "catalog": {
                "processingInterval": { "seconds": 1 },
                "orphanStrategy": "keep",
                "locations": [{ "type": "file", "target": self.file() }],
                "providers": { "push": { "frobs": { "tokens": [TOKEN] } } },
            },
        })
    }
}

async fn push(server: &ServerProcess, entities: &[Value]) {
    let request = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = request.put(server.api("/providers/frobs/entities?wait=1m")).bearer_auth(TOKEN);
    let answer = request.json(&json!({ "entities": entities })).send().await.unwrap();
    let status = answer.status();
    assert_eq!(status, 200, "{}", answer.text().await.unwrap());
}

async fn register(server: &ServerProcess, target: &str) {
    let location = json!({ "type": "url", "target": target });
    assert_eq!(server.post("/locations", &location).send().await.unwrap().status(), 201);
}

/// All that clients see of all entities, uids and etags included.
async fn catalog(server: &ServerProcess) -> Vec<String> {
    let entities = server.json("/entities").await.unwrap();
    let mut entities: Vec<String> = entities.as_array().unwrap().iter().map(Value::to_string).collect();
    entities.sort();
    entities
}

fn names(entities: &[String]) -> Vec<String> {
    let name = |text: &String| {
        let entity: Value = serde_json::from_str(text).unwrap();
        let name = entity["metadata"]["name"].as_str().unwrap().to_owned();
        (entity["kind"] != "Location").then_some(name)
    };
    let mut names: Vec<String> = entities.iter().filter_map(name).collect();
    names.sort();
    names
}

/// A server on whose database all kinds of claims are: by providers, by entities, rivals, and an orphan.
async fn furnished(mut server: ServerProcess, sources: &Sources) -> ServerProcess {
    server.start().await;
    // What the file says is there first, and so its key.
    until("the file", PATIENCE, async || {
        (names(&catalog(&server).await) == ["lights", "sound"]).then_some(())
    })
    .await;
    push(&server, &[component("frob", "pushed"), component("lights", "pushed"), component("page", "pushed")])
        .await;
    register(&server, &sources.upstream.url("page.yaml")).await;
    register(&server, "https://elsewhere.example/that-is-not-read.yaml").await;
    sources.write(&["lights", "stage"]);
    until("an orphan", PATIENCE, async || {
        let entities = catalog(&server).await;
        let is_there = names(&entities) == ["frob", "lights", "page", "sound", "stage"];
        (is_there && entities.join("\n").contains("backstage.io/orphan")).then_some(())
    })
    .await;
    server
}

/// The lines of an export but for its last one, in an order that does not depend on the database.
fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines.pop().unwrap().starts_with("{\"end\":"), "{text}");
    lines.sort();
    lines
}

async fn export(server: &ServerProcess, file: &Path) -> Vec<String> {
    printed(0, &["export", "--full", "--config", &config(server), "--output", file.to_str().unwrap()]).await;
    lines(file)
}

/// Moves everything to a database that is empty; there is nothing to see then that was not there before.
async fn moved(file: &Path, mut server: ServerProcess, before: &[String]) -> ServerProcess {
    let (into, file) = (config(&server), file.to_str().unwrap());
    let report = |what: &str| {
        format!(
            "entities:  8 {what}, 0 present already\nclaims:    9 {what}, 0 present already\n\
             locations: 2 {what}, 0 present already, 0 refused\n"
        )
    };
    let dry = printed(0, &["import", "--config", &into, "--dry-run", file]).await;
    assert_eq!(dry, report("would be added"));
    assert_eq!(printed(0, &["import", "--config", &into, file]).await, report("added"));
    let again = printed(0, &["import", "--config", &into, file]).await;
    assert_eq!(
        again,
        "entities:  0 added, 8 present already\nclaims:    0 added, 9 present already\n\
         locations: 0 added, 2 present already, 0 refused\n"
    );
    server.start().await;
    let mut after = Vec::new();
    let same = tokio::time::timeout(PATIENCE, async {
        until("the same catalog", PATIENCE * 2, async || {
            after = catalog(&server).await;
            (after == before).then_some(())
        })
        .await;
    });
    let is_same = same.await.is_ok();
    assert!(is_same, "before:\n{}\n\nafter:\n{}", before.join("\n"), after.join("\n"));
    server
}

#[tokio::test]
async fn everything_moves_from_sqlite_to_postgres_and_back() {
    let sources = Sources::new().await;
    let mut old = furnished(crate::server(sources.config()), &sources).await;
    let before = catalog(&old).await;
    let of =
        |name: &str| before.iter().find(|entity| entity.contains(&format!("\"name\":\"{name}\""))).unwrap();
    assert!(of("page").contains("pushed") && of("lights").contains("from the file"), "who came first stays");
    // Beside the running server.
    let files = tempfile::tempdir().unwrap();
    let first = files.path().join("first.jsonl");
    let exported = export(&old, &first).await;
    assert!(old.stop().await.success());

    let database = postgres_database().await;
    let mut middle = moved(&first, crate::server_on(&database, sources.config()), &before).await;
    let second = files.path().join("second.jsonl");
    assert_eq!(export(&middle, &second).await, exported);
    let mut last = moved(&second, crate::server(sources.config()), &before).await;
    assert_eq!(export(&last, &files.path().join("third.jsonl")).await, exported);

    // The bucket is the provider's again.
    for server in [&mut middle, &mut last] {
        push(server, &[component("frob", "pushed")]).await;
        push(server, &[component("frob", "pushed anew")]).await;
        let entities = catalog(server).await;
        assert_eq!(names(&entities), ["frob", "lights", "page", "sound", "stage"]);
        assert!(entities.join("\n").contains("pushed anew"));
        push(server, &[]).await;
        until("the page in place of what was pushed", PATIENCE, async || {
            let entities = catalog(server).await;
            let is_there = names(&entities) == ["lights", "page", "sound", "stage"];
            (is_there && entities.join("\n").contains("from a page")).then_some(())
        })
        .await;
        assert!(server.stop().await.success());
        let sound = printed(0, &["doctor", "--config", &config(server)]).await;
        assert!(sound.ends_with("everything is as it has to be\n"), "{sound}");
    }
}

#[tokio::test]
async fn everything_moves_from_postgres_to_another() {
    let sources = Sources::new().await;
    let database = postgres_database().await;
    let mut old = furnished(crate::server_on(&database, sources.config()), &sources).await;
    let before = catalog(&old).await;
    assert!(old.stop().await.success());
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("export.jsonl");
    let exported = export(&old, &file).await;
    let mut new = moved(&file, crate::server_on(&postgres_database().await, sources.config()), &before).await;
    assert!(new.stop().await.success());
    assert_eq!(export(&new, &files.path().join("again.jsonl")).await, exported);
}

#[tokio::test]
async fn of_a_damaged_export_nothing_is_imported() {
    let mut server = crate::server(json!({}));
    server.start().await;
    register(&server, "https://elsewhere.example/one.yaml").await;
    assert!(server.stop().await.success());
    let into = crate::server(json!({}));
    let file = into.folder().join("export.jsonl");
    export(&server, &file).await;
    let whole = std::fs::read_to_string(&file).unwrap();
    let cut = whole.lines().take(2).collect::<Vec<_>>().join("\n");
    for (damaged, expected) in [
        (whole.replace("one.yaml", "two.yaml"), "its hash is not that of the lines before it"),
        (cut, "line 3: the file is cut short, its last line is missing"),
        (whole.replace("\"version\":2", "\"version\":7"), "this is an export of version 7"),
    ] {
        std::fs::write(&file, damaged).unwrap();
        let text = printed(1, &["import", "--config", &config(&into), file.to_str().unwrap()]).await;
        assert!(text.contains(expected), "{text}");
        assert!(!into.folder().join("database").exists());
    }
    let text = printed(2, &["export", "--full", "--from", "http://127.0.0.1:1/api/catalog"]).await;
    assert!(text.contains("--full"), "{text}");
}
