//! Public keys, and what it takes to believe a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::token::Token;

/// More keys than any issuer has; the rest of a set is passed over.
const MAX_KEYS: usize = 100;

/// Sizes of RSA keys, in bytes. Smaller ones can be broken, larger ones take too long.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
const P256: &[Algorithm] = &[Algorithm::ES256];
const P384: &[Algorithm] = &[Algorithm::ES384];
const ED25519: &[Algorithm] = &[Algorithm::EdDSA];

/// The public keys of an issuer.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<PublicKey>,
}

#[derive(Debug)]
struct PublicKey {
    id: Option<String>,
    /// What tokens can be signed with by this key: never what the token itself says.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum VerifyError {
    /// There is no such key, but there may be in a newer set.
    #[error("the token is signed with a key that is not in the key set")]
    UnknownKey,
    /// The signature is wrong, or it is of a kind that is not taken.
    #[error("the signature does not match")]
    Rejected,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads `{"keys": […]}`. Keys that cannot be used, above all symmetric ones, are left out.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(document)?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self { keys: keys.filter_map(|key: Jwk| PublicKey::of(&key)).collect() })
    }

    /// Whether a key of this set signed the token, with one of the `allowed` algorithms; none for any that the key
    /// has.
    pub(crate) fn verify(&self, token: &Token<'_>, allowed: Option<&[Algorithm]>) -> Result<(), VerifyError> {
        let algorithm = token.algorithm().ok_or(VerifyError::Rejected)?;
        if allowed.is_some_and(|allowed| !allowed.contains(&algorithm)) {
            return Err(VerifyError::Rejected);
        }
        let key = self.find(token.header.kid.as_deref(), algorithm)?;
        let verified =
            jsonwebtoken::crypto::verify(token.signature, token.signed.as_bytes(), &key.key, algorithm);
        if verified.unwrap_or(false) { Ok(()) } else { Err(VerifyError::Rejected) }
    }

    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&PublicKey, VerifyError> {
        let mut named = self.keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id).peekable();
        if named.peek().is_none() {
            return Err(VerifyError::UnknownKey);
        }
        let mut fitting = named.filter(|key| key.algorithms.contains(&algorithm));
        // Trying several keys would let a caller choose how much work a token is.
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(VerifyError::Rejected),
        }
    }
}

impl PublicKey {
    fn of(jwk: &Jwk) -> Option<Self> {
        if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return None;
        }
        let possible = possible_algorithms(&jwk.algorithm)?;
        let algorithms = match jwk.common.key_algorithm {
            None => possible.to_vec(),
            Some(only) => possible
                .iter()
                .copied()
                .filter(|algorithm| Algorithm::try_from(only).as_ref() == Ok(algorithm))
                .collect(),
        };
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { id: jwk.common.key_id.clone(), algorithms, key })
    }
}

fn possible_algorithms(parameters: &AlgorithmParameters) -> Option<&'static [Algorithm]> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            let modulus = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
            let leading_zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            RSA_BYTES.contains(&(modulus.len() - leading_zeros)).then_some(RSA)
        }
        AlgorithmParameters::EllipticCurve(elliptic) => match elliptic.curve {
            EllipticCurve::P256 => Some(P256),
            EllipticCurve::P384 => Some(P384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(pair) => {
            matches!(pair.curve, EllipticCurve::Ed25519).then_some(ED25519)
        }
        // A secret that is published is none.
        _ => None,
    }
}
