//! The server's own keys, and the tokens it shows to other backends.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::error::{IssueError, SettingsError};
use crate::principal::UserPrincipal;
use crate::rotating_keys::{KeyLedger, LedgerError, MemoryLedger, RotatingKeys};
use crate::signing_key::SigningKey;
use crate::static_keys::{StaticKey, StaticKeys};
use crate::token::PLUGIN_TYPE;

/// How long a token holds.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// The server's own keys. Private halves never leave the process, unless somebody gave them to it in files.
pub struct SigningKeys {
    plugin: String,
    clock: Arc<dyn Clock>,
    keys: Keys,
}

enum Keys {
    Rotating(RotatingKeys),
    Static(StaticKeys),
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
    /// For the tokens of a plugin's backend, with keys that only this process knows.
    pub fn new(plugin: &str, clock: Arc<dyn Clock>) -> Self {
        Self::published_in(plugin, Arc::new(MemoryLedger::default()), clock)
    }

    /// With keys that are made when they are needed, replaced every hour, and whose public halves are in a ledger.
    pub fn published_in(plugin: &str, ledger: Arc<dyn KeyLedger>, clock: Arc<dyn Clock>) -> Self {
        Self { plugin: plugin.to_owned(), clock, keys: Keys::Rotating(RotatingKeys::new(ledger)) }
    }

    /// With keys that stay the same.
    ///
    /// # Errors
    ///
    /// A key is not what it must be.
    pub fn of_files(plugin: &str, keys: &[StaticKey], clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        Ok(Self { plugin: plugin.to_owned(), clock, keys: Keys::Static(StaticKeys::parse(keys)?) })
    }

    /// The public keys, as they are published: `{"keys": […]}`. There are none before the first token.
    ///
    /// # Errors
    ///
    /// They cannot be had at the moment.
    pub async fn published(&self) -> Result<Value, LedgerError> {
        let keys = match &self.keys {
            Keys::Rotating(keys) => keys.published(self.clock.now()).await?,
            Keys::Static(keys) => keys.published.clone(),
        };
        Ok(json!({ "keys": keys }))
    }

    /// A token by which another plugin's backend knows this one; on behalf of a user if there is one.
    ///
    /// # Errors
    ///
    /// The user's token does not allow it or has expired, the system gives no key, or it cannot be published.
    pub async fn issue(
        &self,
        audience: &str,
        on_behalf_of: Option<&UserPrincipal>,
    ) -> Result<String, IssueError> {
        let now = self.clock.now();
        let mut expires_at = now.saturating_add(TOKEN_LIFE).unwrap_or(Timestamp::MAX);
        let mut obo = None;
        if let Some(user) = on_behalf_of {
            obo = Some(user.limited_token(now)?);
            expires_at = expires_at.min(user.expires_at);
        }
        let claims = PluginClaims {
            sub: &self.plugin,
            aud: audience,
            iat: now.as_second(),
            exp: expires_at.as_second(),
            obo,
        };
        let key = self.current(now).await?;
        let header =
            Header { typ: Some(PLUGIN_TYPE.to_owned()), kid: Some(key.id), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &key.private).map_err(IssueError::Signing)
    }

    async fn current(&self, now: Timestamp) -> Result<SigningKey, IssueError> {
        match &self.keys {
            Keys::Rotating(keys) => keys.current(now).await,
            Keys::Static(keys) => Ok(keys.signing.clone()),
        }
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKeys").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}
