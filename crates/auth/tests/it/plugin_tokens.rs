use std::sync::Arc;

use callboard_auth::{Credentials, IssueError, Principal, SigningKeys, UserPrincipal};
use serde_json::{Value, json};

use crate::issuer::{Issuer, LIMITED, NOW, PLUGIN, USER, USER_KEYS, World, jenny, merged, outcome};

const SCAFFOLDER_KEYS: &str = "https://portal/api/scaffolder/.backstage/auth/v1/jwks.json";
const OWN_KEYS: &str = "https://portal/api/catalog/.backstage/auth/v1/jwks.json";
const REFUSED: &str = "Failed plugin token verification";

fn scaffolder() -> Value {
    json!({ "sub": "scaffolder", "aud": "catalog", "iat": NOW, "exp": NOW + 3600 })
}

#[tokio::test]
async fn claims() {
    let (world, issuer, auth) = (World::new(), Issuer::new("a"), Issuer::new("u"));
    world.publish(SCAFFOLDER_KEYS, [issuer.jwk.clone()]);
    world.publish(USER_KEYS, [auth.jwk.clone()]);
    let authenticator = world.authenticator(&json!([]));
    let expired = merged(&jenny(), &json!({ "exp": NOW - 100 }));
    let through = "user:default/jenny through plugin:scaffolder";
    let cases = [
        (json!({}), "plugin:scaffolder"),
        (json!({ "aud": ["search", "catalog"] }), "plugin:scaffolder"),
        (json!({ "aud": "search" }), REFUSED),
        (json!({ "aud": null }), REFUSED),
        (json!({ "exp": NOW - 30 }), REFUSED),
        (json!({ "exp": null }), REFUSED),
        (json!({ "iat": null }), REFUSED),
        (json!({ "sub": null }), REFUSED),
        (json!({ "sub": "" }), REFUSED),
        (json!({ "sub": "techdocs" }), REFUSED),
        (json!({ "sub": "../scaffolder" }), REFUSED),
        (json!({ "sub": "scaffolder/x" }), REFUSED),
        (json!({ "sub": "a".repeat(101) }), REFUSED),
        (json!({ "obo": auth.limited_token(&jenny()) }), through),
        (json!({ "obo": auth.user_token(&jenny()) }), through),
        (json!({ "obo": auth.limited_token(&expired) }), "Failed user token verification"),
        (json!({ "obo": issuer.token(LIMITED, &jenny()) }), "Failed user token verification"),
        (json!({ "obo": issuer.token(PLUGIN, &scaffolder()) }), REFUSED),
        (json!({ "obo": "x" }), REFUSED),
    ];
    for (changes, expected) in cases {
        let token = issuer.token(PLUGIN, &merged(&scaffolder(), &changes));
        assert_eq!(outcome(&authenticator, &token).await, expected, "{changes}");
    }
    // Made by a plugin that is, but in the name of another.
    let impostor = Issuer::new("a").token(PLUGIN, &scaffolder());
    assert_eq!(outcome(&authenticator, &impostor).await, REFUSED);
}

#[tokio::test]
async fn one_server_knows_the_tokens_of_another() {
    let (world, auth) = (World::new(), Issuer::new("u"));
    world.publish(USER_KEYS, [auth.jwk.clone()]);
    let authenticator = world.authenticator(&json!([]));
    let keys = SigningKeys::new("catalog", Arc::clone(&world) as _);
    assert_eq!(keys.published().await.unwrap(), json!({ "keys": [] }));

    let for_service = keys.issue("catalog", None).await.unwrap();
    let user = principal(&authenticator, &auth.user_token(&jenny())).await;
    let for_user = keys.issue("catalog", Some(&user)).await.unwrap();
    let for_others = keys.issue("permission", None).await.unwrap();
    world.publish_document(OWN_KEYS, keys.published().await.unwrap());
    assert_eq!(outcome(&authenticator, &for_service).await, "plugin:catalog");
    assert_eq!(outcome(&authenticator, &for_user).await, "user:default/jenny through plugin:catalog");
    assert_eq!(outcome(&authenticator, &for_others).await, REFUSED);
    // Passed on once more: the limited token is all there is, and it is enough.
    let passed_on = principal(&authenticator, &for_user).await;
    let again = keys.issue("catalog", Some(&passed_on)).await.unwrap();
    assert_eq!(outcome(&authenticator, &again).await, "user:default/jenny through plugin:catalog");
    world.pass(3630);
    for token in [for_service, for_user, again] {
        assert_eq!(outcome(&authenticator, &token).await, REFUSED);
    }
}

#[tokio::test]
async fn tokens_end_with_the_user_they_are_for() {
    let (world, auth) = (World::new(), Issuer::new("u"));
    world.publish(USER_KEYS, [auth.jwk.clone()]);
    let authenticator = world.authenticator(&json!([]));
    let keys = SigningKeys::new("catalog", Arc::clone(&world) as _);
    let short = merged(&jenny(), &json!({ "exp": NOW + 100 }));
    let user = principal(&authenticator, &auth.user_token(&short)).await;
    let token = keys.issue("catalog", Some(&user)).await.unwrap();
    world.publish_document(OWN_KEYS, keys.published().await.unwrap());
    assert_eq!(outcome(&authenticator, &token).await, "user:default/jenny through plugin:catalog");
    world.pass(130);
    assert_eq!(outcome(&authenticator, &token).await, REFUSED);
    let entity_ref = "user:default/jenny".to_owned();
    let expired = keys.issue("catalog", Some(&user)).await;
    assert!(matches!(expired, Err(IssueError::Expired { entity_ref: of }) if of == entity_ref));
    // An older auth backend signs no limited token.
    let old = principal(&authenticator, &auth.token(USER, &jenny())).await;
    let impossible = keys.issue("catalog", Some(&old)).await;
    assert!(matches!(impossible, Err(IssueError::NotDelegable { entity_ref: of }) if of == entity_ref));
}

#[tokio::test]
async fn own_keys_rotate() {
    let world = World::new();
    let authenticator = world.authenticator(&json!([]));
    let keys = SigningKeys::new("catalog", Arc::clone(&world) as _);
    let published = async || keys.published().await.unwrap()["keys"].as_array().unwrap().len();
    keys.issue("catalog", None).await.unwrap();
    world.pass(3599);
    let last_of_first = keys.issue("catalog", None).await.unwrap();
    assert_eq!(published().await, 1);
    world.pass(1);
    keys.issue("catalog", None).await.unwrap();
    assert_eq!(published().await, 2);
    world.pass(3500);
    world.publish_document(OWN_KEYS, keys.published().await.unwrap());
    assert_eq!(outcome(&authenticator, &last_of_first).await, "plugin:catalog");
    for _ in 0..20 {
        world.pass(3600);
        keys.issue("catalog", None).await.unwrap();
        assert!(published().await <= 3);
    }
    let key = keys.published().await.unwrap()["keys"][0].clone();
    assert!(key.get("d").is_none(), "the private part stays here");
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("EC"), &json!("P-256"), &json!("ES256")));
    assert!(!format!("{keys:?}").contains("private"));
}

async fn principal(authenticator: &callboard_auth::Authenticator, token: &str) -> UserPrincipal {
    match authenticator.authenticate(&Credentials::from_token(token)).await {
        Ok(Principal::User(user)) => user,
        other => panic!("no user: {other:?}"),
    }
}
