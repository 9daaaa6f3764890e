//! What a request can fail with, as clients see it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use callboard_auth::IssueError;
use callboard_engine::LocationError;
use callboard_index::{CursorError, FieldError, FilterError, OrderError, PredicateError};
use callboard_permissions::{AuthorityError, ConditionError, DecisionError, Refusal};
use callboard_sdk::{RuleParameterError, SchedulerError};
use callboard_store::StoreError;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// A failed request: one variant for each error name that clients tell apart.
///
/// Handlers return it; the envelope around it is made by [`crate::envelope`], which knows the request.
#[derive(Debug, Clone, Error)]
pub(crate) enum ApiError {
    /// The request does not make sense.
    #[error("{0}")]
    Input(String),
    /// The credentials do not.
    #[error("{0}")]
    Authentication(String),
    /// The operation is refused.
    #[error("{0}")]
    NotAllowed(String),
    /// What the path or the body names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// The body is larger than the limit, given in bytes.
    #[error("request entity too large")]
    PayloadTooLarge {
        /// The largest body that is read.
        limit: usize,
        /// The size that the request announced, if it did.
        length: Option<usize>,
    },
    /// The body did not arrive in time.
    #[error("the request body did not arrive in time")]
    RequestTimeout,
    /// The client made too many requests.
    #[error("Too many requests, please try again later")]
    TooManyRequests,
    /// Not now, but perhaps later.
    #[error("{0}")]
    Unavailable(String),
    /// The database cannot be written to.
    #[error("The database cannot be written to at the moment, nothing was changed; please try again later")]
    Unwritable,
    /// An error with more to say than a message.
    #[error("{}", .0.message)]
    Detailed(Box<DetailedError>),
    /// A failure of the server. The cause is logged and never sent.
    #[error("an internal error occurred")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// An error with more to say than a message.
#[derive(Debug, Clone)]
pub(crate) struct DetailedError {
    pub(crate) name: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// Further members of the error.
    pub(crate) details: Map<String, Value>,
}

impl ApiError {
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(Arc::from(cause.into()))
    }

    /// What another backend answered, with its status.
    fn refused_decision(refusal: &Refusal) -> Self {
        tracing::warn!(status = refusal.status, "the permission backend refused to decide");
        let message = refusal.to_string();
        let is_envelope = refusal.body["error"].is_object() && refusal.body["response"].is_object();
        let body = if is_envelope {
            refusal.body.clone()
        } else {
            let text = refusal.body.as_str().map_or_else(|| refusal.body.to_string(), str::to_owned);
            json!({
                "error": { "name": "Unknown", "message": format!("{message}, {text}") },
                "response": { "statusCode": refusal.status },
            })
        };
        let mut details = Map::new();
        details.insert("statusCode".to_owned(), json!(refusal.status));
        details.insert("statusText".to_owned(), json!(refusal.status_text));
        details.insert("cause".to_owned(), body["error"].clone());
        details.insert("body".to_owned(), body);
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::Detailed(Box::new(DetailedError { name: "ResponseError", status, message, details }))
    }

    fn rule_parameters(error: &RuleParameterError) -> Self {
        let issue = |issue: &callboard_sdk::ParameterIssue| json!({ "path": [issue.parameter], "message": issue.message });
        let issues: Vec<Value> = error.issues.iter().map(issue).collect();
        let cause = json!({ "name": "InputError", "message": error.to_string(), "issues": issues });
        Self::Detailed(Box::new(DetailedError {
            name: "InputError",
            status: StatusCode::BAD_REQUEST,
            message: format!("Parameters to rule are invalid; caused by {error}"),
            details: Map::from_iter([("cause".to_owned(), cause)]),
        }))
    }

    /// The name that clients know the error by.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Input(_) => "InputError",
            Self::Authentication(_) => "AuthenticationError",
            Self::NotAllowed(_) => "NotAllowedError",
            Self::NotFound(_) => "NotFoundError",
            Self::Conflict(_) => "ConflictError",
            Self::PayloadTooLarge { .. } => "PayloadTooLargeError",
            Self::RequestTimeout => "RequestTimeoutError",
            Self::Unavailable(_) | Self::Unwritable => "ServiceUnavailableError",
            Self::Detailed(error) => error.name,
            Self::TooManyRequests | Self::Internal(_) => "Error",
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Input(_) => StatusCode::BAD_REQUEST,
            Self::Authentication(_) => StatusCode::UNAUTHORIZED,
            Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::PayloadTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) | Self::Unwritable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Detailed(error) => error.status,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Carries the error outwards; the body is added where the request is known.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(error = %cause, "the database is not available");
                Self::Unavailable("The database is not available".to_owned())
            }
            StoreError::Unwritable(cause) => {
                tracing::warn!(error = %cause, "the database cannot be written to");
                Self::Unwritable
            }
            other => Self::internal(other),
        }
    }
}

impl From<DecisionError> for ApiError {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::Authority(error) => error.into(),
            DecisionError::Condition(error) => error.into(),
        }
    }
}

impl From<AuthorityError> for ApiError {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Token(IssueError::Signing(cause)) => Self::internal(cause),
            AuthorityError::Token(error) => Self::Authentication(error.to_string()),
            AuthorityError::Unreachable(cause) => {
                tracing::warn!(error = cause, "the permission backend did not answer");
                Self::Unavailable("The permission backend did not answer".to_owned())
            }
            AuthorityError::Refused(refusal) => Self::refused_decision(&refusal),
            error @ AuthorityError::Malformed(_) => Self::internal(error),
        }
    }
}

impl From<ConditionError> for ApiError {
    fn from(error: ConditionError) -> Self {
        match &error {
            // Whoever decides names a rule that is not there; clients can do nothing about it.
            ConditionError::UnknownRule { .. } => Self::Detailed(Box::new(DetailedError {
                name: "Error",
                status: StatusCode::INTERNAL_SERVER_ERROR,
                message: error.to_string(),
                details: Map::new(),
            })),
            ConditionError::Parameters { source, .. } => Self::rule_parameters(source),
            ConditionError::Query { .. } => Self::internal(error),
        }
    }
}

impl From<LocationError> for ApiError {
    fn from(error: LocationError) -> Self {
        let message = error.to_string();
        match error {
            LocationError::NotAllowedType(_) | LocationError::Invalid(_) | LocationError::Processing(_) => {
                Self::Input(message)
            }
            LocationError::AlreadyExists(_) => Self::Conflict(message),
            LocationError::NotFound(_) => Self::NotFound(message),
            LocationError::Readonly => Self::NotAllowed(message),
            LocationError::Store(error) => error.into(),
        }
    }
}

impl From<SchedulerError> for ApiError {
    fn from(error: SchedulerError) -> Self {
        let message = error.to_string();
        match error {
            SchedulerError::Unknown(_) => Self::NotFound(message),
            SchedulerError::Running(_) | SchedulerError::NotRunning(_) | SchedulerError::Taken(_) => {
                Self::Conflict(message)
            }
            SchedulerError::NoId => Self::Input(message),
            SchedulerError::Failed(_) => Self::internal(error),
        }
    }
}

impl From<PredicateError> for ApiError {
    fn from(error: PredicateError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<CursorError> for ApiError {
    fn from(error: CursorError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self::input(error.to_string())
    }
}
