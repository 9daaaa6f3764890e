//! `query` asks every route that reads, and compares with another catalog only what that one answers as well.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use callboard_testkit::ServerProcess;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_callboard-bench");
const ENTITIES: &str = "200";
/// What registers, and what is no part of the catalog itself.
const WRITES: [&str; 1] = ["POST /locations"];
const READ_PREFIXES: [&str; 3] = ["/entities", "/entity-facets", "/locations"];

async fn query(arguments: &[&str]) -> Output {
    let small = ["query", "--entities", ENTITIES, "--milliseconds", "5", "--most-milliseconds", "20"];
    Command::new(PROGRAM).args(small).args(arguments).output().await.unwrap()
}

fn table(output: &Output) -> String {
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{table}\n{}", String::from_utf8_lossy(&output.stderr));
    table
}

#[tokio::test]
async fn every_route_that_reads_is_asked() {
    let mut server = ServerProcess::new(PROGRAM, json!({}));
    server.start().await;
    let document = server.json("/openapi.json").await.unwrap();
    server.stop().await;
    let mut reads = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/catalog").unwrap_or(path);
        for method in
            methods.as_object().unwrap().keys().filter(|method| ["get", "post"].contains(&method.as_str()))
        {
            let route = format!("{} {path}", method.to_uppercase());
            let is_read = READ_PREFIXES.iter().any(|prefix| path.starts_with(prefix));
            if is_read && !WRITES.contains(&route.as_str()) {
                reads.insert(route);
            }
        }
    }
    let output = query(&["--connections", "1"]).await;
    let table = table(&output);
    let routes = table.lines().filter(|line| line.starts_with("GET /") || line.starts_with("POST /"));
    let asked: BTreeSet<String> = routes.map(str::to_owned).collect();
    assert_eq!(asked, reads);
}

/// Another catalog: one that answers some questions as ours does, some otherwise, and some not at all.
#[derive(Default)]
struct OtherCatalog {
    registered: AtomicUsize,
    unregistered: AtomicUsize,
    /// Who asked for an entity by its uid.
    clients: Mutex<HashSet<SocketAddr>>,
}

async fn answer(State(other): State<Arc<OtherCatalog>>, request: Request) -> Response {
    let path = request.uri().path().strip_prefix("/api/catalog").unwrap_or_default().to_owned();
    let many = |count: usize| vec![json!({}); count];
    let entity = || json!({ "metadata": { "uid": "that-uid" } });
    match (request.method(), path.as_str()) {
        (_, "/synth/mutate") => json_of(json!({ "generateMs": 0, "applyMs": 0 })),
        (_, "/synth/status") => json_of(json!({
            "unprocessed": 0, "stitchQueue": 0, "finalEntities": 200, "cpuMs": 0, "maxRssMb": 0
        })),
        (&Method::POST, "/locations") => {
            let number = other.registered.fetch_add(1, Ordering::Relaxed);
            let location = json!({ "location": { "id": format!("location-{number}") } });
            (StatusCode::CREATED, Json(location)).into_response()
        }
        (&Method::DELETE, _) => {
            other.unregistered.fetch_add(1, Ordering::Relaxed);
            StatusCode::NO_CONTENT.into_response()
        }
        (_, "/entities/by-refs") => StatusCode::NOT_IMPLEMENTED.into_response(),
        (_, "/entities/by-uid/that-uid") => {
            // Well on a new connection, where it is asked alone.
            let ConnectInfo(client) = *request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap();
            let is_new = other.clients.lock().unwrap().insert(client);
            if is_new { json_of(entity()) } else { StatusCode::SERVICE_UNAVAILABLE.into_response() }
        }
        (_, "/entities/by-query") => json_of(
            json!({ "items": many(20), "totalItems": 77, "pageInfo": { "nextCursor": "that-cursor" } }),
        ),
        (_, path) if path.ends_with("/ancestry") => std::future::pending().await,
        _ => json_of(entity()),
    }
}

fn json_of(value: Value) -> Response {
    Json(value).into_response()
}

async fn beside_other(only: &str) -> (String, Arc<OtherCatalog>) {
    let other = Arc::new(OtherCatalog::default());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&other));
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let arguments =
        ["--reference", &url, "--connections", "1", "--timeout-milliseconds", "3000", "--only", only];
    let table = table(&query(&arguments).await);
    server.abort();
    (table, other)
}

fn row<'a>(table: &'a str, name: &str) -> &'a str {
    let row = table.lines().find(|line| line.trim_start().starts_with(&format!("{name}  ")));
    row.unwrap_or_else(|| panic!("no row for {name} in\n{table}"))
}

/// The columns of figures in a row.
fn figures(row: &str, name: &str) -> usize {
    let cells = row.trim_start().strip_prefix(name).unwrap().split_whitespace();
    cells.take_while(|cell| cell.parse::<f64>().is_ok()).count()
}

#[tokio::test]
async fn what_both_answer_alike_has_ratios() {
    let (table, other) = beside_other("by-name").await;
    let row = row(&table, "by-name");
    assert_eq!(figures(row, "by-name"), 7 + 8, "{table}");
    assert!(table.contains("at the median of 1 questions"), "{table}");
    let registered = other.registered.load(Ordering::Relaxed);
    assert!(registered > 0);
    assert_eq!(other.unregistered.load(Ordering::Relaxed), registered);
}

#[tokio::test]
async fn an_answer_with_something_else_is_said_to_differ() {
    let (table, _) = beside_other("count of everything").await;
    let row = row(&table, "count of everything");
    assert!(row.ends_with("differs: 0 of 200 items, the other 20 of 77"), "{table}");
    assert!(!table.contains("at the median of"), "{table}");
}

#[tokio::test]
async fn an_error_is_no_fast_answer() {
    let (table, _) = beside_other("by-refs").await;
    let row = row(&table, "by-refs, 100");
    assert_eq!(figures(row, "by-refs, 100"), 7, "{table}");
    assert!(row.ends_with("not answered: 501 Not Implemented"), "{table}");
}

#[tokio::test]
async fn neither_is_no_answer_at_all() {
    let (table, _) = beside_other("ancestry").await;
    let row = row(&table, "ancestry");
    assert_eq!(figures(row, "ancestry"), 7, "{table}");
    assert!(row.ends_with("not answered: no answer within 3s"), "{table}");
}

#[tokio::test]
async fn where_some_requests_fail_there_is_no_ratio() {
    let (table, _) = beside_other("by-uid").await;
    let row = row(&table, "by-uid");
    assert!(row.contains("requests failed: 503 Service Unavailable"), "{table}");
    assert!(!table.contains("at the median of"), "{table}");
}
