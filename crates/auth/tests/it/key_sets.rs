//! What keys are believed.

use serde_json::{Value, json};

use crate::issuer::{Issuer, USER, USER_KEYS, World, base64, jenny, outcome};

const RSA_2048: &[u8] = include_bytes!("keys/rsa-2048.der");
const RSA_1024: &[u8] = include_bytes!("keys/rsa-1024.der");

const REFUSED: &str = "Failed user token verification";
const ACCEPTED: &str = "user:default/jenny";

async fn with_keys(keys: &[Value], token: &str) -> String {
    let world = World::new();
    world.publish(USER_KEYS, keys.iter().cloned());
    outcome(&world.authenticator(&json!([])), token).await
}

#[tokio::test]
async fn keys_and_tokens() {
    let (good, other) = (Issuer::new("good"), Issuer::new("other"));
    let rsa = Issuer::rsa("rsa", RSA_2048);
    let short = Issuer::rsa("short", RSA_1024);
    let impostor = Issuer { kid: "good".to_owned(), ..Issuer::new("impostor") };
    let unnamed = Issuer { kid: String::new(), ..Issuer::new("x") };
    let nameless = |issuer: &Issuer| issuer.jwk_with(&json!({ "kid": null }));
    let cases = [
        ("one key", vec![good.jwk.clone()], &good, ACCEPTED),
        ("several keys", vec![other.jwk.clone(), rsa.jwk.clone(), good.jwk.clone()], &good, ACCEPTED),
        ("RSA", vec![good.jwk.clone(), rsa.jwk.clone()], &rsa, ACCEPTED),
        ("a key without algorithm", vec![good.jwk_with(&json!({ "alg": null }))], &good, ACCEPTED),
        (
            "a key beside one that is of no use",
            vec![json!({ "kty": "x" }), json!(7), good.jwk.clone()],
            &good,
            ACCEPTED,
        ),
        ("a key that is too short", vec![short.jwk.clone()], &short, REFUSED),
        ("somebody else's key", vec![good.jwk.clone()], &other, REFUSED),
        ("another key of the same name", vec![good.jwk.clone()], &impostor, REFUSED),
        ("a key for encryption", vec![good.jwk_with(&json!({ "use": "enc" }))], &good, REFUSED),
        ("a key for another algorithm", vec![good.jwk_with(&json!({ "alg": "ES384" }))], &good, REFUSED),
        ("a key on no known curve", vec![good.jwk_with(&json!({ "crv": "P-521" }))], &good, REFUSED),
        ("a key that is no point of the curve", vec![good.jwk_with(&json!({ "x": "AAAA" }))], &good, REFUSED),
        ("a key without a name for a token with one", vec![nameless(&good)], &good, REFUSED),
        ("a key whose name is empty", vec![unnamed.jwk_with(&json!({ "kid": "" }))], &unnamed, ACCEPTED),
        ("no keys", vec![], &good, REFUSED),
    ];
    for (what, keys, issuer, expected) in cases {
        let token = issuer.token(USER, &jenny());
        assert_eq!(with_keys(&keys, &token).await, expected, "{what}");
    }
}

/// Tokens that try to choose how they are verified.
#[tokio::test]
async fn algorithm_confusion() {
    let issuer = Issuer::new("good");
    let rsa = Issuer::rsa("rsa", RSA_2048);
    let keys =
        [issuer.jwk.clone(), rsa.jwk.clone(), json!({ "kty": "oct", "kid": "oct", "k": base64("known") })];
    let unsigned =
        |header: Value| format!("{}.{}.", base64(&header.to_string()), base64(&jenny().to_string()));
    let hmac = |kid: &str, alg: &str, secret: &[u8]| {
        let algorithm = alg.parse().unwrap();
        let header = json!({ "typ": USER, "alg": alg, "kid": kid });
        let signed = format!("{}.{}", base64(&header.to_string()), base64(&jenny().to_string()));
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        format!("{signed}.{}", jsonwebtoken::crypto::sign(signed.as_bytes(), &key, algorithm).unwrap())
    };
    let member = |jwk: &Value, name: &str| jwk[name].as_str().unwrap().as_bytes().to_vec();
    let swapped = {
        let token = issuer.token(USER, &jenny());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let header = json!({ "typ": USER, "alg": "ES384", "kid": "good" });
        format!("{}.{claims}.{signature}", base64(&header.to_string()))
    };
    let cases = [
        unsigned(json!({ "typ": USER, "alg": "none", "kid": "good" })),
        unsigned(json!({ "typ": USER, "alg": "None" })),
        unsigned(json!({ "typ": USER, "alg": "ES256", "kid": "good" })),
        unsigned(json!({ "typ": USER, "alg": "HS256", "kid": "good" })),
        hmac("good", "HS256", &member(&issuer.jwk, "x")),
        hmac("good", "HS256", issuer.jwk.to_string().as_bytes()),
        hmac("rsa", "HS256", &member(&rsa.jwk, "n")),
        hmac("rsa", "HS512", rsa.jwk.to_string().as_bytes()),
        hmac("oct", "HS256", b"known"),
        hmac("good", "HS256", b""),
        swapped,
    ];
    for token in cases {
        assert_eq!(with_keys(&keys, &token).await, REFUSED, "{token}");
    }
}
