//! `POST /refresh`: have an entity read again soon.

use axum::extract::State;
use axum::http::StatusCode;
use callboard_engine::Catalog;
use callboard_model::EntityRef;
use callboard_permissions::Permission;
use callboard_store::RefreshOutcome;

use crate::authentication::authenticate_instead;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{ErrorBody, RefreshRequest};
use crate::request::{JsonBody, NoParameters};
use crate::state::ApiState;

/// Have an entity read again
///
/// With the locations above it. Only scheduled: the answer does not wait for it.
#[utoipa::path(
    post,
    path = "/refresh",
    tag = "processing",
    operation_id = "refreshEntity",
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "It will be."),
        (status = 404, description = "There is no such entity.", body = ErrorBody),
    )
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    State(state): State<ApiState>,
    caller: Caller,
    _: NoParameters,
    body: JsonBody,
) -> Result<StatusCode, ApiError> {
    let members = body.required()?;
    let entity_ref = members.require("entityRef", members.text("entityRef")?)?;
    let token = members.text("authorizationToken")?;
    members.only(&["entityRef", "authorizationToken"])?;
    // Takes the place of the header, which has been looked at all the same.
    let caller = match token {
        Some(token) => authenticate_instead(&state, &caller, token).await?,
        None => caller,
    };
    caller.authorize_on(Permission::ENTITY_REFRESH, entity_ref).await?;
    let unknown = || ApiError::NotFound(format!("Entity {entity_ref} not found"));
    // What is no ref at all is the name of no entity either.
    let parsed = EntityRef::parse_canonical(entity_ref).map_err(|_| unknown())?;
    match catalog.refresh(&parsed).await? {
        RefreshOutcome::Scheduled(_) => Ok(StatusCode::OK),
        RefreshOutcome::Unknown => Err(unknown()),
    }
}
