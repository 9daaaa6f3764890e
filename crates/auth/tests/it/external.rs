use callboard_auth::{Credentials, PermissionAction, Principal, ServicePrincipal};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::issuer::{Issuer, NOW, World, merged, outcome};

const KEYS: &str = "https://ci/jwks.json";
const SECRET: &str = "bGVnYWN5LXNlY3JldA==";

#[tokio::test]
async fn static_tokens() {
    let authenticator = World::new().authenticator(&json!([
        { "type": "static", "options": { "token": "token-of-ci", "subject": "ci" } },
        { "type": "static", "options": { "token": "a.b.c.dots.in.it", "subject": "dotted" },
          "accessRestrictions": [{ "plugin": "scaffolder" }, { "plugin": "auth" }] },
    ]));
    let cases = [
        ("token-of-ci", "ci"),
        ("token-of-ci ", "Illegal token"),
        ("Token-of-ci", "Illegal token"),
        ("token-of-c", "Illegal token"),
        ("", "Illegal token"),
        ("a.b.c.dots.in.it", "This token's access is restricted to plugin(s) 'auth', 'scaffolder'"),
    ];
    for (token, expected) in cases {
        assert_eq!(outcome(&authenticator, token).await, expected, "{token}");
    }
    let none = authenticator.authenticate(&Credentials::default()).await;
    assert_eq!(none, Ok(Principal::None));
    assert!(!format!("{authenticator:?}").contains("token-of-ci"));
}

#[tokio::test]
async fn restrictions_are_handed_on() {
    let authenticator = World::new().authenticator(&json!([
        { "type": "static", "options": { "token": "restricted", "subject": "ci" }, "accessRestrictions": [
            { "plugin": "catalog", "permission": "catalog.entity.read, catalog.location.read",
              "permissionAttribute": { "action": ["read"] } }] },
        { "type": "static", "options": { "token": "unrestricted", "subject": "ci" }, "accessRestrictions": [] },
    ]));
    let restriction =
        async |token: &str| match authenticator.authenticate(&Credentials::from_token(token)).await {
            Ok(Principal::Service(ServicePrincipal { restriction, .. })) => restriction,
            other => panic!("no service: {other:?}"),
        };
    let restricted = restriction("restricted").await.unwrap();
    assert!(restricted.allows("catalog.location.read", Some(PermissionAction::Read)));
    assert!(!restricted.allows("catalog.entity.delete", Some(PermissionAction::Delete)));
    assert!(!restricted.allows("catalog.entity.read", None));
    assert_eq!(restriction("unrestricted").await, None);
}

#[tokio::test]
async fn shared_secrets() {
    let authenticator = World::new().authenticator(&json!([
        { "type": "legacy", "options": { "secret": "b3RoZXItc2VjcmV0", "subject": "other" } },
        { "type": "legacy", "options": { "secret": SECRET, "subject": "old" } },
    ]));
    let token = |algorithm, secret: &[u8], claims: &Value| {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let claims = json!({ "sub": "backstage-server", "exp": NOW + 3600 });
    let good: &[u8] = b"legacy-secret";
    let cases = [
        (Algorithm::HS256, good, json!({}), "old"),
        (Algorithm::HS256, good, json!({ "exp": null }), "old"),
        (Algorithm::HS256, good, json!({ "exp": NOW - 30 }), "Illegal token"),
        (Algorithm::HS256, good, json!({ "sub": "me" }), "Illegal token"),
        (Algorithm::HS256, good, json!({ "sub": null }), "Illegal token"),
        (Algorithm::HS256, good, json!({ "aud": "catalog" }), "Illegal token"),
        (Algorithm::HS512, good, json!({}), "Illegal token"),
        (Algorithm::HS256, SECRET.as_bytes(), json!({}), "Illegal token"),
        (Algorithm::HS256, b"other-secret", json!({}), "other"),
        (Algorithm::HS256, b"guess", json!({}), "Illegal token"),
    ];
    for (algorithm, secret, changes, expected) in cases {
        let text = token(algorithm, secret, &merged(&claims, &changes));
        assert_eq!(outcome(&authenticator, &text).await, expected, "{changes}");
    }
}

#[tokio::test]
async fn other_issuers() {
    let (world, issuer) = (World::new(), Issuer::new("a"));
    world.publish(KEYS, [issuer.jwk.clone()]);
    let claims = json!({ "sub": "job-7", "iss": "https://ci", "aud": "portal", "exp": NOW + 60 });
    let cases = [
        (json!({}), json!({}), "external:job-7"),
        (json!({ "subjectPrefix": "ci" }), json!({}), "external:ci:job-7"),
        (json!({ "issuer": "https://ci" }), json!({}), "external:job-7"),
        (json!({ "issuer": ["https://else", "https://ci"] }), json!({}), "external:job-7"),
        (json!({ "issuer": "https://else, https://ci" }), json!({}), "external:job-7"),
        (json!({ "issuer": "https://else" }), json!({}), "Illegal token"),
        (json!({ "issuer": "https://ci" }), json!({ "iss": null }), "Illegal token"),
        (json!({ "audience": "portal" }), json!({ "aud": ["x", "portal"] }), "external:job-7"),
        (json!({ "audience": "else" }), json!({}), "Illegal token"),
        (json!({ "audience": "portal" }), json!({ "aud": null }), "Illegal token"),
        (json!({ "algorithm": "ES256" }), json!({}), "external:job-7"),
        (json!({ "algorithm": ["RS256", "PS256"] }), json!({}), "Illegal token"),
        (json!({}), json!({ "sub": null }), "Illegal token"),
        (json!({}), json!({ "exp": null }), "external:job-7"),
        (json!({}), json!({ "exp": NOW - 30 }), "Illegal token"),
        (json!({}), json!({ "nbf": NOW + 60 }), "Illegal token"),
        (json!({ "url": "https://nowhere" }), json!({}), "Illegal token"),
    ];
    for (options, changes, expected) in cases {
        let options = merged(&json!({ "url": KEYS }), &options);
        let authenticator = world.authenticator(&json!([{ "type": "jwks", "options": options }]));
        let token = issuer.token("JWT", &merged(&claims, &changes));
        assert_eq!(outcome(&authenticator, &token).await, expected, "{options} {changes}");
    }
}
