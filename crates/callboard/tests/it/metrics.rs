//! What the server tells of itself.

use std::time::Duration;

use callboard_testkit::{ServerProcess, Upstream, until};
use serde_json::json;

const PATIENCE: Duration = Duration::from_mins(1);

async fn metrics(server: &ServerProcess) -> String {
    let answer = server.root("/metrics").send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let content_type = answer.headers()["content-type"].to_str().expect("a text");
    assert!(content_type.starts_with("text/plain; version=0.0.4"), "{content_type}");
    answer.text().await.expect("a text")
}

/// What stands behind a name with all of its labels.
fn written<'a>(metrics: &'a str, series: &str) -> &'a str {
    let found = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {series} in {metrics}"))
}

#[tokio::test]
async fn the_catalog_and_its_requests_are_counted() {
    let upstream = Upstream::start().await;
    let text = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: a }\n\
                spec: { type: service, lifecycle: production, owner: crew }\n";
    upstream.set("a.yaml", text);
    let mut server = crate::server(json!({
        "backend": { "reading": { "allow": [{ "host": upstream.host() }] } },
    }));
    server.start().await;
    let body = json!({ "type": "url", "target": upstream.url("a.yaml") });
    assert_eq!(server.post("/locations", &body).send().await.expect("an answer").status(), 201);
    until("the entity", PATIENCE, async || server.json("/entities/by-name/component/default/a").await).await;
    assert!(server.json("/entities/by-query?filter=kind=component&orderField=metadata.name").await.is_some());
    assert_eq!(server.get("/entities?limit=x").send().await.expect("an answer").status(), 400);

    let metrics = metrics(&server).await;
    let exactly = |series: &str| written(&metrics, series);
    let value = |series: &str| exactly(series).parse::<f64>().expect("a number");
    let by_name = "route=\"/api/catalog/entities/by-name/{kind}/{namespace}/{name}\"";
    assert_eq!(exactly("catalog_entities_count{kind=\"component\"}"), "1");
    assert_eq!(exactly("catalog_entities_count{kind=\"location\"}"), "1");
    assert_eq!(exactly("catalog_registered_locations_count"), "1");
    // The owner does not exist; the relation does.
    assert_eq!(exactly("catalog_relations_count"), "1");
    assert!(value("catalog_processed_entities_count{result=\"changed\"}") >= 2.0);
    assert!(value("catalog_processing_duration_seconds_count{result=\"changed\"}") >= 2.0);
    assert!(value("catalog_processors_duration_seconds_count{result=\"ok\"}") >= 2.0);
    assert!(value("catalog_processing_queue_delay_seconds_count") >= 2.0);
    assert!(value("catalog_stitched_entities_count{result=\"changed\"}") >= 2.0);
    assert!(value("catalog_stitching_duration_seconds_count") >= 1.0);
    assert!(value("catalog_stitching_queue_length") >= 0.0);
    assert!(value("catalog_store_batch_duration_seconds_count{operation=\"commit_processed\"}") >= 1.0);
    assert!(value("catalog_index_position") >= 1.0);
    assert!(value("catalog_index_changes_behind") >= 0.0);
    assert!(value("catalog_index_memory_bytes{part=\"bodies\"}") > 100.0);
    assert!(
        value(&format!("http_request_duration_seconds_bucket{{method=\"GET\",{by_name},le=\"60\"}}")) >= 1.0
    );
    assert!(value(&format!("http_requests_total{{method=\"GET\",{by_name},status=\"200\"}}")) >= 1.0);
    assert!(
        value("http_requests_total{method=\"GET\",route=\"/api/catalog/entities\",status=\"400\"}") >= 1.0
    );
    assert_eq!(exactly("http_requests_in_flight"), "1");
    assert!(value("http_connections") >= 1.0);
    assert_eq!(exactly("catalog_query_duration_seconds_count{shape=\"filter+order\",page=\"first\"}"), "1");
    assert!(value("process_resident_memory_bytes") > 1_000_000.0);

    // Mistakes and changes are in the log, reads that went well are not.
    let log = server.log();
    let answered: Vec<&str> = log.lines().filter(|line| line.contains("answered")).collect();
    assert!(answered.iter().any(|line| line.contains("status=400") && line.contains("request.id=")), "{log}");
    assert!(
        answered.iter().any(|line| line.contains("status=201") && line.contains("caller=\"none\"")),
        "{log}"
    );
    assert!(!answered.iter().any(|line| line.contains("status=200")), "{log}");
}

#[tokio::test]
async fn they_are_shown_to_those_who_may_call() {
    let config = |metrics: serde_json::Value| {
        json!({
            "backend": { "auth": { "externalAccess": [
                { "type": "static", "options": { "token": "a-token-of-some-length", "subject": "watcher" } },
            ] } },
            "callboard": { "metrics": metrics },
        })
    };
    let status = async |server: &ServerProcess, path: &str, token: Option<&str>| {
        let request = server.root(path);
        let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
        request.send().await.expect("an answer").status().as_u16()
    };
    let mut guarded = crate::server(config(json!({})));
    guarded.start().await;
    assert_eq!(status(&guarded, "/metrics", None).await, 401);
    assert_eq!(status(&guarded, "/metrics", Some("another-token-of-some-length")).await, 401);
    assert_eq!(status(&guarded, "/metrics", Some("a-token-of-some-length")).await, 200);
    let mut public = crate::server(config(json!({ "public": true, "path": "/internal/metrics" })));
    public.start().await;
    assert_eq!(status(&public, "/internal/metrics", None).await, 200);
    assert_eq!(status(&public, "/metrics", None).await, 404);
    let mut off = crate::server(config(json!({ "enabled": false })));
    off.start().await;
    assert_eq!(status(&off, "/metrics", Some("a-token-of-some-length")).await, 404);
}
