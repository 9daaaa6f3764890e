//! Issuers of tokens, and a world in which authenticators find their keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use callboard_auth::{
    AuthError, AuthSettings, Authenticator, Clock, Credentials, Discovery, ExternalAccess, JwksSource,
    LoadError, Principal,
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePrivateKey as _;
use parking_lot::Mutex;
use serde_json::{Value, json};

pub(crate) const USER_KEYS: &str = "https://portal/api/auth/.well-known/jwks.json";
pub(crate) const USER: &str = "vnd.backstage.user";
pub(crate) const LIMITED: &str = "vnd.backstage.limited-user";
pub(crate) const PLUGIN: &str = "vnd.backstage.plugin";

/// The present moment of all tests, in seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) struct Issuer {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: EncodingKey,
    pub(crate) jwk: Value,
}

impl Issuer {
    pub(crate) fn new(kid: &str) -> Self {
        let document = p256::SecretKey::random(&mut OsRng).to_pkcs8_der().unwrap();
        Self::of(kid, Algorithm::ES256, EncodingKey::from_ec_der(document.as_bytes()))
    }

    pub(crate) fn rsa(kid: &str, key: &[u8]) -> Self {
        Self::of(kid, Algorithm::RS256, EncodingKey::from_rsa_der(key))
    }

    fn of(kid: &str, algorithm: Algorithm, key: EncodingKey) -> Self {
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        Self { kid: kid.to_owned(), algorithm, key, jwk: serde_json::to_value(jwk).unwrap() }
    }

    /// The same key with other members.
    pub(crate) fn jwk_with(&self, changes: &Value) -> Value {
        merged(&self.jwk, changes)
    }

    pub(crate) fn token(&self, typ: &str, claims: &Value) -> String {
        let header =
            Header { typ: Some(typ.to_owned()), kid: Some(self.kid.clone()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    /// The token of a user, with the signature for its limited form.
    pub(crate) fn user_token(&self, claims: &Value) -> String {
        let limited = self.limited_token(claims);
        let signature = limited.rsplit('.').next().unwrap();
        self.token(USER, &merged(claims, &json!({ "uip": signature })))
    }

    pub(crate) fn limited_token(&self, claims: &Value) -> String {
        let header = json!({ "typ": LIMITED, "alg": "ES256", "kid": self.kid });
        let claims = json!({ "sub": claims["sub"], "iat": claims["iat"], "exp": claims["exp"] });
        let signed = format!("{}.{}", base64(&header.to_string()), base64(&claims.to_string()));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

pub(crate) fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

/// The first with the members of the second over it; `null` takes one away.
pub(crate) fn merged(value: &Value, changes: &Value) -> Value {
    let mut merged = value.as_object().unwrap().clone();
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            merged.remove(name);
        } else {
            merged.insert(name.clone(), change.clone());
        }
    }
    Value::Object(merged)
}

/// Claims of a user who calls.
pub(crate) fn jenny() -> Value {
    json!({ "sub": "user:default/jenny", "aud": "backstage", "iat": NOW - 60, "exp": NOW + 3600 })
}

/// Where key sets are, what time it is, and how often a key set was loaded.
#[derive(Default)]
pub(crate) struct World {
    documents: Mutex<HashMap<String, Value>>,
    later: Mutex<SignedDuration>,
    loads: AtomicUsize,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn publish(&self, url: &str, keys: impl IntoIterator<Item = Value>) {
        let keys: Vec<Value> = keys.into_iter().collect();
        self.publish_document(url, json!({ "keys": keys }));
    }

    pub(crate) fn publish_document(&self, url: &str, document: Value) {
        self.documents.lock().insert(url.to_owned(), document);
    }

    pub(crate) fn pass(&self, seconds: i64) {
        *self.later.lock() += SignedDuration::from_secs(seconds);
    }

    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }

    /// The catalog behind `https://portal`.
    pub(crate) fn authenticator(self: &Arc<Self>, external: &Value) -> Authenticator {
        let external = ExternalAccess::parse(external.as_array().unwrap()).unwrap();
        let discovery = Discovery::new(Some("https://portal"));
        let settings = AuthSettings { plugin: "catalog".to_owned(), external, discovery };
        Authenticator::new(settings, Arc::clone(self) as _, Arc::clone(self) as _)
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap() + *self.later.lock()
    }
}

#[async_trait]
impl JwksSource for World {
    async fn load(&self, url: &str) -> Result<Vec<u8>, LoadError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let documents = self.documents.lock();
        let document = documents.get(url).ok_or_else(|| LoadError::new("not found"))?;
        Ok(document.to_string().into_bytes())
    }
}

/// What becomes of a token, in few words.
pub(crate) async fn outcome(authenticator: &Authenticator, token: &str) -> String {
    describe(authenticator.authenticate(&Credentials::from_token(token)).await)
}

fn describe(outcome: Result<Principal, AuthError>) -> String {
    match outcome {
        Ok(Principal::None) => "none".to_owned(),
        Ok(Principal::User(user)) => match user.actor {
            Some(actor) => format!("{} through {actor}", user.entity_ref),
            None => user.entity_ref,
        },
        Ok(Principal::Service(service)) => service.subject,
        Err(error) => error.to_string(),
    }
}
