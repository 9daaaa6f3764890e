//! Keys that somebody made and put into files.

use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use p256::{PublicKey, SecretKey};
use serde_json::Value;

use crate::error::SettingsError;
use crate::signing_key::{SigningKey, jwk};

/// A key as the files have it. Debug output does not show the private half.
#[derive(Clone)]
pub struct StaticKey {
    /// The `kid` of tokens.
    pub id: String,
    /// The algorithm that it is for; only `ES256` is known.
    pub algorithm: String,
    /// The public key: SPKI in PEM.
    pub public_pem: String,
    /// The private key: PKCS#8 in PEM. The first key has one, and signs; the others only verify.
    pub private_pem: Option<String>,
}

impl std::fmt::Debug for StaticKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StaticKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Keys that stay the same.
pub(crate) struct StaticKeys {
    pub(crate) signing: SigningKey,
    pub(crate) published: Vec<Value>,
}

impl StaticKeys {
    pub(crate) fn parse(keys: &[StaticKey]) -> Result<Self, SettingsError> {
        let [first, ..] = keys else {
            return Err(fault(String::new(), "expected at least one key"));
        };
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|earlier| earlier.id == key.id) {
                return Err(fault(format!("[{index}].keyId"), "another key has the same id"));
            }
        }
        let signing = signing_key(first)?;
        let published = keys.iter().enumerate().map(|(index, key)| published(index, key));
        let published = published.collect::<Result<Vec<_>, _>>()?;
        if published.first() != Some(&signing.public) {
            return Err(fault(
                "[0].publicKeyFile".to_owned(),
                "the public key does not belong to the private key",
            ));
        }
        Ok(Self { signing, published })
    }
}

fn signing_key(key: &StaticKey) -> Result<SigningKey, SettingsError> {
    let path = || "[0].privateKeyFile".to_owned();
    let pem = key.private_pem.as_deref();
    let pem = pem.ok_or_else(|| fault(path(), "the first key signs, so it needs a private key"))?;
    let secret = SecretKey::from_pkcs8_pem(pem);
    let secret = secret.map_err(|_| {
        fault(path(), "expected a private key of the curve P-256 as PKCS#8 in PEM (BEGIN PRIVATE KEY)")
    })?;
    SigningKey::of(&secret, &key.id).map_err(|error| fault(path(), &error.to_string()))
}

fn published(index: usize, key: &StaticKey) -> Result<Value, SettingsError> {
    if key.algorithm != "ES256" {
        let message = format!("expected ES256, not {:?}: keys of other kinds cannot be used", key.algorithm);
        return Err(fault(format!("[{index}].algorithm"), &message));
    }
    if index > 0 && key.private_pem.is_some() {
        return Err(fault(format!("[{index}].privateKeyFile"), "only the first key has a private key"));
    }
    let public = PublicKey::from_public_key_pem(&key.public_pem).map_err(|_| {
        let message = "expected a public key of the curve P-256 as SPKI in PEM (BEGIN PUBLIC KEY)";
        fault(format!("[{index}].publicKeyFile"), message)
    })?;
    Ok(jwk(&public, &key.id))
}

fn fault(path: String, message: &str) -> SettingsError {
    SettingsError { path, message: message.to_owned() }
}
