use std::sync::Arc;

use async_trait::async_trait;
use callboard_auth::{
    IssueError, KeyLedger, LedgerError, MemoryLedger, PublicKeyRecord, SigningKeys, StaticKey,
};
use jiff::Timestamp;
use p256::SecretKey;
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rstest::rstest;
use serde_json::json;

use crate::issuer::{World, outcome};

const OWN_KEYS: &str = "https://portal/api/catalog/.backstage/auth/v1/jwks.json";

#[tokio::test]
async fn tokens_outlive_the_process_and_are_known_by_every_node() {
    let world = World::new();
    let authenticator = world.authenticator(&json!([]));
    let ledger = Arc::new(MemoryLedger::default());
    let node = || SigningKeys::published_in("catalog", Arc::clone(&ledger) as _, Arc::clone(&world) as _);
    let (first, second) = (node(), node());
    let tokens = [first.issue("catalog", None).await.unwrap(), second.issue("catalog", None).await.unwrap()];
    drop((first, second));
    let restarted = node().published().await.unwrap();
    assert_eq!(restarted["keys"].as_array().unwrap().len(), 2);
    world.publish_document(OWN_KEYS, restarted);
    for token in tokens {
        assert_eq!(outcome(&authenticator, &token).await, "plugin:catalog");
    }
    world.pass(3 * 3600);
    assert_eq!(node().published().await.unwrap(), json!({ "keys": [] }));
}

#[tokio::test]
async fn one_key_is_made_for_all_who_wait_for_it() {
    let world = World::new();
    let keys = SigningKeys::new("catalog", Arc::clone(&world) as _);
    let issued = futures::future::join_all((0..50).map(|_| keys.issue("catalog", None))).await;
    assert!(issued.iter().all(Result::is_ok));
    assert_eq!(keys.published().await.unwrap()["keys"].as_array().unwrap().len(), 1);
}

/// A ledger that nobody can reach.
struct Unreachable;

#[async_trait]
impl KeyLedger for Unreachable {
    async fn add(&self, _: PublicKeyRecord, _: Timestamp) -> Result<(), LedgerError> {
        Err(LedgerError::new(std::io::Error::other("down")))
    }

    async fn keys(&self, _: Timestamp) -> Result<Vec<PublicKeyRecord>, LedgerError> {
        Err(LedgerError::new(std::io::Error::other("down")))
    }
}

#[tokio::test]
async fn a_key_that_nobody_can_see_is_not_used() {
    let keys = SigningKeys::published_in("catalog", Arc::new(Unreachable), World::new() as _);
    assert!(matches!(keys.issue("catalog", None).await, Err(IssueError::Ledger(_))));
    assert!(keys.published().await.is_err());
}

fn pair(id: &str) -> StaticKey {
    let secret = SecretKey::random(&mut OsRng);
    StaticKey {
        id: id.to_owned(),
        algorithm: "ES256".to_owned(),
        public_pem: secret.public_key().to_public_key_pem(LineEnding::LF).unwrap(),
        private_pem: Some(secret.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()),
    }
}

fn public(id: &str) -> StaticKey {
    StaticKey { private_pem: None, ..pair(id) }
}

#[tokio::test]
async fn keys_of_files_stay() {
    let world = World::new();
    let authenticator = world.authenticator(&json!([]));
    let files = [pair("now"), public("before")];
    let keys = SigningKeys::of_files("catalog", &files, Arc::clone(&world) as _).unwrap();
    let published = keys.published().await.unwrap();
    let ids: Vec<_> = published["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(ids, ["now", "before"]);
    world.publish_document(OWN_KEYS, published);
    let token = keys.issue("catalog", None).await.unwrap();
    let again = SigningKeys::of_files("catalog", &files, Arc::clone(&world) as _).unwrap();
    for token in [token, again.issue("catalog", None).await.unwrap()] {
        assert_eq!(outcome(&authenticator, &token).await, "plugin:catalog");
    }
    let shown = format!("{:?}", files[0]);
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

#[rstest]
#[case(vec![], ": expected at least one key")]
#[case(vec![public("a")], "[0].privateKeyFile: the first key signs, so it needs a private key")]
#[case(
    vec![StaticKey { private_pem: Some("x".to_owned()), ..pair("a") }],
    "[0].privateKeyFile: expected a private key of the curve P-256 as PKCS#8 in PEM (BEGIN PRIVATE KEY)"
)]
#[case(
    vec![StaticKey { public_pem: "x".to_owned(), ..pair("a") }],
    "[0].publicKeyFile: expected a public key of the curve P-256 as SPKI in PEM (BEGIN PUBLIC KEY)"
)]
#[case(
    vec![StaticKey { public_pem: public("b").public_pem, ..pair("a") }],
    "[0].publicKeyFile: the public key does not belong to the private key"
)]
#[case(vec![pair("a"), public("a")], "[1].keyId: another key has the same id")]
#[case(vec![pair("a"), pair("b")], "[1].privateKeyFile: only the first key has a private key")]
#[case(
    vec![StaticKey { algorithm: "HS256".to_owned(), ..pair("a") }],
    "[0].algorithm: expected ES256, not \"HS256\": keys of other kinds cannot be used"
)]
fn mistakes(#[case] keys: Vec<StaticKey>, #[case] expected: &str) {
    let error = SigningKeys::of_files("catalog", &keys, World::new() as _).err().unwrap();
    assert_eq!(error.to_string(), expected);
}
