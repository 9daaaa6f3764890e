//! `/incremental/…`: what people can see of the passes over large sources, and do to them.

mod bodies;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::{Catalog, IncrementalState};
use callboard_permissions::Permission;
use callboard_store::ProviderName;
use serde_json::Value;

use self::bodies::{
    ActionBody, CleanupBody, ForgottenBody, HealthBody, MarksBody, MessageBody, ProvidersBody, PurgeBody,
    StatusBody,
};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::request::PathParameters;
use crate::response::tagged_json;

/// Whether large sources are read as they should be
#[utoipa::path(
    get,
    path = "/incremental/health",
    tag = "processing",
    operation_id = "getIncrementalHealth",
    responses((status = 200, description = "They are: no source is ever in two passes.", body = HealthBody))
)]
pub(crate) async fn health(caller: Caller) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_READ).await?;
    Ok(tagged_json(StatusCode::OK, &HealthBody { healthy: true }))
}

/// Forget all passes over large sources
///
/// Entities stay. No source is read for a day, unless somebody starts it.
#[utoipa::path(
    post,
    path = "/incremental/cleanup",
    tag = "processing",
    operation_id = "cleanUpIncremental",
    responses((status = 200, description = "How much was forgotten.", body = CleanupBody))
)]
pub(crate) async fn cleanup(State(catalog): State<Catalog>, caller: Caller) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    let control = catalog.incremental();
    let mut body = CleanupBody::default();
    for provider in control.providers().await? {
        body.add(control.purge(&provider).await?);
    }
    Ok(tagged_json(StatusCode::OK, &body))
}

/// The large sources that have been read
#[utoipa::path(
    get,
    path = "/incremental/providers",
    tag = "processing",
    operation_id = "listIncrementalProviders",
    responses((status = 200, description = "Their names.", body = ProvidersBody))
)]
pub(crate) async fn providers(State(catalog): State<Catalog>, caller: Caller) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_READ).await?;
    let providers = catalog.incremental().providers().await?;
    let providers = providers.iter().map(ToString::to_string).collect();
    Ok(tagged_json(StatusCode::OK, &ProvidersBody { success: true, providers }))
}

/// How it stands with a large source
#[utoipa::path(
    get,
    path = "/incremental/providers/{provider}",
    tag = "processing",
    operation_id = "getIncrementalProvider",
    params(("provider" = String, Path, description = "Name of the source.", min_length = 1)),
    responses(
        (status = 200, description = "Its state.", body = StatusBody),
        (status = 404, description = "There is no such source.", body = StatusBody),
    )
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_READ).await?;
    Ok(match catalog.incremental().state(&ProviderName::new(&name)).await? {
        IncrementalState::Unknown => unknown_status(&name),
        IncrementalState::BetweenPasses => {
            let status = ActionBody::between_passes();
            tagged_json(StatusCode::OK, &StatusBody { success: true, status, last_error: None })
        }
        IncrementalState::Open(pass) => {
            let status = ActionBody::of(&pass);
            let last_error = Some(pass.last_error.map_or(Value::Null, Value::String));
            tagged_json(StatusCode::OK, &StatusBody { success: true, status, last_error })
        }
    })
}

/// Forget all passes over a large source
///
/// Entities stay. The source is not read for a day, unless somebody starts it.
#[utoipa::path(
    delete,
    path = "/incremental/providers/{provider}",
    tag = "processing",
    operation_id = "purgeIncrementalProvider",
    params(("provider" = String, Path, description = "Name of the source.", min_length = 1)),
    responses((status = 200, description = "How much was forgotten.", body = PurgeBody))
)]
pub(crate) async fn delete(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    let counts = catalog.incremental().purge(&ProviderName::new(&name)).await?;
    Ok(tagged_json(StatusCode::OK, &PurgeBody::of(&name, counts)))
}

/// Have the next thing done now
#[utoipa::path(
    post,
    path = "/incremental/providers/{provider}/trigger",
    tag = "processing",
    operation_id = "triggerIncrementalProvider",
    params(("provider" = String, Path, description = "Name of the source.", min_length = 1)),
    responses(
        (status = 200, description = "What was done.", body = MessageBody),
        (status = 404, description = "There is no such source.", body = MessageBody),
    )
)]
pub(crate) async fn trigger(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    let before = catalog.incremental().trigger(&ProviderName::new(&name)).await?;
    Ok(answer(
        &name,
        &before,
        "Next action triggered.",
        "Unable to trigger next action (provider is restarting)",
    ))
}

