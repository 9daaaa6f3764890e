//! Who sends a request, and whether they are let in.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use callboard_auth::{AuthError, Authenticator, Credentials, Principal, SigningKeys, SystemClock};

use crate::audit::AuditScope;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::layers::CallerKind;
use crate::mount;
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
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if !mount::is_guarded(request.uri().path()) {
        return Ok(next.run(request).await);
    }
    let principal = caller_of(&state, request.headers()).await?;
    let kind = CallerKind::from(&principal);
    let audit = request.extensions().get::<AuditScope>().cloned().unwrap_or_default();
    request.extensions_mut().insert(Caller::new(&state, principal, audit));
    let mut response = next.run(request).await;
    response.extensions_mut().insert(kind);
    Ok(response)
}

/// Who sends a request with these headers, if they are let in.
pub(crate) async fn caller_of(state: &ApiState, headers: &HeaderMap) -> Result<Principal, ApiError> {
    let header = headers.get(header::AUTHORIZATION);
    let credentials =
        header.map(|value| Credentials::from_authorization(value.as_bytes())).unwrap_or_default();
    let authentication = &state.options.authentication;
    let principal = authentication.authenticator.authenticate(&credentials).await?;
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
