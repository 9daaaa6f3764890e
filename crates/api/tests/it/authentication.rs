use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use callboard_api::{ApiOptions, AuthPolicy, Authentication};
use callboard_auth::{
    AuthSettings, Authenticator, Discovery, ExternalAccess, JwksSource, LoadError, SigningKeys, SystemClock,
};
use serde_json::{Value, json};

use crate::server::{Answer, Server, ServerBuilder, send};

const OPEN: &str = "restricted-to-nothing";
const READING: &str = "restricted-to-reading";
const ELSEWHERE: &str = "restricted-to-elsewhere";

const MISSING: &str = "401 AuthenticationError: Missing credentials";
const ILLEGAL: &str = "401 AuthenticationError: Illegal token";

/// Where the keys of another server are: behind its own router.
struct Peer(Router);

#[async_trait]
impl JwksSource for Peer {
    async fn load(&self, url: &str) -> Result<Vec<u8>, LoadError> {
        let path = url.strip_prefix("http://peer").unwrap();
        let answer = send(&self.0, Request::get(path).body(Body::empty()).unwrap()).await;
        if answer.status.is_success() {
            Ok(answer.body.to_vec())
        } else {
            Err(LoadError::new(answer.brief()))
        }
    }
}

fn signing_keys() -> Arc<SigningKeys> {
    Arc::new(SigningKeys::new("catalog", Arc::new(SystemClock)))
}

fn require_tokens(options: &mut ApiOptions, peer: Router) {
    let entry = |token: &str, restrictions: Value| {
        let options = json!({ "token": token, "subject": "ci" });
        json!({ "type": "static", "options": options, "accessRestrictions": restrictions })
    };
    let reading = json!([{ "plugin": "catalog", "permissionAttribute": { "action": "read" } }]);
    let external = ExternalAccess::parse(&[
        entry(OPEN, json!([])),
        entry(READING, reading),
        entry(ELSEWHERE, json!([{ "plugin": "scaffolder" }])),
    ]);
    let settings = AuthSettings {
        plugin: "catalog".to_owned(),
        external: external.unwrap(),
        discovery: Discovery::new(Some("http://peer")),
    };
    options.authentication = Authentication {
        policy: AuthPolicy::Required,
        authenticator: Arc::new(Authenticator::new(settings, Arc::new(Peer(peer)), Arc::new(SystemClock))),
        signing_keys: signing_keys(),
    };
}

async fn guarded() -> Server {
    ServerBuilder::empty().options(|options| require_tokens(options, Router::new())).start().await
}

async fn ask(server: &Server, method: Method, path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    server.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn strangers_see_nothing_but_health_and_keys() {
    let server = guarded().await;
    let cases = [
        (Method::GET, "/api/catalog/entities", MISSING),
        (Method::HEAD, "/api/catalog/entities", MISSING),
        (Method::GET, "/API/Catalog/Entities/", MISSING),
        (Method::GET, "/api/catalog/entities?limit=x", MISSING),
        (Method::GET, "/api/catalog/nope", MISSING),
        (Method::GET, "/api/catalog", MISSING),
        (Method::GET, "/api/catalog//entities", MISSING),
        (Method::PUT, "/api/catalog/entities", MISSING),
        (Method::OPTIONS, "/api/catalog/entities", MISSING),
        (Method::POST, "/api/catalog/locations", MISSING),
        (Method::GET, "/api/search", "404"),
        (Method::GET, "/api/%63atalog/entities", "404"),
        (Method::GET, "/.backstage/health/v1/liveness", "200"),
        (Method::GET, "/.backstage/health/v1/readiness", "200"),
        (Method::GET, "/api/catalog/.backstage/auth/v1/jwks.json", "200"),
        (Method::GET, "/api/catalog/.Backstage/auth/v1/jwks.json/", "200"),
        (Method::GET, "/api/catalog/.backstage/auth/v1/cookie", MISSING),
    ];
    for (method, path, expected) in cases {
        assert_eq!(ask(&server, method.clone(), path, None).await.brief(), expected, "{method} {path}");
        let illegal = ask(&server, method.clone(), path, Some("guess")).await.brief();
        assert_eq!(illegal, expected.replace(MISSING, ILLEGAL), "{method} {path}");
    }
    let refused = ask(&server, Method::GET, "/api/catalog/entities?a=b", None).await;
    let envelope = json!({
        "error": { "name": "AuthenticationError", "message": "Missing credentials" },
        "request": { "method": "GET", "url": "/entities?a=b" },
        "response": { "statusCode": 401 },
    });
    assert_eq!(refused.json(), envelope);
    assert_eq!(refused.header(header::WWW_AUTHENTICATE), None);
}

#[tokio::test]
async fn what_counts_as_a_token() {
    let server = guarded().await;
    let cases = [
        (format!("Bearer {OPEN}"), "200"),
        (format!("bEARER   {OPEN}"), "200"),
        (format!("Basic {OPEN}"), MISSING),
        (OPEN.to_owned(), MISSING),
        (format!("Bearer {OPEN} x"), MISSING),
        (format!("Bearer {OPEN}x"), ILLEGAL),
    ];
    for (header_value, expected) in cases {
        let request = Request::get("/api/catalog/entities").header(header::AUTHORIZATION, &header_value);
        assert_eq!(
            server.send(request.body(Body::empty()).unwrap()).await.brief(),
            expected,
            "{header_value}"
        );
    }
    // Only a route knows cookies, and it is not one of these.
    let request =
        Request::get("/api/catalog/entities").header(header::COOKIE, format!("backstage-auth={OPEN}"));
    assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.brief(), MISSING);
}

