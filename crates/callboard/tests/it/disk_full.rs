//! A database without room loses nothing: reads go on, changes are refused, and what was to be written is written
//! when there is room again.

use std::time::Duration;

use callboard_store::Inspection as _;
use callboard_store_sqlite::SqliteStore;
use callboard_testkit::{PostgresServer, ServerProcess, fill_disk, free_disk, until};
use rstest::rstest;
use serde_json::{Value, json};

use crate::crash::{
    ENTITIES, assert_nothing_violated, assert_same, catalog_files, config, settled, undisturbed,
};

const PATIENCE: Duration = Duration::from_mins(2);

/// The limits are for the log beside the file, which the first megabytes go to: after the schema, and a little later.
#[rstest]
#[case::early(700_000)]
#[case::later(1_500_000)]
#[tokio::test]
async fn a_sqlite_file_that_cannot_grow_is_filled_when_it_can(#[case] bytes: u64) {
    let files = catalog_files();
    let expected = undisturbed(files.path()).await;
    let mut server = crate::server(config(files.path())).outliving_full_files();
    server.spawn();
    server.limit_file_size(Some(bytes)).await;
    until_told(&server, Some("unwritable")).await;
    let entities = server.json("/entities").await.expect("reads go on");
    assert!(entities.as_array().is_some_and(|entities| entities.len() < ENTITIES), "too late for the test");
    server.limit_file_size(None).await;
    assert_same(&expected, &settled(&server).await);
    until_told(&server, None).await;
    assert!(server.stop().await.success(), "{}", server.log());
    assert_sqlite_is_whole(&server).await;
}

#[tokio::test]
async fn an_idle_server_finds_out_that_its_sqlite_file_can_grow_again() {
    let files = catalog_files();
    let mut server = crate::server(config(files.path())).outliving_full_files();
    server.start().await;
    let expected = settled(&server).await;
    let log = server.folder().join("database/catalog.sqlite-wal");
    for round in 0..2 {
        until_idle(&server).await;
        server.limit_file_size(Some(std::fs::metadata(&log).expect("a log").len())).await;
        assert_refused(&server).await;
        until_told(&server, Some("unwritable")).await;
        assert_same(&expected, &settled(&server).await);
        server.limit_file_size(None).await;
        until_told(&server, None).await;
        assert_accepted(&server, round).await;
    }
    assert!(server.stop().await.success(), "{}", server.log());
    assert_sqlite_is_whole(&server).await;
}

#[tokio::test]
async fn a_postgres_without_room_is_filled_when_there_is_some() {
    let files = catalog_files();
    let expected = undisturbed(files.path()).await;
    let postgres = PostgresServer::start();
    let database = postgres.create_database().await;
    let mut nodes = [(); 2].map(|()| crate::server_on(&database, config(files.path())));
    for node in &mut nodes {
        node.start().await;
    }
    for _ in 0..3 {
        fill_disk(&database).await;
        assert_refused(&nodes[0]).await;
        until_told(&nodes[0], Some("unwritable")).await;
        free_disk(&database).await;
        postgres.set_read_only(true).await;
        // Here the signs of life are refused as well.
        until_told(&nodes[1], Some("unwritable")).await;
        postgres.set_read_only(false).await;
        until_told(&nodes[1], None).await;
    }
    for node in &mut nodes {
        assert_same(&expected, &settled(node).await);
        until_told(node, None).await;
        assert!(node.stop().await.success(), "{}", node.log());
    }
    assert_nothing_violated(&database).await;
}

#[tokio::test]
async fn an_idle_server_finds_out_what_its_postgres_does() {
    let postgres = PostgresServer::start();
    let database = postgres.create_database().await;
    let mut server = crate::server_on(&database, json!({}));
    server.start().await;
    assert_accepted(&server, 0).await;

    fill_disk(&database).await;
    assert_refused(&server).await;
    until_told(&server, Some("unwritable")).await;
    // One trouble after the other, and back: neither hides the other for ever.
    postgres.stop();
    until_told(&server, Some("unreachable")).await;
    postgres.start_again();
    until_told(&server, Some("unwritable")).await;
    free_disk(&database).await;
    until_told(&server, None).await;

    postgres.stop();
    until_told(&server, Some("unreachable")).await;
    postgres.start_again();
    until_told(&server, None).await;

    postgres.set_read_only(true).await;
    until_told(&server, Some("unwritable")).await;
    assert_refused(&server).await;
    postgres.kill();
    until_told(&server, Some("unreachable")).await;
    postgres.start_again();
    until_told(&server, Some("unwritable")).await;
    postgres.set_read_only(false).await;
    until_told(&server, None).await;
    assert_accepted(&server, 1).await;
    assert!(server.stop().await.success(), "{}", server.log());
    assert_nothing_violated(&database).await;
}

/// Waits until answers and readiness tell of this trouble with the database. Only reads ask.
async fn until_told(server: &ServerProcess, trouble: Option<&str>) {
    until(&format!("the server to tell that its database is {trouble:?}"), PATIENCE, async || {
        let answer = server.get("/entities/by-query?limit=0").send().await.ok()?;
        assert!(matches!(answer.status().as_u16(), 200 | 503), "{}", answer.status());
        let header = answer.headers().get("callboard-database").map(|value| value.to_str().expect("text"));
        (answer.status() == 200 && header == trouble).then_some(())
    })
    .await;
    until("readiness to say the same", PATIENCE, async || {
        let ready = server.root("/.backstage/health/v1/readiness").send().await.ok()?;
        assert_eq!(ready.status(), 200, "a node that can be read stays");
        let body: Value = ready.json().await.expect("JSON");
        (body.get("database").and_then(Value::as_str) == trouble).then_some(())
    })
    .await;
}

/// Waits until nothing is left to be written, but by those who ask for it.
async fn until_idle(server: &ServerProcess) {
    let log = server.folder().join("database/catalog.sqlite-wal");
    let changed = || std::fs::metadata(&log).and_then(|log| log.modified()).expect("a log");
    let quiet = Duration::from_secs(3);
    until("the log to be left alone", PATIENCE, async || (changed().elapsed().ok()? > quiet).then_some(()))
        .await;
}

async fn assert_refused(server: &ServerProcess) {
    let body = json!({ "type": "url", "target": "https://example.com/refused.yaml" });
    let refused = server.post("/locations", &body).send().await.expect("an answer");
    assert_eq!(refused.status(), 503);
    let error: Value = refused.json().await.expect("JSON");
    assert_eq!(error["error"]["name"], "ServiceUnavailableError");
    let message = error["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("cannot be written to"), "{message}");
}

async fn assert_accepted(server: &ServerProcess, number: u32) {
    let body = json!({ "type": "url", "target": format!("https://example.com/{number}.yaml") });
    let accepted = server.post("/locations", &body).send().await.expect("an answer");
    assert_eq!(accepted.status(), 201, "{}", server.log());
    let location: Value = accepted.json().await.expect("JSON");
    let id = location["location"]["id"].as_str().expect("an id");
    assert_eq!(server.delete(&format!("/locations/{id}")).send().await.expect("an answer").status(), 204);
}

async fn assert_sqlite_is_whole(server: &ServerProcess) {
    let store = SqliteStore::open(&server.folder().join("database/catalog.sqlite")).await.expect("it opens");
    assert_eq!(store.violations().await.expect("the database can be read"), []);
}
