//! Programs with restricted tokens: these alone decide.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request, header};
use callboard_api::{ApiOptions, AuthPolicy, Authentication};
use callboard_auth::{
    AuthSettings, Authenticator, Discovery, ExternalAccess, JwksSource, LoadError, SigningKeys, SystemClock,
};
use serde_json::{Value, json};

use super::{Verdict, authority, by, policy, verdict_backend};
use crate::server::{Server, ServerBuilder};

struct NoKeys;

#[async_trait]
impl JwksSource for NoKeys {
    async fn load(&self, _: &str) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::new("there are none"))
    }
}

/// Tokens, each with its restrictions.
pub(super) fn tokens(options: &mut ApiOptions) {
    let catalog = |restriction: Value| {
        let mut entry = json!({ "plugin": "catalog" });
        entry.as_object_mut().unwrap().extend(restriction.as_object().unwrap().clone());
        json!([entry])
    };
    let restrictions = [
        ("free-token", json!([])),
        ("reading-token", catalog(json!({ "permissionAttribute": { "action": "read" } }))),
        (
            "location-token",
            catalog(json!({ "permission": ["catalog.location.read", "catalog.location.analyze"] })),
        ),
        (
            "neither-token",
            catalog(json!({
                "permission": "catalog.entity.delete", "permissionAttribute": { "action": "read" },
            })),
        ),
    ];
    let entries = restrictions.map(|(token, restrictions)| {
        let mut entry = json!({ "type": "static", "options": { "token": token, "subject": token } });
        if restrictions.as_array().is_some_and(|list| !list.is_empty()) {
            entry["accessRestrictions"] = restrictions;
        }
        entry
    });
    let settings = AuthSettings {
        plugin: "catalog".to_owned(),
        external: ExternalAccess::parse(&entries).unwrap(),
        discovery: Discovery::new(Some("http://nowhere")),
    };
    options.authentication = Authentication {
        policy: AuthPolicy::Required,
        authenticator: Arc::new(Authenticator::new(settings, Arc::new(NoKeys), Arc::new(SystemClock))),
        signing_keys: Arc::new(SigningKeys::new("catalog", Arc::new(SystemClock))),
    };
}

async fn ask(server: &Server, token: &str, method: Method, path: &str, body: Option<Value>) -> String {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/catalog{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let answer = server.send(request.body(body).unwrap()).await;
    let is_list = answer.status.is_success() && answer.text().starts_with('[');
    if is_list { format!("{} items", answer.json().as_array().unwrap().len()) } else { answer.brief() }
}

/// What the tokens lead to, each in a row: free, reading, location, neither.
const CASES: [(&str, &str, [&str; 4]); 8] = [
    ("GET", "/entities", ["6 items", "6 items", "0 items", "0 items"]),
    ("GET", "/entities/by-name/api/default/cues", ["200", "200", MISSING, MISSING]),
    ("GET", "/entities/by-name/api/default/cues/ancestry", ["200", "200", REFUSED, REFUSED]),
    ("GET", "/locations", ["0 items"; 4]),
    ("POST", "/analyze-location", ["200", REFUSED, "200", REFUSED]),
    ("POST", "/locations?dryRun=true", [UNREADABLE, REFUSED, REFUSED, REFUSED]),
    ("GET", "/entities/unprocessed/failed", ["200", "200", UNAUTHORIZED, UNAUTHORIZED]),
    ("DELETE", "/entities/by-uid/none", ["204", REFUSED, REFUSED, REFUSED]),
];
const MISSING: &str =
    "404 NotFoundError: No entity named 'cues' found, with kind 'api' in namespace 'default'";
const REFUSED: &str = "403 NotAllowedError: ";
const UNAUTHORIZED: &str = "403 NotAllowedError: Unauthorized";
const UNREADABLE: &str =
    "400 InputError: NotFoundError: Unable to read url, no matching files found for https://host/o/r/x.yaml";

async fn check(server: &Server) {
    for (method, path, expected) in CASES {
        for (token, expected) in
            ["free-token", "reading-token", "location-token", "neither-token"].iter().zip(expected)
        {
            let location = json!({ "type": "url", "target": "https://host/o/r/x.yaml" });
            let body = match path {
                "/analyze-location" => Some(json!({ "location": location })),
                "/locations?dryRun=true" => Some(location),
                _ => None,
            };
            let answer = ask(server, token, method.parse().unwrap(), path, body).await;
            assert_eq!(answer, expected, "{token} {method} {path}");
        }
    }
}

#[tokio::test]
async fn restrictions_decide_and_nobody_else_is_asked() {
    check(&Server::theatre_of(ServerBuilder::empty().options(tokens)).await).await;
    let backend = verdict_backend(Verdict::Deny).await;
    let builder = ServerBuilder::empty().options(tokens).options(by(authority(&backend, false)));
    check(&Server::theatre_of(builder).await).await;
    assert!(backend.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_policy_can_name_programs_and_never_gives_more_than_the_token() {
    let policy = policy(&json!({ "rules": [
        { "who": "service:location-token", "may": "*" },
        { "who": "services", "may": "catalog.entity.read", "where": {
            "rule": "IS_ENTITY_KIND", "params": { "kinds": ["api"] },
        } },
    ] }));
    let server = Server::theatre_of(ServerBuilder::empty().options(tokens).options(by(policy))).await;
    let cases = [
        ("free-token", "GET", "/entities", "1 items"),
        ("reading-token", "GET", "/entities", "1 items"),
        ("location-token", "GET", "/entities", "0 items"),
        ("free-token", "GET", "/entities/unprocessed/failed", UNAUTHORIZED),
        ("free-token", "DELETE", "/entities/by-uid/none", REFUSED),
    ];
    for (token, method, path, expected) in cases {
        assert_eq!(
            ask(&server, token, method.parse().unwrap(), path, None).await,
            expected,
            "{token} {path}"
        );
    }
}
