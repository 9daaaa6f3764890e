use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request, header};
use callboard_api::{AuditEvent, AuditSink, AuditSinks, AuthPolicy, Authentication};
use callboard_auth::{
    AuthSettings, Authenticator, Discovery, ExternalAccess, JwksSource, LoadError, SigningKeys, SystemClock,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::server::{Server, ServerBuilder, THEATRE_URL};

const CI: &str = "the-token-of-ci";
const READER: &str = "the-token-of-a-reader";
const OUTSIDER: &str = "the-token-of-an-outsider";

#[derive(Default)]
struct Captured(Mutex<Vec<AuditEvent>>);

impl AuditSink for Captured {
    fn record(&self, event: &AuditEvent) {
        self.0.lock().push(event.clone());
    }
}

impl Captured {
    /// One line for each event, without what differs from run to run.
    fn take(&self) -> String {
        let events = std::mem::take(&mut *self.0.lock());
        let lines = events.iter().map(|event| {
            assert!(!event.request.id.is_empty());
            let error = event.error.as_ref().map(|error| format!(" ({}: {})", error.name, error.message));
            format!(
                "{} {} {}: {} {} {} {}{} on {}\n",
                event.request.method,
                event.request.url,
                event.actor.id.as_deref().unwrap_or("nobody"),
                event.event_id,
                event.action,
                event.severity_level.as_str(),
                event.status.as_str(),
                error.unwrap_or_default(),
                serde_json::to_string(&event.target).unwrap(),
            )
        });
        lines.collect()
    }
}

struct NoKeys;

#[async_trait]
impl JwksSource for NoKeys {
    async fn load(&self, _: &str) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::new("none"))
    }
}

async fn start() -> (Server, Arc<Captured>) {
    let captured = Arc::new(Captured::default());
    let entry = |token: &str, subject: &str, restrictions: Value| {
        let options = json!({ "token": token, "subject": subject });
        json!({ "type": "static", "options": options, "accessRestrictions": restrictions })
    };
    let only = |permission: &str| json!([{ "plugin": "catalog", "permission": permission }]);
    let external = ExternalAccess::parse(&[
        entry(CI, "ci", json!([])),
        entry(READER, "reader", only("catalog.entity.read")),
        entry(OUTSIDER, "outsider", only("catalog.entity.create")),
    ]);
    let settings = AuthSettings {
        plugin: "catalog".to_owned(),
        external: external.unwrap(),
        discovery: Discovery::default(),
    };
    let sink = Arc::clone(&captured);
    let builder = ServerBuilder::empty().options(move |options| {
        options.audit = AuditSinks::new([sink as Arc<dyn AuditSink>]);
        options.authentication = Authentication {
            policy: AuthPolicy::Required,
            authenticator: Arc::new(Authenticator::new(settings, Arc::new(NoKeys), Arc::new(SystemClock))),
            signing_keys: Arc::new(SigningKeys::new("catalog", Arc::new(SystemClock))),
        };
    });
    (Server::theatre_of(builder).await, captured)
}

async fn ask(server: &Server, token: &str, method: Method, path: &str, body: Option<Value>) -> Value {
    let mut request = Request::builder().method(method).uri(format!("/api/catalog{path}"));
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = match body {
        Some(body) => {
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()))
        }
        None => request.body(Body::empty()),
    };
    let answer = server.send(request.unwrap()).await;
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

#[tokio::test]
async fn changes_are_recorded_however_they_end() {
    let (server, captured) = start().await;
    let location = |target: &str| Some(json!({ "type": "url", "target": target }));
    let lights = |entity: &str| Some(json!({ "entityRef": entity }));
    let post = |path, body| ask(&server, CI, Method::POST, path, body);

    post("/locations?dryRun=true", location("https://host/nowhere.yaml")).await;
    let added = post("/locations", location("https://host/new.yaml")).await;
    let id = added["location"]["id"].as_str().unwrap().to_owned();
    post("/locations", location("https://host/new.yaml")).await;
    post("/locations", Some(json!({ "type": "url" }))).await;
    ask(&server, CI, Method::PUT, &format!("/locations/{id}"), location("https://host/newer.yaml")).await;
    ask(&server, CI, Method::DELETE, &format!("/locations/{id}"), None).await;
    ask(&server, CI, Method::DELETE, "/locations/7", None).await;
    ask(&server, CI, Method::DELETE, "/entities/by-uid/7", None).await;
    ask(&server, CI, Method::DELETE, "/entities/unprocessed/delete/7", None).await;
    post("/refresh", lights("component:default/none")).await;
    post("/validate-entity", Some(json!({ "location": THEATRE_URL, "entity": {} }))).await;
    post(
        "/analyze-location",
        Some(json!({ "location": { "type": "url", "target": "https://github.com/a/b" } })),
    )
    .await;
    let action = "/.backstage/actions/v1/actions/catalog:get-catalog-entity/invoke";
    post(action, Some(json!({ "name": "none" }))).await;
    ask(&server, CI, Method::PUT, "/providers/none/entities?dryRun=true", Some(json!({}))).await;
    post("/providers/none/delta", Some(json!({}))).await;
    post("/providers/none/confirm-removals", None).await;
    post("/incremental/cleanup", None).await;
    for action in ["trigger", "start", "cancel"] {
        let path = format!("/incremental/providers/none/{action}");
        ask(&server, CI, Method::POST, &path, None).await;
    }
    ask(&server, CI, Method::DELETE, "/incremental/providers/none", None).await;
    ask(&server, CI, Method::DELETE, "/incremental/providers/none/marks", None).await;
    // Reading is nothing to remember.
    for path in ["/entities", "/entities/by-name/component/default/none", "/locations", "/nope"] {
        ask(&server, CI, Method::GET, path, None).await;
    }
    insta::assert_snapshot!(captured.take().replace(&id, "[id]"));
}

#[tokio::test]
async fn refusals_are_recorded_whatever_was_asked() {
    let (server, captured) = start().await;
    let location = || Some(json!({ "type": "url", "target": "https://host/new.yaml" }));
    for token in ["", "a-guess", READER, OUTSIDER] {
        ask(&server, token, Method::POST, "/locations", location()).await;
        for path in [
            "/entities",
            "/entities/by-query?limit=1",
            "/entities/by-name/component/default/lights",
            "/entity-facets?facet=kind",
            "/locations",
            "/nope",
        ] {
            ask(&server, token, Method::GET, path, None).await;
        }
    }
    insta::assert_snapshot!(captured.take());
}

#[tokio::test]
async fn a_token_in_the_body_says_who_it_is() {
    let (server, captured) = start().await;
    let body = json!({ "entityRef": "component:default/lights", "authorizationToken": READER });
    ask(&server, CI, Method::POST, "/refresh", Some(body)).await;
    let recorded = captured.take();
    assert!(recorded.starts_with("POST /refresh reader: entity-mutate refresh medium failed"), "{recorded}");
    assert!(!recorded.contains(READER), "{recorded}");
}

#[tokio::test]
async fn a_request_that_is_cut_off_is_recorded() {
    let (server, captured) = start().await;
    let body = json!({ "type": "url", "target": "https://host/new.yaml" });
    {
        let mut request = Box::pin(ask(&server, CI, Method::POST, "/locations", Some(body)));
        assert!(futures::poll!(&mut request).is_pending());
    }
    let recorded = captured.take();
    assert!(recorded.contains("location-mutate create medium failed (Aborted: "), "{recorded}");
}
