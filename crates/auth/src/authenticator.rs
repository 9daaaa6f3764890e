//! From a token to who sent it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Number;

use crate::clock::{Clock, SystemClock};
use crate::credentials::Credentials;
use crate::discovery::Discovery;
use crate::error::AuthError;
use crate::external::ExternalAccess;
use crate::jwks_cache::{JwksCache, JwksSource, LoadError};
use crate::principal::{LimitedToken, Principal, ServicePrincipal, UserPrincipal};
use crate::token::{Audience, LIMITED_USER_TYPE, PLUGIN_TYPE, Token, USER_AUDIENCE, USER_TYPE};

/// The plugin whose backend issues users' tokens.
const AUTH_PLUGIN: &str = "auth";

/// No plugin has a longer name; what it could be is in [`is_plugin_id`].
const MAX_PLUGIN_ID: usize = 100;

/// Who is let in, and where the keys of the others are.
#[derive(Debug, Default)]
pub struct AuthSettings {
    /// The plugin that requests are for: tokens of other backends have to name it, and restrictions to plugins are
    /// looked up by it.
    pub plugin: String,
    /// The ways in from outside.
    pub external: ExternalAccess,
    /// Where the auth backend and those that call are.
    pub discovery: Discovery,
}

/// Finds out who sends a request.
pub struct Authenticator {
    settings: AuthSettings,
    keys: JwksCache,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Puts one together. Keys of others are loaded from `source` when they are needed.
    pub fn new(settings: AuthSettings, source: Arc<dyn JwksSource>, clock: Arc<dyn Clock>) -> Self {
        let keys = JwksCache::new(source, Arc::clone(&clock));
        Self { settings, keys, clock }
    }

    /// Who sent these credentials: [`Principal::None`] if there are none.
    ///
    /// # Errors
    ///
    /// There is a token, and it is not accepted. The request has to be refused, whatever else would be let in.
    pub async fn authenticate(&self, credentials: &Credentials) -> Result<Principal, AuthError> {
        match credentials.token() {
            // In a box, so that the many requests without a token do not carry along what it takes to verify one.
            Some(token) => Box::pin(self.principal(token)).await,
            None => Ok(Principal::None),
        }
    }

    async fn principal(&self, text: &str) -> Result<Principal, AuthError> {
        let now = self.clock.now();
        let token = Token::parse(text);
        if let Some(token) = &token {
            if token.has_type(PLUGIN_TYPE) {
                return self.plugin_principal(token, now).await;
            }
            if token.has_type(LIMITED_USER_TYPE) {
                return Err(AuthError::LimitedUserToken);
            }
            if is_user_token(token) {
                return self.user(token, limited_token(token), now).await.map(Principal::User);
            }
        }
        let AuthSettings { plugin, external, .. } = &self.settings;
        external.authenticate(text, token.as_ref(), plugin, now, &self.keys).await.map(Principal::Service)
    }

    /// Another backend, or the user it acts for.
    async fn plugin_principal(&self, token: &Token<'_>, now: Timestamp) -> Result<Principal, AuthError> {
        let claims = &token.claims;
        let caller = claims.sub.as_deref().filter(|id| is_plugin_id(id)).ok_or(AuthError::PluginToken)?;
        // What costs nothing comes first: an expired token has no keys loaded.
        if !claims.is_complete() || !claims.has_audience(&self.settings.plugin) || !claims.is_current(now) {
            return Err(AuthError::PluginToken);
        }
        let url = self.settings.discovery.url_of(caller).ok_or(AuthError::PluginToken)?;
        self.verify(&format!("{url}/.backstage/auth/v1/jwks.json"), token, AuthError::PluginToken).await?;

        let actor = format!("plugin:{caller}");
        let Some(on_behalf_of) = &claims.obo else {
            return Ok(Principal::Service(ServicePrincipal { subject: actor, restriction: None }));
        };
        let user_token = Token::parse(on_behalf_of).ok_or(AuthError::PluginToken)?;
        if !user_token.has_type(LIMITED_USER_TYPE) && !is_user_token(&user_token) {
            return Err(AuthError::PluginToken);
        }
        let limited = Some(LimitedToken(on_behalf_of.clone()));
        let user = self.user(&user_token, limited, now).await?;
        Ok(Principal::User(UserPrincipal { actor: Some(actor), ..user }))
    }

    async fn user(
        &self,
        token: &Token<'_>,
        limited_token: Option<LimitedToken>,
        now: Timestamp,
    ) -> Result<UserPrincipal, AuthError> {
        let claims = &token.claims;
        if !claims.is_complete() || !claims.is_current(now) {
            return Err(AuthError::UserToken);
        }
        let entity_ref = claims.sub.clone().ok_or(AuthError::UserToken)?;
        let expires_at = claims.expires_at().ok_or(AuthError::UserToken)?;
        let url = self.settings.discovery.url_of(AUTH_PLUGIN).ok_or(AuthError::UserToken)?;
        self.verify(&format!("{url}/.well-known/jwks.json"), token, AuthError::UserToken).await?;
        let ownership_refs = claims.ownership_refs();
        Ok(UserPrincipal { entity_ref, actor: None, ownership_refs, expires_at, limited_token })
    }

    async fn verify(&self, url: &str, token: &Token<'_>, refusal: AuthError) -> Result<(), AuthError> {
        self.keys.verify(url, token, None).await.map_err(|error| {
            tracing::debug!(url, %error, "a token was not accepted");
            refusal
        })
    }
}

/// Knows nobody: every token is refused.
impl Default for Authenticator {
    fn default() -> Self {
        Self::new(AuthSettings::default(), Arc::new(NoSource), Arc::new(SystemClock))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authenticator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Older auth backends mark users' tokens by their audience alone.
fn is_user_token(token: &Token<'_>) -> bool {
    let has_audience =
        matches!(&token.claims.aud, Some(Audience::One(audience)) if audience == USER_AUDIENCE);
    token.has_type(USER_TYPE) || has_audience
}

/// The id is put into a URL, so it is looked at closely.
fn is_plugin_id(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !id.is_empty() && id.len() <= MAX_PLUGIN_ID && id.bytes().all(is_allowed)
}

/// A user's token without their privileges, which other backends may be shown. The auth backend has signed exactly
/// this JSON, so the order of the fields matters.
fn limited_token(token: &Token<'_>) -> Option<LimitedToken> {
    #[derive(Serialize)]
    struct LimitedHeader<'a> {
        typ: &'a str,
        alg: String,
        kid: &'a str,
    }
    #[derive(Serialize)]
    struct LimitedClaims<'a> {
        sub: &'a str,
        iat: &'a Number,
        exp: &'a Number,
    }
    let claims = &token.claims;
    let alg = format!("{:?}", token.algorithm()?);
    let header = LimitedHeader { typ: LIMITED_USER_TYPE, alg, kid: token.header.kid.as_deref()? };
    let limited =
        LimitedClaims { sub: claims.sub.as_deref()?, iat: claims.iat.as_ref()?, exp: claims.exp.as_ref()? };
    let header = URL_SAFE_NO_PAD.encode(serde_json::to_string(&header).ok()?);
    let limited = URL_SAFE_NO_PAD.encode(serde_json::to_string(&limited).ok()?);
    let signature = claims.uip.as_deref()?;
    Some(LimitedToken(format!("{header}.{limited}.{signature}")))
}

/// Where there are no key sets.
struct NoSource;

#[async_trait]
impl JwksSource for NoSource {
    async fn load(&self, _: &str) -> Result<Vec<u8>, LoadError> {
        Err(LoadError::new("no key sets are loaded here"))
    }
}
