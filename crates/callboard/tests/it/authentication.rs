use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use callboard::Callboard;
use callboard::config::Config;
use callboard_testkit::{ServerProcess, Upstream};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePrivateKey as _;
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
        let claims = json!({
            "sub": "user:default/jenny", "aud": "backstage", "iat": now - 60, "exp": now + expires_in,
        });
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