#[tokio::test]
async fn tokens_reach_as_far_as_they_are_meant_to() {
    const NOT_ALLOWED: &str = "403 NotAllowedError: ";
    const OTHER_PLUGIN: &str =
        "403 NotAllowedError: This token's access is restricted to plugin(s) 'scaffolder'";
    let server = guarded().await;
    let cases = [
        (OPEN, Method::GET, "/entities", "200"),
        (OPEN, Method::GET, "/nope", "404"),
        (OPEN, Method::DELETE, "/entities/by-uid/7", "204"),
        (READING, Method::GET, "/Entities/", "200"),
        (READING, Method::GET, "/locations", "200"),
        (READING, Method::DELETE, "/entities/by-uid/7", NOT_ALLOWED),
        (READING, Method::DELETE, "/Entities/By-Uid/7/", NOT_ALLOWED),
        (ELSEWHERE, Method::GET, "/entities", OTHER_PLUGIN),
        (ELSEWHERE, Method::GET, "/nope", OTHER_PLUGIN),
    ];
    for (token, method, path, expected) in cases {
        let answer = ask(&server, method.clone(), &format!("/api/catalog{path}"), Some(token)).await;
        assert_eq!(answer.brief(), expected, "{token} {method} {path}");
    }
}

#[tokio::test]
async fn the_token_of_a_refresh_replaces_the_header() {
    let server = guarded().await;
    let refresh = async |header_token: &str, body_token: &str| {
        let body = json!({ "entityRef": "component:default/none", "authorizationToken": body_token });
        let request = Request::post("/api/catalog/refresh")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {header_token}"));
        server.send(request.body(Body::from(body.to_string())).unwrap()).await.brief()
    };
    let unknown = "404 NotFoundError: Entity component:default/none not found";
    assert_eq!(refresh(OPEN, OPEN).await, unknown);
    assert_eq!(refresh(OPEN, "guess").await, ILLEGAL);
    assert_eq!(refresh("guess", OPEN).await, ILLEGAL);
    assert_eq!(refresh(OPEN, READING).await, "403 NotAllowedError: ");
}

#[tokio::test]
async fn where_tokens_are_not_required_those_that_are_sent_are_verified() {
    let builder = ServerBuilder::empty().options(|options| {
        require_tokens(options, Router::new());
        options.authentication.policy = AuthPolicy::Optional;
    });
    let server = builder.start().await;
    let entities = "/api/catalog/entities";
    assert_eq!(ask(&server, Method::GET, entities, None).await.brief(), "200");
    assert_eq!(ask(&server, Method::GET, entities, Some(OPEN)).await.brief(), "200");
    assert_eq!(ask(&server, Method::GET, entities, Some("guess")).await.brief(), ILLEGAL);
}

#[tokio::test]
async fn a_server_lets_another_in() {
    let keys = signing_keys();
    // The other has not started; its keys are there all the same.
    let peer = ServerBuilder::empty().options(|options| {
        options.authentication.signing_keys = Arc::clone(&keys);
        options.authentication.policy = AuthPolicy::Required;
    });
    let peer = Router::new().fallback_service(peer.without_start().await);
    let server = ServerBuilder::empty().options(|options| require_tokens(options, peer)).start().await;
    let entities = "/api/catalog/entities";
    let token = keys.issue("catalog", None).await.unwrap();
    assert_eq!(ask(&server, Method::GET, entities, Some(&token)).await.brief(), "200");
    let refused = "401 AuthenticationError: Failed plugin token verification";
    let for_somebody_else = keys.issue("search", None).await.unwrap();
    assert_eq!(ask(&server, Method::GET, entities, Some(&for_somebody_else)).await.brief(), refused);
    let forged = signing_keys().issue("catalog", None).await.unwrap();
    assert_eq!(ask(&server, Method::GET, entities, Some(&forged)).await.brief(), refused);
}

#[tokio::test]
async fn keys_are_there_once_they_are_used() {
    let keys = signing_keys();
    let builder = ServerBuilder::empty().options(|options| {
        options.authentication.signing_keys = Arc::clone(&keys);
    });
    let server = builder.start().await;
    let path = "/.backstage/auth/v1/jwks.json";
    assert_eq!(server.get(path).await.json(), json!({ "keys": [] }));
    keys.issue("permission", None).await.unwrap();
    let published = server.get(path).await.json();
    assert_eq!(published["keys"][0]["kty"], "EC");
    assert!(published["keys"][0].get("d").is_none());
}
