//! One key pair that tokens are signed with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::errors::{Error, ErrorKind};
use p256::elliptic_curve::rand_core::OsRng;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::pkcs8::EncodePrivateKey as _;
use p256::{PublicKey, SecretKey};
use serde_json::{Value, json};

/// A private key with its public half. Both are ES256.
#[derive(Clone)]
pub(crate) struct SigningKey {
    pub(crate) id: String,
    pub(crate) private: EncodingKey,
    /// As a JWK.
    pub(crate) public: Value,
}

impl SigningKey {
    /// A new one, with a name of its own.
    pub(crate) fn generate() -> Result<Self, Error> {
        Self::of(&SecretKey::random(&mut OsRng), &uuid::Uuid::new_v4().to_string())
    }

    /// One that is there already.
    pub(crate) fn of(secret: &SecretKey, id: &str) -> Result<Self, Error> {
        let document = secret.to_pkcs8_der().map_err(|_| Error::from(ErrorKind::InvalidEcdsaKey))?;
        let private = EncodingKey::from_ec_der(document.as_bytes());
        Ok(Self { id: id.to_owned(), private, public: jwk(&secret.public_key(), id) })
    }
}

/// A public key, as it is published.
pub(crate) fn jwk(key: &PublicKey, id: &str) -> Value {
    let point = key.to_encoded_point(false);
    let coordinate = |bytes: Option<_>| bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    json!({
        "kty": "EC",
        "crv": "P-256",
        "x": coordinate(point.x()),
        "y": coordinate(point.y()),
        "kid": id,
        "alg": "ES256",
        "use": "sig",
    })
}
