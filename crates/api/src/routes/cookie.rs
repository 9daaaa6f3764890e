//! `/.backstage/auth/v1/cookie`: a cookie by which a browser shows who its user is where it cannot send a header.
//!
//! It carries a limited token: enough to say who somebody is, and of no use as a header. No route of the catalog takes
//! cookies; other backends on the same host do.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use callboard_auth::{IssueError, Principal};
use jiff::{Timestamp, tz::Offset};
use serde_json::json;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::CookieExpiry;
use crate::response::tagged_json;
use crate::state::ApiState;

const NAME: &str = "backstage-auth";

/// For which addresses cookies are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CookieScope {
    /// The host that browsers know the server by; none for the one that they happen to ask.
    pub host: Option<String>,
    /// Whether they come to it by https, or to this machine. Only then do cookies go with requests of other sites.
    pub is_secure: bool,
}

/// A cookie for a user
///
/// Sets `backstage-auth`, which says to other backends on the same host who the user is, for as long as their token
/// holds. Only users get one.
#[utoipa::path(
    get,
    path = "/.backstage/auth/v1/cookie",
    tag = "server",
    operation_id = "setCookie",
    responses((status = 200, description = "Until when the cookie holds.", body = CookieExpiry))
)]
pub(crate) async fn get(State(state): State<ApiState>, caller: Caller) -> Result<Response, ApiError> {
    let user = match caller.principal() {
        Principal::User(user) => user,
        Principal::Service(_) => {
            return Err(ApiError::NotAllowed(
                "This endpoint does not allow 'service' credentials".to_owned(),
            ));
        }
        Principal::None => return Err(ApiError::Authentication("Missing credentials".to_owned())),
    };
    let token = user.limited_token(Timestamp::now())?;
    let cookie = state.options.cookies.header(token, "")?;
    let expires_at = Offset::UTC.to_datetime(user.expires_at);
    let body = json!({ "expiresAt": format!("{}Z", expires_at.strftime("%Y-%m-%dT%H:%M:%S.000")) });
    let mut response = tagged_json(StatusCode::OK, &body);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Take the cookie away
#[utoipa::path(
    delete,
    path = "/.backstage/auth/v1/cookie",
    tag = "server",
    operation_id = "deleteCookie",
    responses((status = 204, description = "The browser forgets it."))
)]
pub(crate) async fn delete(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let cookie = state.options.cookies.header("", " Expires=Thu, 01 Jan 1970 00:00:00 GMT;")?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

impl CookieScope {
    fn header(&self, value: &str, expiry: &str) -> Result<HeaderValue, ApiError> {
        let domain = self.host.as_ref().map(|host| format!(" Domain={host};")).unwrap_or_default();
        let site = if self.is_secure {
            "Secure; Priority=High; SameSite=None"
        } else {
            "Priority=High; SameSite=Lax"
        };
        let cookie = format!("{NAME}={value};{domain} Path=/;{expiry} HttpOnly; {site}");
        HeaderValue::try_from(cookie).map_err(ApiError::internal)
    }
}

impl From<IssueError> for ApiError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::NotDelegable { .. } | IssueError::Expired { .. } => {
                Self::Authentication(error.to_string())
            }
            IssueError::Signing(_) | IssueError::Ledger(_) => Self::internal(error),
        }
    }
}
