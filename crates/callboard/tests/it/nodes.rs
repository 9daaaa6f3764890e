//! Several nodes on one PostgreSQL database, and what may happen to them and to it.

use std::time::Duration;

use callboard_testkit::{PostgresServer, ServerProcess, Upstream, postgres_database, until};
use serde_json::json;

use crate::crash::{assert_nothing_violated, assert_same, catalog_files, config, settled, undisturbed};

const KILLS: u64 = 12;
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test]
async fn nodes_that_are_killed_in_turn_end_like_one_that_was_not() {
    let files = catalog_files();
    let expected = undisturbed(files.path()).await;
    let database = postgres_database().await;
    let mut nodes = [(); 3].map(|()| crate::server_on(&database, config(files.path())));
    nodes.iter_mut().for_each(ServerProcess::spawn);
    for (kill, turn) in (0..KILLS).zip((0..nodes.len()).cycle()) {
        // Nothing is waited for: the moments are spread over the ingestion.
        tokio::time::sleep(Duration::from_millis(30 + kill * 379 % 900)).await;
        let node = &mut nodes[turn];
        node.kill().await;
        node.spawn();
    }
    for node in &nodes {
        assert_same(&expected, &settled(node).await);
    }
    for node in &mut nodes {
        assert!(node.stop().await.success(), "{}", node.log());
    }
    assert_nothing_violated(&database).await;
}

#[tokio::test]
async fn the_database_may_stop_die_stand_still_and_cut_connections() {
    let files = catalog_files();
    let expected = undisturbed(files.path()).await;
    let postgres = PostgresServer::start();
    let database = postgres.create_database().await;
    let mut nodes = [(); 2].map(|()| crate::server_on(&database, config(files.path())));
    for node in &mut nodes {
        node.start().await;
    }
    for round in 0..3 {
        tokio::time::sleep(Duration::from_millis(100 + round * 150)).await;
        postgres.cut_connections().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        postgres.stop();
        postgres.start_again();
        tokio::time::sleep(Duration::from_millis(300)).await;
        postgres.kill();
        postgres.start_again();
    }
    postgres.pause();
    until("a node to say that the database does not answer", PATIENCE, async || {
        let answer = nodes[0].get("/entities/by-query?limit=0").send().await.ok()?;
        assert!(answer.status().is_success(), "reads go on");
        answer.headers().get("callboard-database").filter(|value| *value == "unreachable").map(|_| ())
    })
    .await;
    let ready = nodes[0].root("/.backstage/health/v1/readiness").send().await.expect("an answer");
    assert_eq!(ready.status(), 200);
    assert_eq!(ready.json::<serde_json::Value>().await.expect("JSON")["database"], "unreachable");
    postgres.resume();
    for node in &nodes {
        assert_same(&expected, &settled(node).await);
        until("the database to answer again", PATIENCE, async || {
            let answer = node.get("/entities/by-query?limit=0").send().await.ok()?;
            (!answer.headers().contains_key("callboard-database")).then_some(())
        })
        .await;
    }
    for node in &mut nodes {
        assert!(node.stop().await.success(), "{}", node.log());
    }
    assert_nothing_violated(&database).await;
}

#[tokio::test]
async fn one_node_takes_in_what_another_one_serves() {
    let upstream = Upstream::start().await;
    let component = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: star }\n\
        spec: { type: service, lifecycle: production, owner: crew }\n";
    upstream.set("star.yaml", component);
    let config = json!({ "backend": { "reading": { "allow": [{ "host": upstream.host() }] } } });
    let database = postgres_database().await;
    let mut ingesting = crate::server_on(&database, config.clone()).role("ingest");
    let mut reading = crate::server_on(&database, config).role("read");
    ingesting.start().await;
    reading.start().await;

    let refused = ingesting.get("/entities").send().await.expect("an answer");
    assert_eq!(refused.status(), 503);
    let body = json!({ "type": "url", "target": upstream.url("star.yaml") });
    let registered = reading.post("/locations", &body).send().await.expect("an answer");
    assert_eq!(registered.status(), 201);
    // The one that wrote it shows it at once.
    assert_eq!(reading.json("/locations").await.expect("the locations").as_array().map(Vec::len), Some(1));
    until("the entity on the node that reads", PATIENCE, async || {
        reading.json("/entities/by-name/component/default/star").await
    })
    .await;
    assert!(reading.stop().await.success());
    assert!(ingesting.stop().await.success());
}

#[tokio::test]
async fn a_sqlite_database_has_one_node() {
    let mut server = crate::server(json!({})).role("read");
    server.spawn();
    let status = server.ended().await;
    assert!(!status.success());
    assert!(server.log().contains("--role"), "{}", server.log());
}
