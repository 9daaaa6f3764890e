use std::fmt::Write as _;
use std::time::Duration;

use axum::http::Method;
use callboard_model::Entity;
use callboard_sdk::{
    Burst, DeferredEntity, IncrementalEntityProvider, IncrementalOptions, Page, ProviderError, async_trait,
};
use serde_json::{Value, json};

use crate::server::{Server, ServerBuilder};

/// Two pages, with one entity each.
struct Demo;

#[async_trait]
impl IncrementalEntityProvider for Demo {
    type Cursor = Value;
    type Context = ();

    fn name(&self) -> &'static str {
        "demo"
    }

    async fn around(&self, burst: Burst<'_, Self>) -> Result<(), ProviderError> {
        burst.run(&()).await
    }

    async fn next(&self, (): &(), cursor: Option<Value>) -> Result<Page<Value>, ProviderError> {
        let name = if cursor.is_none() { "first" } else { "second" };
        let entity = json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": { "name": name },
            "spec": { "type": "service", "lifecycle": "production", "owner": "crew" },
        });
        let entities = vec![DeferredEntity { entity: Entity::from_value(entity)?, location_key: None }];
        Ok(match cursor {
            None => Page::More { entities, cursor: json!({ "page": 2 }) },
            Some(_) => Page::Last { entities },
        })
    }
}

async fn server() -> Server {
    let options =
        IncrementalOptions { burst_interval: Duration::from_millis(100), ..IncrementalOptions::default() };
    let server = ServerBuilder::empty()
        .registry(|registry| registry.add_incremental_provider(Demo, options))
        .start()
        .await;
    until(&server, "resting").await;
    server
}

async fn until(server: &Server, action: &str) {
    let waiting = async {
        while server.get("/incremental/providers/demo").await.json()["status"]["current_action"] != action {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::server::PATIENCE, waiting).await.unwrap();
}

#[tokio::test]
async fn what_is_seen() {
    let server = server().await;
    let mut answers = String::new();
    for path in [
        "health",
        "providers",
        "providers/demo",
        "providers/demo/marks",
        "providers/nope",
        "providers/nope/marks",
    ] {
        let answer = server.get(&format!("/incremental/{path}?unknown=ignored")).await;
        write!(answers, "GET {path}\n{}\n\n", answer.snapshot()).unwrap();
    }
    insta::assert_snapshot!(answers);
}

#[tokio::test]
async fn what_is_done() {
    let server = server().await;
    let mut answers = String::new();
    for (method, path, then) in [
        ("POST", "providers/nope/trigger", None),
        ("POST", "providers/nope/start", None),
        ("POST", "providers/nope/cancel", None),
        ("DELETE", "providers/nope", None),
        ("DELETE", "providers/nope/marks", None),
        ("POST", "providers/demo/cancel", None),
        ("POST", "providers/demo/start", Some("resting")),
        ("DELETE", "providers/demo/marks", None),
        ("DELETE", "providers/demo", None),
        ("POST", "cleanup", None),
        ("POST", "providers/demo/trigger", None),
    ] {
        let answer = server.request(method.parse().unwrap(), &format!("/incremental/{path}"), None).await;
        write!(answers, "{method} {path}\n{}\n\n", answer.snapshot()).unwrap();
        if let Some(action) = then {
            until(&server, action).await;
        }
    }
    insta::assert_snapshot!(answers);
}

#[tokio::test]
async fn refused_removals() {
    let server = ServerBuilder::empty().start().await;
    let list = server.get("/providers/refused-removals").await;
    assert_eq!(list.text(), r#"{"items":[]}"#);
    let confirmed = server.request(Method::POST, "/providers/nope/confirm-removals", None).await;
    assert_eq!(confirmed.brief(), "404 NotFoundError: No removal of the provider 'nope' was refused");
}