/// Begin a new pass over a large source
#[utoipa::path(
    post,
    path = "/incremental/providers/{provider}/start",
    tag = "processing",
    operation_id = "startIncrementalProvider",
    params(("provider" = String, Path, description = "Name of the source.", min_length = 1)),
    responses(
        (status = 200, description = "What was done.", body = MessageBody),
        (status = 404, description = "There is no such source.", body = MessageBody),
    )
)]
pub(crate) async fn start(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    let before = catalog.incremental().start(&ProviderName::new(&name)).await?;
    Ok(answer(&name, &before, "Next cycle triggered.", "Provider is already restarting"))
}

/// Give the present pass over a large source up
#[utoipa::path(
    post,
    path = "/incremental/providers/{provider}/cancel",
    tag = "processing",
    operation_id = "cancelIncrementalProvider",
    params(("provider" = String, Path, description = "Name of the source.", min_length = 1)),
    responses(
        (status = 200, description = "What was done.", body = MessageBody),
        (status = 404, description = "There is no such source.", body = MessageBody),
    )
)]
pub(crate) async fn cancel(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    let before = catalog.incremental().cancel(&ProviderName::new(&name)).await?;
    Ok(answer(
        &name,
        &before,
        "Current ingestion canceled.",
        "Provider is currently restarting, please wait.",
    ))
}

/// How far the present pass over a large source has come
#[utoipa::path(
    get,
    path = "/incremental/providers/{provider}/marks",
    tag = "processing",
    operation_id = "listIncrementalMarks",
    params(("provider" = String, Path, description = "Name of the source.", min_length = 1)),
    responses(
        (status = 200, description = "Its pages, the latest first; between passes, a message instead.", body = MarksBody),
        (status = 404, description = "There is no such source.", body = StatusBody),
    )
)]
pub(crate) async fn marks(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_READ).await?;
    let (control, provider) = (catalog.incremental(), ProviderName::new(&name));
    if let Some(marks) = control.marks(&provider).await? {
        let records = marks.into_iter().map(Into::into).collect();
        return Ok(tagged_json(StatusCode::OK, &MarksBody { success: true, records }));
    }
    if control.state(&provider).await? == IncrementalState::Unknown {
        return Ok(unknown_status(&name));
    }
    let message = "No records yet (provider is restarting)".to_owned();
    Ok(tagged_json(StatusCode::OK, &MessageBody { success: true, message }))
}

/// Forget passes over a large source that have ended
#[utoipa::path(
    delete,
    path = "/incremental/providers/{provider}/marks",
    tag = "processing",
    operation_id = "deleteIncrementalMarks",
    params(("provider" = String, Path, description = "Name of the source.", min_length = 1)),
    responses((status = 200, description = "How much was forgotten.", body = ForgottenBody))
)]
pub(crate) async fn delete_marks(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(name): PathParameters<String>,
) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    let counts = catalog.incremental().forget_ended(&ProviderName::new(&name)).await?;
    Ok(tagged_json(StatusCode::OK, &ForgottenBody::of(&name, counts)))
}

/// What was done to a pass, or why nothing was.
fn answer(name: &str, before: &IncrementalState, done: &str, between_passes: &str) -> Response {
    match before {
        IncrementalState::Open(_) => {
            let message = format!("{name}: {done}");
            tagged_json(StatusCode::OK, &MessageBody { success: true, message })
        }
        IncrementalState::BetweenPasses => {
            let message = between_passes.to_owned();
            tagged_json(StatusCode::OK, &MessageBody { success: true, message })
        }
        IncrementalState::Unknown => {
            let message = not_found(name);
            tagged_json(StatusCode::NOT_FOUND, &MessageBody { success: false, message })
        }
    }
}

fn unknown_status(name: &str) -> Response {
    let last_error = Some(Value::String(not_found(name)));
    let body = StatusBody { success: false, status: ActionBody::default(), last_error };
    tagged_json(StatusCode::NOT_FOUND, &body)
}

fn not_found(name: &str) -> String {
    format!("Provider '{name}' not found")
}
