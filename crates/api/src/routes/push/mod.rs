//! `PUT /providers/{provider}/entities` and `POST /providers/{provider}/delta`: entities that are pushed.

mod answer;
mod body;

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef as _, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use callboard_duration::ConfigDuration;
use callboard_engine::{Catalog, PushError, PushProvider};
use callboard_sdk::{EntityMutation, EntityProvider as _};
use callboard_store::StoreError;

use self::answer::PushBody;
use self::body::{Format, delta_of, entities_of};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::documented_parameters;
use crate::openapi::schemas::{ErrorBody, PushedDelta, PushedEntities};
use crate::request::{Parameter, Parameters, PathParameters, read_body};
use crate::response::tagged_json;
use crate::state::{ApiState, BodyLimit};

/// The longest time that a request may wait to see its effect.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

const PARAMETERS: &[Parameter] = &[
    Parameter::one_of("dryRun", &["true", "false"])
        .described("Whether to change nothing, and answer what would change and which entities would fail."),
    Parameter::text("wait")
        .described(
            "Answer when clients can see the change, or after this time: a duration such as `10s` or `PT10S`, one \
             minute at most.",
        )
        .example("10s"),
];

documented_parameters!(Query = PARAMETERS);

/// Replace the entities of a provider
///
/// What is not among them is removed. The body is JSON, or YAML with a document for each entity. It takes the token of
/// the provider, or the permission `catalog.ingestion.manage`.
#[utoipa::path(
    put,
    path = "/providers/{provider}/entities",
    tag = "processing",
    operation_id = "replacePushedEntities",
    params(("provider" = String, Path, description = "Name of the provider.", min_length = 1), Query),
    request_body(
        description = "All entities of the provider.",
        content(
            (PushedEntities = "application/json"),
            (String = "application/yaml"),
        ),
    ),
    responses(
        (status = 200, description = "What changed, or would change.", body = PushBody),
        (status = 202, description = "What changed; clients do not see all of it yet.", body = PushBody),
        (status = 404, description = "No such provider takes entities.", body = ErrorBody),
        (status = 409, description = "It would remove too much.", body = ErrorBody),
    )
)]
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let wishes = Wishes::of(query.as_deref())?;
    let provider = state.options.push_providers.authorize(&name, &caller).await?;
    let format = Format::of(&headers)?;
    let bytes = read_body(body, &headers, BodyLimit::from_ref(&state)).await?;
    let origin = provider.origin();
    let entities = on_a_thread(move || entities_of(&bytes, format, &origin)).await?;
    wishes.fulfil(&state.catalog, provider, provider.replacement(entities)).await
}

/// Change some entities of a provider
///
/// It takes the token of the provider, or the permission `catalog.ingestion.manage`.
#[utoipa::path(
    post,
    path = "/providers/{provider}/delta",
    tag = "processing",
    operation_id = "changePushedEntities",
    params(("provider" = String, Path, description = "Name of the provider.", min_length = 1), Query),
    request_body = PushedDelta,
    responses(
        (status = 200, description = "What changed, or would change.", body = PushBody),
        (status = 202, description = "What changed; clients do not see all of it yet.", body = PushBody),
        (status = 404, description = "No such provider takes entities.", body = ErrorBody),
        (status = 409, description = "It would remove too much.", body = ErrorBody),
    )
)]
pub(crate) async fn delta(
    State(state): State<ApiState>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let wishes = Wishes::of(query.as_deref())?;
    let provider = state.options.push_providers.authorize(&name, &caller).await?;
    Format::of(&headers)?.ensure_json()?;
    let bytes = read_body(body, &headers, BodyLimit::from_ref(&state)).await?;
    let (added, removed) = on_a_thread(move || delta_of(&bytes)).await?;
    wishes.fulfil(&state.catalog, provider, provider.delta(added, removed)).await
}

/// Large bodies take a while.
async fn on_a_thread<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(read).await.map_err(ApiError::internal)?
}

/// What a request wants beside the change.
enum Wishes {
    DryRun,
    Change { wait: Option<Duration> },
}

impl Wishes {
    fn of(query: Option<&str>) -> Result<Self, ApiError> {
        let parameters = Parameters::parse(query, PARAMETERS)?;
        let wait = parameters.text("wait").map(wait).transpose()?;
        Ok(if parameters.text("dryRun") == Some("true") { Self::DryRun } else { Self::Change { wait } })
    }

    async fn fulfil(
        self,
        catalog: &Catalog,
        provider: &PushProvider,
        mutation: EntityMutation,
    ) -> Result<Response, ApiError> {
        let refused = |error| refusal(error, provider.name());
        let wait = match self {
            Self::DryRun => {
                let report = catalog.preview_push(provider, mutation).await.map_err(refused)?;
                return Ok(tagged_json(StatusCode::OK, &PushBody::foreseen(report)));
            }
            Self::Change { wait } => wait,
        };
        let report = catalog.push(provider, mutation).await.map_err(refused)?;
        let Some(wait) = wait else {
            return Ok(tagged_json(StatusCode::OK, &PushBody::applied(report)));
        };
        let progress = catalog.wait_for_push(&report, wait).await?;
        let status = if progress.pending.is_empty() { StatusCode::OK } else { StatusCode::ACCEPTED };
        Ok(tagged_json(status, &PushBody::waited_for(report, progress)))
    }
}

fn wait(text: &str) -> Result<Duration, ApiError> {
    let wrong = |problem: &str| ApiError::input(format!("request/query/wait: {problem}"));
    let wait = ConfigDuration::parse(text).map_err(|error| wrong(&error.to_string()))?.get();
    if wait > LONGEST_WAIT {
        return Err(wrong("expected at most one minute"));
    }
    Ok(wait)
}

fn refusal(error: PushError, provider: &str) -> ApiError {
    match error {
        PushError::RemovalRefused(refused) => ApiError::Conflict(format!(
            "{refused}: POST /providers/{provider}/confirm-removals lets the next change pass"
        )),
        error @ PushError::TooManyToTry { .. } => ApiError::input(error.to_string()),
        PushError::Store(error) => error.into(),
        PushError::Connection(error) => match error.0.downcast::<StoreError>() {
            Ok(error) => (*error).into(),
            Err(other) => ApiError::Internal(other.into()),
        },
    }
}
