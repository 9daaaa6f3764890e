use serde_json::{Value, json};

use crate::issuer::{Issuer, LIMITED, NOW, PLUGIN, USER, USER_KEYS, World, jenny, merged, outcome};

#[tokio::test]
async fn claims() {
    const REFUSED: &str = "Failed user token verification";
    let (world, issuer) = (World::new(), Issuer::new("a"));
    world.publish(USER_KEYS, [issuer.jwk.clone()]);
    let authenticator = world.authenticator(&json!([]));
    let cases = [
        (USER, json!({}), "user:default/jenny"),
        (USER, json!({ "aud": null }), "user:default/jenny"),
        ("JWT", json!({}), "user:default/jenny"),
        ("JWT", json!({ "aud": "else" }), "Illegal token"),
        ("JWT", json!({ "aud": null }), "Illegal token"),
        ("JWT", json!({ "sub": null }), REFUSED),
        (USER, json!({ "sub": null }), REFUSED),
        (USER, json!({ "sub": "" }), REFUSED),
        (USER, json!({ "iat": null }), REFUSED),
        (USER, json!({ "exp": null }), REFUSED),
        (USER, json!({ "exp": NOW - 29 }), "user:default/jenny"),
        (USER, json!({ "exp": NOW - 30 }), REFUSED),
        (USER, json!({ "nbf": NOW + 30 }), "user:default/jenny"),
        (USER, json!({ "nbf": NOW + 31 }), REFUSED),
        (LIMITED, json!({}), "Illegal limited user token"),
        (PLUGIN, json!({}), "Failed plugin token verification"),
    ];
    for (typ, changes, expected) in cases {
        let token = issuer.token(typ, &merged(&jenny(), &changes));
        assert_eq!(outcome(&authenticator, &token).await, expected, "{typ} {changes}");
    }
    let token = issuer.token(USER, &jenny());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged =
        [signed.to_owned() + ".", signed.to_owned() + ".AAAA", token.replacen('.', ".e30", 1), token + "A"];
    for token in forged {
        let refused = outcome(&authenticator, &token).await;
        assert!(refused == REFUSED || refused == "Illegal token", "{token}");
    }
}

#[tokio::test]
async fn what_is_too_long_is_not_looked_at() {
    let (world, issuer) = (World::new(), Issuer::new("a"));
    world.publish(USER_KEYS, [issuer.jwk.clone()]);
    let authenticator = world.authenticator(&json!([]));
    let long = merged(&jenny(), &json!({ "ent": "a".repeat(20_000) }));
    assert_eq!(outcome(&authenticator, &issuer.token(USER, &long)).await, "Illegal token");
    assert_eq!(outcome(&authenticator, &"a".repeat(10_000_000)).await, "Illegal token");
    assert_eq!(world.loads(), 0);
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_forgotten() {
    let (world, old, new) = (World::new(), Issuer::new("old"), Issuer::new("new"));
    world.publish(USER_KEYS, [old.jwk.clone()]);
    let authenticator = world.authenticator(&json!([]));
    let claims = merged(&jenny(), &json!({ "exp": NOW + 100_000 }));
    let (old, new_token) = (old.token(USER, &claims), new.token(USER, &claims));
    assert_eq!(outcome(&authenticator, &old).await, "user:default/jenny");
    assert_eq!(outcome(&authenticator, &new_token).await, "Failed user token verification");
    world.publish(USER_KEYS, [new.jwk.clone()]);
    assert_eq!(outcome(&authenticator, &new_token).await, "Failed user token verification");
    assert_eq!(world.loads(), 1, "unknown keys are not looked for all the time");
    world.pass(30);
    assert_eq!(outcome(&authenticator, &new_token).await, "user:default/jenny");
    assert_eq!(outcome(&authenticator, &old).await, "Failed user token verification");
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn an_expired_token_has_no_keys_loaded() {
    let (world, issuer) = (World::new(), Issuer::new("a"));
    let authenticator = world.authenticator(&json!([]));
    let expired: Value = merged(&jenny(), &json!({ "exp": NOW - 100 }));
    assert_eq!(
        outcome(&authenticator, &issuer.token(USER, &expired)).await,
        "Failed user token verification"
    );
    assert_eq!(world.loads(), 0);
}
