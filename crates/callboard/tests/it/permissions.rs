use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callboard::Callboard;
use callboard::config::Config;
use callboard_testkit::{ServerProcess, until};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePrivateKey as _;
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// More than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const CATALOG: &str = r"
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: { name: stagehands }
spec: { type: team, children: [] }
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: { name: jenny }
spec: { memberOf: [stagehands] }
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: lights }
spec: { type: service, lifecycle: production, owner: stagehands }
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: plot }
spec: { type: service, lifecycle: production, owner: authors }
";

const POLICY: &str = r"
default: deny
rules:
  - who: group:default/Stagehands
    may: catalog.entity.refresh
    where: { rule: IS_ENTITY_OWNER, params: { claims: [$caller] } }
  - who: users
    may: catalog.entity.read
    where: { rule: IS_ENTITY_OWNER, params: { claims: [$caller] } }
";

/// A Backstage with an auth backend and a permission backend.
struct Backstage {
    server: MockServer,
    key: EncodingKey,
    public: Jwk,
}

/// In this order, it is what is signed.
#[derive(Serialize)]
struct LimitedHeader {
    typ: &'static str,
    alg: &'static str,
    kid: &'static str,
}

#[derive(Serialize)]
struct LimitedClaims<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
}

impl Backstage {
    async fn start() -> Self {
        let document = p256::SecretKey::random(&mut OsRng).to_pkcs8_der().unwrap();
        let key = EncodingKey::from_ec_der(document.as_bytes());
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        public.common.key_id = Some("key-1".to_owned());
        let server = MockServer::start().await;
        let keys = ResponseTemplate::new(200).set_body_json(json!({ "keys": [public] }));
        for at in ["/api/auth/.well-known/jwks.json", "/api/permission/.backstage/auth/v1/jwks.json"] {
            Mock::given(method("GET")).and(path(at)).respond_with(keys.clone()).mount(&server).await;
        }
        Self { server, key, public }
    }

    /// Has the permission backend answer all questions alike.
    async fn decides(&self, result: Value) {
        let respond = move |request: &Request| {
            let body: Value = request.body_json().unwrap();
            let answer = |item: &Value| {
                let mut answer = result.clone();
                answer["id"] = item["id"].clone();
                answer
            };
            let items: Vec<Value> = body["items"].as_array().unwrap().iter().map(answer).collect();
            ResponseTemplate::new(200).set_body_json(json!({ "items": items }))
        };
        let mock = Mock::given(method("POST")).and(path("/api/permission/authorize")).respond_with(respond);
        mock.mount(&self.server).await;
    }

    fn user_token(&self, user: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (iat, exp) = (now - 60, now + 600);
        let header = LimitedHeader { typ: "vnd.backstage.limited-user", alg: "ES256", kid: "key-1" };
        let claims = LimitedClaims { sub: user, iat, exp };
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let uip = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, Algorithm::ES256).unwrap();
        let claims = json!({ "sub": user, "aud": "backstage", "iat": iat, "exp": exp, "uip": uip });
        jsonwebtoken::encode(&self.header("vnd.backstage.user"), &claims, &self.key).unwrap()
    }

    /// The permission backend's own.
    fn plugin_token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({ "sub": "permission", "aud": "catalog", "iat": now, "exp": now + 600 });
        jsonwebtoken::encode(&self.header("vnd.backstage.plugin"), &claims, &self.key).unwrap()
    }

    fn header(&self, typ: &str) -> Header {
        let kid = self.public.common.key_id.clone();
        Header { typ: Some(typ.to_owned()), kid, ..Header::new(Algorithm::ES256) }
    }

    /// The tokens that the permission backend was shown.
    async fn shown(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let asked = requests.iter().filter(|request| request.url.path() == "/api/permission/authorize");
        asked
            .map(|request| request.headers["authorization"].to_str().unwrap()["Bearer ".len()..].to_owned())
            .collect()
    }
}

fn encoded(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_string(value).unwrap())
}

/// A token's header and claims, if a key signed it.
fn verified(token: &str, key: &Jwk) -> (Header, Value) {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_aud = false;
    let decoded =
        jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
    (decoded.header, decoded.claims)
}

/// A folder with the catalog and the policy.
fn files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("catalog.yaml"), CATALOG).unwrap();
    std::fs::write(folder.path().join("permissions.yaml"), POLICY).unwrap();
    folder
}

/// A server with the catalog in it.
async fn server(files: &TempDir, mut config: Value) -> ServerProcess {
    let catalog = files.path().join("catalog.yaml");
    config["catalog"] = json!({
        "locations": [{ "type": "file", "target": catalog, "rules": [{ "allow": ["Group", "User"] }] }],
    });
    config["backend"]["auth"] = json!({ "externalAccess": [
        { "type": "static", "options": { "token": "the-token-of-ci", "subject": "ci" } },
    ] });
    let mut server = crate::server(config);
    server.start().await;
    server
}

