//! Who sends a request, and whether they are let in.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use callboard_auth::{AuthError, Authenticator, Credentials, Principal, SigningKeys, SystemClock};

use crate::audit::AuditScope;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::layers::{CallerKind, Next};
use crate::mount::{self, MOUNT_PATH};
use crate::push_providers::is_push_route;
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

/// Puts the [`Caller`] of a request into its extensions, or refuses it.
pub(crate) async fn authenticate(
    state: &ApiState,
    route: Option<&MatchedPath>,
    parameters: &Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: impl Next,
) -> Response {
    if !mount::is_guarded(request.uri().path()) {
        return next.run(request).await;
    }
    let audit = request.extensions().get::<AuditScope>().cloned().unwrap_or_default();
    match caller_by_token(state, route, parameters, request.headers(), audit).await {
        Ok(caller) => {
            let kind = CallerKind::from(caller.principal());
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            response.extensions_mut().insert(kind);
            response
        }
        Err(error) => error.into_response(),
    }
}

async fn caller_by_token(
    state: &ApiState,
    route: Option<&MatchedPath>,
    parameters: &Result<RawPathParams, RawPathParamsRejection>,
    headers: &HeaderMap,
    audit: AuditScope,
) -> Result<Caller, ApiError> {
    let credentials = credentials_of(headers);
    let Some(provider) = state.options.push_providers.of_token(&credentials) else {
        return Ok(Caller::new(state, principal_of(state, &credentials).await?, audit));
    };
    let route = route.and_then(|route| route.as_str().strip_prefix(MOUNT_PATH));
    let named = parameters.iter().flatten().find(|(name, _)| *name == "provider");
    if !route.is_some_and(is_push_route) || named.is_none_or(|(_, name)| name != provider) {
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
