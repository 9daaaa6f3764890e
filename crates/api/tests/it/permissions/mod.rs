//! What callers see of a catalog that they may not see all of.

mod apply_conditions;
mod backend;
mod battery;
mod programs;

use std::sync::Arc;

use callboard_api::ApiOptions;
use callboard_auth::{SigningKeys, SystemClock, backend_client};
use callboard_permissions::{
    BackendAuthority, BackendOptions, PermissionAuthority, Permissions, Policy, PolicyAuthority, RuleSet,
};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// What is decided on everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allow,
    Deny,
    /// On entities: on Components. Otherwise allowed.
    Components,
}

fn components() -> Value {
    json!({ "rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": { "kinds": ["Component"] } })
}

fn by(authority: impl PermissionAuthority + 'static) -> impl FnOnce(&mut ApiOptions) {
    let authority = Arc::new(authority);
    move |options| options.permissions = Permissions { authority, rules: Arc::default() }
}

/// A permission backend that answers as it is told to.
async fn permission_backend(
    respond: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/authorize")).respond_with(respond).mount(&server).await;
    server
}

/// A permission backend with one verdict.
async fn verdict_backend(verdict: Verdict) -> MockServer {
    permission_backend(move |request: &Request| {
        let body: Value = request.body_json().unwrap();
        // The order is up to it.
        let items = body["items"].as_array().unwrap().iter().rev().map(|item| decide(verdict, item));
        ResponseTemplate::new(200).set_body_json(json!({ "items": items.collect::<Vec<_>>() }))
    })
    .await
}

fn decide(verdict: Verdict, item: &Value) -> Value {
    let definitive = |entity_ref: &Value| {
        let entity_ref = entity_ref.as_str().unwrap();
        // It asks back about conditions, and hears that an entity that is not there fulfils none.
        if entity_ref.starts_with("component:") && !entity_ref.ends_with("/none") { "ALLOW" } else { "DENY" }
    };
    let is_on_entities = item["permission"]["type"] == "resource";
    match verdict {
        Verdict::Deny => json!({ "id": item["id"], "result": "DENY" }),
        Verdict::Components if is_on_entities => match item.get("resourceRef") {
            Some(entity_ref) => json!({ "id": item["id"], "result": definitive(entity_ref) }),
            None => json!({
                "id": item["id"], "result": "CONDITIONAL", "pluginId": "catalog", "resourceType": "catalog-entity",
                "conditions": components(),
            }),
        },
        Verdict::Allow | Verdict::Components => json!({ "id": item["id"], "result": "ALLOW" }),
    }
}

fn authority(backend: &MockServer, batched_requests: bool) -> BackendAuthority {
    authority_at(backend.uri(), batched_requests)
}

fn authority_at(url: String, batched_requests: bool) -> BackendAuthority {
    let keys = Arc::new(SigningKeys::new("catalog", Arc::new(SystemClock)));
    let options = BackendOptions { url, keys, batched_requests };
    BackendAuthority::new(backend_client().unwrap(), options)
}

/// A policy with one verdict.
fn verdict_policy(verdict: Verdict) -> PolicyAuthority {
    policy(&match verdict {
        Verdict::Allow => json!({ "default": "allow" }),
        Verdict::Deny => json!({ "default": "deny" }),
        Verdict::Components => json!({ "default": "allow", "rules": [{
            "who": "anonymous",
            "mayNot": ["catalog.entity.read", "catalog.entity.delete", "catalog.entity.refresh"],
            "where": { "not": components() },
        }] }),
    })
}

fn policy(value: &Value) -> PolicyAuthority {
    PolicyAuthority::new(Policy::parse(value, &RuleSet::default()).unwrap())
}