async fn ask(server: &ServerProcess, path: &str, token: &str) -> (u16, Value) {
    let answer = server.get(path).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_permission_backend_is_asked_in_the_name_of_users() {
    let (backstage, files) = (Backstage::start().await, files());
    let components = json!({ "rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": { "kinds": ["component"] } });
    backstage
        .decides(json!({
            "result": "CONDITIONAL", "pluginId": "catalog", "resourceType": "catalog-entity", "conditions": components,
        }))
        .await;
    let config =
        json!({ "backend": { "baseUrl": backstage.server.uri() }, "permission": { "enabled": true } });
    let mut server = server(&files, config).await;
    until("the catalog is there", PATIENCE, async || {
        let (_, page) = ask(&server, "/entities/by-query?limit=0", "the-token-of-ci").await;
        (page["totalItems"] == 5).then_some(())
    })
    .await;
    assert!(backstage.shown().await.is_empty());

    let jenny = backstage.user_token("user:default/jenny");
    let (status, page) = ask(&server, "/entities/by-query?limit=0", &jenny).await;
    assert_eq!((status, &page["totalItems"]), (200, &json!(2)));

    let shown = backstage.shown().await;
    let [token] = shown.as_slice() else { panic!("asked {} times", shown.len()) };
    let keys: JwkSet =
        server.get("/.backstage/auth/v1/jwks.json").send().await.unwrap().json().await.unwrap();
    let (header, claims) = verified(token, &keys.keys[0]);
    assert_eq!(header.typ.as_deref(), Some("vnd.backstage.plugin"));
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("catalog"), &json!("permission")));
    let (header, user) = verified(claims["obo"].as_str().unwrap(), &backstage.public);
    assert_eq!(header.typ.as_deref(), Some("vnd.backstage.limited-user"));
    assert_eq!(user["sub"], "user:default/jenny");
    assert!(claims["exp"].as_u64() <= user["exp"].as_u64());

    // It asks back.
    let body = json!({ "items": [{
        "id": "1", "resourceRef": ["component:default/lights", "user:default/jenny"], "resourceType": "catalog-entity",
        "conditions": components,
    }] });
    let back = async |token: &str| {
        let request = server.post("/.well-known/backstage/permissions/apply-conditions", &body);
        let answer = request.bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let expected = json!({ "items": [{ "id": "1", "result": ["ALLOW", "DENY"] }] });
    assert_eq!(back(&backstage.plugin_token()).await, (200, expected));
    assert_eq!(back(&jenny).await.0, 403);
    assert!(server.stop().await.success());
    let log = server.log();
    assert!(![token, &jenny].iter().any(|token| log.contains(token.as_str())), "{log}");
}

#[tokio::test]
async fn a_policy_file_knows_users_by_their_groups() {
    let (backstage, files) = (Backstage::start().await, files());
    let config = json!({
        "backend": { "baseUrl": backstage.server.uri() },
        "callboard": { "permissions": { "policyFile": files.path().join("permissions.yaml") } },
    });
    let mut server = server(&files, config).await;
    let jenny = backstage.user_token("user:default/jenny");
    until("what is hers", PATIENCE, async || {
        let (_, entities) = ask(&server, "/entities?filter=kind=component", &jenny).await;
        (entities.as_array()?.len() == 1 && entities[0]["metadata"]["name"] == "lights").then_some(())
    })
    .await;
    let eve = backstage.user_token("user:default/eve");
    assert_eq!(ask(&server, "/entities", &eve).await, (200, json!([])));
    assert_eq!(ask(&server, "/entities", "the-token-of-ci").await, (200, json!([])));
    assert_eq!(ask(&server, "/entities/by-name/component/default/plot", &jenny).await.0, 404);
    let refresh = async |entity: &str, token: &str| {
        let body = json!({ "entityRef": format!("component:default/{entity}") });
        server.post("/refresh", &body).bearer_auth(token).send().await.unwrap().status().as_u16()
    };
    assert_eq!(refresh("lights", &jenny).await, 200);
    assert_eq!(refresh("plot", &jenny).await, 403);
    assert_eq!(refresh("lights", &eve).await, 403);
    assert!(server.stop().await.success());
    assert!(backstage.shown().await.is_empty());
}

/// Why a server with this configuration is not built.
async fn refusal(policy: &str, config: Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let builder = Callboard::builder(Config::from_value(&config)).port(0);
    let error = builder.working_directory(folder.path().to_owned()).build().await.err().unwrap();
    format!("{error:#}").replace(&folder.path().display().to_string(), "")
}

#[tokio::test]
async fn mistakes_are_shown_where_they_are() {
    let file = json!({ "callboard": { "permissions": { "policyFile": "policy.yaml" } } });
    let inline = |policy: Value| json!({ "callboard": { "permissions": { "policy": policy } } });
    let error = refusal("rules:\n  - who: users\n    may: catalog.entity.raed\n", file.clone()).await;
    assert!(error.starts_with("/policy.yaml:3"), "{error}");
    assert!(error.contains("rules[0].may") && error.contains("catalog.entity.raed"), "{error}");
    let error = refusal("rules:\n  - who: users\n    may: ${WHAT}\n", file.clone()).await;
    assert!(error.contains("/policy.yaml:3") && error.contains("WHAT, which is not set"), "{error}");
    let error = refusal("[]", file.clone()).await;
    assert!(error.contains("/policy.yaml"), "{error}");
    let error = refusal("", inline(json!({ "rules": [{ "who": "users" }] }))).await;
    assert!(error.contains("callboard.permissions.policy.rules[0]"), "{error}");
    let error = refusal("", inline(json!([]))).await;
    assert!(error.contains("callboard.permissions.policy"), "{error}");
    let error = refusal("", json!({ "permission": { "enabled": true } })).await;
    assert!(error.contains("backend.baseUrl"), "{error}");
    let mut both = file.clone();
    both["permission"] = json!({ "enabled": true });
    both["backend"] = json!({ "baseUrl": "https://portal" });
    assert!(refusal("", both).await.contains("only one of them can decide"));
    let missing = json!({ "callboard": { "permissions": { "policyFile": "nope.yaml" } } });
    let error = refusal("", missing).await;
    assert!(error.contains("callboard.permissions.policyFile") && error.contains("nope.yaml"), "{error}");
}
