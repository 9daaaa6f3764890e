use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callboard::Callboard;
use callboard::config::Config;
use callboard_testkit::{ServerProcess, Upstream};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rstest::rstest;
use serde_json::{Value, json};

const CI: &str = "the-token-of-ci";

/// An auth backend: one key, published where a Backstage publishes it.
struct AuthBackend {
    upstream: Upstream,
    key: EncodingKey,
}

impl AuthBackend {
    async fn start() -> Self {
        let document = p256::SecretKey::random(&mut OsRng).to_pkcs8_der().unwrap();
        let key = EncodingKey::from_ec_der(document.as_bytes());
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        public.common.key_id = Some("key-1".to_owned());
        let upstream = Upstream::start().await;
        upstream.set("api/auth/.well-known/jwks.json", json!({ "keys": [public] }).to_string());
        Self { upstream, key }
    }

    fn user_token(&self, expires_in: i64) -> String {
        let header = Header {
            typ: Some("vnd.backstage.user".to_owned()),
            kid: Some("key-1".to_owned()),
            ..Header::new(Algorithm::ES256)
        };
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
        let mut claims = json!({
            "sub": "user:default/jenny", "aud": "backstage", "iat": now - 60, "exp": now + expires_in,
        });
        // What the limited form of the token is signed with.
        let limited = json!({ "sub": claims["sub"], "iat": claims["iat"], "exp": claims["exp"] });
        let limited_header = json!({ "typ": "vnd.backstage.limited-user", "alg": "ES256", "kid": "key-1" });
        let signed = [limited_header, limited].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, Algorithm::ES256);
        claims["uip"] = json!(signature.unwrap());
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

async fn status(server: &ServerProcess, path: &str, token: Option<&str>) -> u16 {
    let request = server.get(path);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn users_and_programs_are_let_in_and_strangers_are_not() {
    let auth = AuthBackend::start().await;
    let mut server = crate::server(json!({
        "backend": {
            "baseUrl": auth.upstream.url(""),
            "auth": { "externalAccess": [{ "type": "static", "options": { "token": CI, "subject": "ci" } }] },
        },
    }));
    server.start().await;
    let (good, expired) = (auth.user_token(3600), auth.user_token(-3600));
    let forged = AuthBackend::start().await.user_token(3600);
    let cases = [
        ("/entities", None, 401),
        ("/nope", None, 401),
        ("/entities", Some(CI), 200),
        ("/nope", Some(CI), 404),
        ("/entities", Some("another-token"), 401),
        ("/entities", Some(good.as_str()), 200),
        ("/entities", Some(expired.as_str()), 401),
        ("/entities", Some(forged.as_str()), 401),
        ("/.backstage/auth/v1/jwks.json", None, 200),
    ];
    for (path, token, expected) in cases {
        assert_eq!(status(&server, path, token).await, expected, "{path} {token:?}");
    }
    assert_eq!(auth.upstream.reads("api/auth/.well-known/jwks.json"), 1);
    assert!(server.stop().await.success());
    let log = server.log();
    assert!(![CI, &good, &expired, &forged].iter().any(|token| log.contains(*token)), "{log}");
}

/// Who may listen where, and with what.
#[rstest]
#[case("127.0.0.1", json!({}), true)]
#[case("0.0.0.0", json!({}), false)]
#[case("::", json!({}), false)]
#[case("0.0.0.0", json!({ "baseUrl": "https://portal" }), true)]
#[case("0.0.0.0", json!({ "auth": { "dangerouslyDisableDefaultAuthPolicy": true } }), true)]
#[case("0.0.0.0", json!({ "auth": { "keys": [{ "secret": "c2VjcmV0" }] } }), true)]
#[case("0.0.0.0", json!({ "auth": { "keys": [{ "secret": "???" }] } }), false)]
#[case("127.0.0.1", json!({ "auth": { "externalAccess": [{ "type": "magic" }] } }), false)]
#[tokio::test]
async fn listening(#[case] host: IpAddr, #[case] backend: Value, #[case] expected: bool) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::from_value(&json!({ "backend": backend }));
    let builder = Callboard::builder(config).working_directory(folder.path().to_owned());
    let built = builder.host(host).port(0).build().await;
    assert_eq!(built.is_ok(), expected, "{:?}", built.err());
}

#[tokio::test]
async fn a_mistake_is_shown_without_the_secret() {
    let config = Config::from_value(&json!({ "backend": { "auth": { "externalAccess": [
        { "type": "static", "options": { "token": "sh ort", "subject": "ci" } },
    ] } } }));
    let error = Callboard::builder(config).port(0).build().await.err().unwrap().to_string();
    assert!(error.contains("backend.auth.externalAccess[0].options.token"), "{error}");
    assert!(!error.contains("sh ort"), "{error}");
}

#[tokio::test]
async fn a_cookie_carries_a_token_that_is_good_for_nothing_else() {
    let auth = AuthBackend::start().await;
    let mut server = crate::server(json!({
        "backend": {
            "baseUrl": auth.upstream.url(""),
            "auth": { "externalAccess": [{ "type": "static", "options": { "token": CI, "subject": "ci" } }] },
        },
        "discovery": { "endpoints": [
            { "target": { "external": "https://portal.example.com/api/catalog" }, "plugins": ["catalog"] },
        ] },
    }));
    server.start().await;
    let path = "/.backstage/auth/v1/cookie";
    let token = auth.user_token(3600);
    let answer = server.get(path).bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    let (value, attributes) = cookie.strip_prefix("backstage-auth=").unwrap().split_once("; ").unwrap();
    assert_eq!(
        attributes,
        "Domain=portal.example.com; Path=/; HttpOnly; Secure; Priority=High; SameSite=None"
    );
    let body: Value = answer.json().await.unwrap();
    let expires_at: jiff::Timestamp = body["expiresAt"].as_str().unwrap().parse().unwrap();
    let left = expires_at.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((3500..=3600).contains(&left), "{body}");
    // No header may carry it, and no route of the catalog takes it as a cookie.
    assert_eq!(status(&server, "/entities", Some(value)).await, 401);
    let with_cookie = server.get("/entities").header("cookie", format!("backstage-auth={value}"));
    assert_eq!(with_cookie.send().await.unwrap().status(), 401);

    assert_eq!(status(&server, path, None).await, 401);
    assert_eq!(status(&server, path, Some(CI)).await, 403);
    let answer = server.delete(path).bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(
        answer.headers()["set-cookie"],
        "backstage-auth=; Domain=portal.example.com; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; \
         HttpOnly; Secure; Priority=High; SameSite=None"
    );
}

#[tokio::test]
async fn keys_in_files_are_published() {
    let folder = tempfile::tempdir().unwrap();
    let secret = p256::SecretKey::random(&mut OsRng);
    let (private, public) = (folder.path().join("private.pem"), folder.path().join("public.pem"));
    std::fs::write(&private, secret.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap();
    std::fs::write(&public, secret.public_key().to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    let key = json!({ "keyId": "ours", "publicKeyFile": public, "privateKeyFile": private });
    let key_store = json!({ "type": "static", "static": { "keys": [key] } });
    let mut server = crate::server(json!({ "backend": { "auth": { "pluginKeyStore": key_store } } }));
    server.start().await;
    let published = server.json("/.backstage/auth/v1/jwks.json").await.unwrap();
    assert_eq!(published["keys"][0]["kid"], "ours");
    assert_eq!(published["keys"][0].get("d"), None);
}

#[rstest]
#[case(json!({ "type": "magic" }), "backend.auth.pluginKeyStore: expected type: database, or type: static")]
#[case(
    json!({ "type": "static", "static": { "keys": [] } }),
    "backend.auth.pluginKeyStore.static.keys: expected at least one key"
)]
#[case(
    json!({ "type": "static", "static": { "keys": [{ "keyId": "a", "publicKeyFile": "/nowhere/a.pem" }] } }),
    "backend.auth.pluginKeyStore.static.keys[0].publicKeyFile: cannot read /nowhere/a.pem"
)]
#[tokio::test]
async fn mistakes_of_key_stores(#[case] key_store: Value, #[case] expected: &str) {
    let config = Config::from_value(&json!({ "backend": { "auth": { "pluginKeyStore": key_store } } }));
    let error = Callboard::builder(config).port(0).build().await.err().unwrap().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[tokio::test]
async fn who_did_what_is_in_the_audit_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let mut server = crate::server(json!({
        "backend": {
            "auth": { "externalAccess": [{ "type": "static", "options": { "token": CI, "subject": "ci" } }] },
        },
        "callboard": { "audit": { "file": file } },
    }));
    server.start().await;
    let location = json!({ "type": "url", "target": "https://host.example/catalog-info.yaml" });
    let added = server.post("/locations", &location).bearer_auth(CI).send().await.unwrap();
    assert_eq!(added.status(), 201);
    assert_eq!(status(&server, "/entities", None).await, 401);
    assert!(server.stop().await.success());
    let text = std::fs::read_to_string(&file).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2, "{text}");
    assert_eq!(
        (&events[0]["eventId"], &events[0]["status"]),
        (&json!("location-mutate"), &json!("succeeded"))
    );
    assert_eq!(events[0]["actor"]["id"], "ci");
    assert_eq!(events[0]["actor"]["address"], "127.0.0.1");
    assert_eq!(events[0]["target"], location);
    assert_eq!(events[1]["error"]["name"], "AuthenticationError");
    assert!(server.log().contains("location-mutate"), "{}", server.log());
}
