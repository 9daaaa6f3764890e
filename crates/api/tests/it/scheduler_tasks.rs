use std::time::Duration;

use axum::http::Method;
use callboard_sdk::{Task, TaskSchedule, TaskScope};
use serde_json::json;

use crate::server::{Server, ServerBuilder};

const MINUTE: Duration = Duration::from_mins(1);

async fn server() -> Server {
    let hang = || async {
        std::future::pending::<()>().await;
        Ok(())
    };
    let cron = TaskSchedule::cron("0 3 1 1 *", MINUTE).unwrap();
    let server = ServerBuilder::empty()
        .task(Task::new("by:hand", TaskSchedule::manual(10 * MINUTE), hang))
        .task(Task::new("by:cron", cron, hang))
        .task(Task::new(
            "local",
            TaskSchedule::every(90 * MINUTE, MINUTE).after(48 * 60 * MINUTE).scope(TaskScope::Local),
            hang,
        ))
        .start()
        .await;
    until(&server, |tasks| tasks.iter().all(|task| task["taskState"].is_object())).await;
    server
}

/// Ends when the list is as it is wanted.
async fn until(server: &Server, wanted: impl Fn(&[serde_json::Value]) -> bool) {
    let waiting = async {
        loop {
            let list = server.get("/.backstage/scheduler/v1/tasks").await.json();
            if wanted(list["tasks"].as_array().unwrap()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::server::PATIENCE, waiting).await.unwrap();
}

#[tokio::test]
async fn tasks_are_listed() {
    let server = server().await;
    let answer = server.get("/.backstage/scheduler/v1/tasks?unknown=ignored").await;
    let mut body = answer.json();
    for task in body["tasks"].as_array_mut().unwrap() {
        for time in ["startsAt", "startedAt"] {
            if let Some(value) = task["taskState"].get_mut(time) {
                *value = json!(format!("[{time}]"));
            }
        }
    }
    insta::assert_snapshot!(format!("{} {body:#}", answer.status));
}

#[tokio::test]
async fn a_task_is_triggered_and_cancelled() {
    let server = server().await;
    let post = async |path: &str| {
        let path = format!("/.backstage/scheduler/v1/tasks/{path}");
        server.request(Method::POST, &path, None).await.brief()
    };
    assert_eq!(post("none/trigger").await, "404 NotFoundError: Task none does not exist");
    assert_eq!(post("none/cancel").await, "404 NotFoundError: Task none does not exist");
    assert_eq!(post("by%3Ahand/cancel").await, "409 ConflictError: Task by:hand is not running");
    assert_eq!(post("by%3Ahand/trigger").await, "200");
    until(&server, |tasks| tasks[1]["workerState"]["status"] == "running").await;
    assert_eq!(post("by:hand/trigger").await, "409 ConflictError: Task by:hand is currently running");
    let list = server.get("/.backstage/scheduler/v1/tasks").await.json();
    let state = &list["tasks"][1]["taskState"];
    assert_eq!(state["status"], "running");
    assert!(state["startedAt"].is_string() && state["timesOutAt"].is_string(), "{state}");
    assert_eq!(post("by:hand/cancel").await, "200");
    until(&server, |tasks| tasks[1]["workerState"]["status"] == "idle").await;
    let list = server.get("/.backstage/scheduler/v1/tasks").await.json();
    let state = &list["tasks"][1]["taskState"];
    assert_eq!(state["lastRunError"], r#"{"name":"Error","message":"it was cancelled"}"#);
    assert!(state["lastRunEndedAt"].is_string(), "{state}");
    assert_eq!(post("local/trigger").await, "200");
    until(&server, |tasks| tasks[2]["workerState"]["status"] == "running").await;
}
