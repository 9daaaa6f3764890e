//! The server's own keys, and the tokens it shows to other backends.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::SecretKey;
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePrivateKey as _;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::{Clock, is_within};
use crate::error::IssueError;
use crate::principal::UserPrincipal;
use crate::token::PLUGIN_TYPE;

/// How long tokens are signed with one key.
const ROTATION: SignedDuration = SignedDuration::from_hours(1);
/// How long a token holds.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// How long a key is published: until its last token has expired everywhere, whatever the clocks say.
const PUBLICATION: SignedDuration = SignedDuration::from_hours(3);

/// The server's own keys. They are made when they are needed, live in memory, and are replaced every hour.
pub struct SigningKeys {
    plugin: String,
    clock: Arc<dyn Clock>,
    /// Oldest first.
    keys: Mutex<Vec<SigningKey>>,
}

#[derive(Clone)]
struct SigningKey {
    id: String,
    made_at: Timestamp,
    private: EncodingKey,
    public: Jwk,
}

#[derive(Serialize)]
struct PluginClaims<'a> {
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    obo: Option<&'a str>,
}

impl SigningKeys {
    /// For the tokens of a plugin's backend.
    pub fn new(plugin: &str, clock: Arc<dyn Clock>) -> Self {
        Self { plugin: plugin.to_owned(), clock, keys: Mutex::default() }
    }

    /// The public keys, as they are published: `{"keys": […]}`. There are none before the first token.
    pub fn published(&self) -> Value {
        let now = self.clock.now();
        let keys = self.keys.lock();
        let current = keys.iter().filter(|key| is_within(PUBLICATION, key.made_at, now));
        json!({ "keys": current.map(|key| &key.public).collect::<Vec<_>>() })
    }

    /// A token by which another plugin's backend knows this one; on behalf of a user if there is one.
    ///
    /// # Errors
    ///
    /// The user's token does not allow it or has expired, or the system gives no key.
    pub fn issue(&self, audience: &str, on_behalf_of: Option<&UserPrincipal>) -> Result<String, IssueError> {
        let now = self.clock.now();
        let mut expires_at = now.saturating_add(TOKEN_LIFE).unwrap_or(Timestamp::MAX);
        let mut obo = None;
        if let Some(user) = on_behalf_of {
            let entity_ref = || user.entity_ref.clone();
            if user.expires_at <= now {
                return Err(IssueError::Expired { entity_ref: entity_ref() });
            }
            let token = user.limited_token.as_ref();
            obo =
                Some(token.ok_or_else(|| IssueError::NotDelegable { entity_ref: entity_ref() })?.0.as_str());
            expires_at = expires_at.min(user.expires_at);
        }
        let claims = PluginClaims {
            sub: &self.plugin,
            aud: audience,
            iat: now.as_second(),
            exp: expires_at.as_second(),
            obo,
        };
        let key = self.current(now).map_err(IssueError::Signing)?;
        let header =
            Header { typ: Some(PLUGIN_TYPE.to_owned()), kid: Some(key.id), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &key.private).map_err(IssueError::Signing)
    }

    /// The key to sign with now; a new one if the last has served its time.
    fn current(&self, now: Timestamp) -> Result<SigningKey, Error> {
        let mut keys = self.keys.lock();
        if let Some(key) = keys.last().filter(|key| is_within(ROTATION, key.made_at, now)) {
            return Ok(key.clone());
        }
        keys.retain(|key| is_within(PUBLICATION, key.made_at, now));
        let key = SigningKey::generate(now)?;
        keys.push(key.clone());
        Ok(key)
    }
}

impl SigningKey {
    fn generate(now: Timestamp) -> Result<Self, Error> {
        let document = SecretKey::random(&mut OsRng)
            .to_pkcs8_der()
            .map_err(|_| Error::from(ErrorKind::InvalidEcdsaKey))?;
        let private = EncodingKey::from_ec_der(document.as_bytes());
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256)?;
        let id = uuid::Uuid::new_v4().to_string();
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { id, made_at: now, private, public })
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKeys").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}
