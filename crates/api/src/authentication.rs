//! Who sends a request, and whether they are let in.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use callboard_auth::{AuthError, Authenticator, Credentials, Principal, SigningKeys, SystemClock};

use crate::caller::Caller;
use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::push_providers::is_push_route;
use crate::route_table::Route;
use crate::state::ApiState;

/// How callers are told apart.
#[derive(Debug, Clone)]
pub struct Authentication {
    /// Whether they have to say who they are.
    pub policy: AuthPolicy,
    /// Knows their tokens.
    pub authenticator: Arc<Authenticator>,
    /// The server's own keys, whose public parts it publishes.
    pub signing_keys: Arc<SigningKeys>,
}

/// Whether callers have to say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthPolicy {
    /// A request without a token is refused.
    Required,
    /// A request without a token is let in. One that is sent has to be good all the same.
    Optional,
}

/// Lets everyone in who brings no token, and knows none.
impl Default for Authentication {
    fn default() -> Self {
        Self {
            policy: AuthPolicy::Optional,
            authenticator: Arc::default(),
            signing_keys: Arc::new(SigningKeys::new("catalog", Arc::new(SystemClock))),
        }
    }
}

/// The caller of a request, or why there is none that is let in.
pub(crate) async fn authenticate(
    state: &ApiState,
    exchange: &Exchange<'_>,
    route: Option<&Route>,
    headers: &HeaderMap,
) -> Result<Caller, ApiError> {
    let audit = exchange.audit.clone();
    let credentials = credentials_of(headers);
    let Some(provider) = state.options.push_providers.of_token(&credentials) else {
        return Ok(Caller::new(state, principal_of(state, &credentials).await?, audit));
    };
    let pushes = |route: &Route| {
        let parameters = route.parameters(exchange.uri.path());
        route.pattern_below_mount().is_some_and(is_push_route)
            && parameters.contains(&("provider", provider.into()))
    };
    if !route.is_some_and(pushes) {
        return Err(ApiError::NotAllowed(format!(
            "This token is for pushing the entities of the provider '{provider}', and for nothing else"
        )));
    }
    Ok(Caller::pushing(state, provider, audit))
}

/// Who sends a request with these headers, if they are let in.
pub(crate) async fn caller_of(state: &ApiState, headers: &HeaderMap) -> Result<Principal, ApiError> {
    principal_of(state, &credentials_of(headers)).await
}

fn credentials_of(headers: &HeaderMap) -> Credentials {
    let header = headers.get(header::AUTHORIZATION);
    header.map(|value| Credentials::from_authorization(value.as_bytes())).unwrap_or_default()
}

async fn principal_of(state: &ApiState, credentials: &Credentials) -> Result<Principal, ApiError> {
    let authentication = &state.options.authentication;
    let principal = authentication.authenticator.authenticate(credentials).await?;
    if principal == Principal::None && authentication.policy == AuthPolicy::Required {
        return Err(ApiError::Authentication("Missing credentials".to_owned()));
    }
    Ok(principal)
}

/// The caller by a token that came in the body of a request, to be taken for the one of its header.
pub(crate) async fn authenticate_instead(
    state: &ApiState,
    caller: &Caller,
    token: &str,
) -> Result<Caller, ApiError> {
    let credentials = Credentials::from_token(token);
    let principal = state.options.authentication.authenticator.authenticate(&credentials).await?;
    Ok(Caller::new(state, principal, caller.audit().clone()))
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::RestrictedToOtherPlugins { .. } => Self::NotAllowed(error.to_string()),
            _ => Self::Authentication(error.to_string()),
        }
    }
}
