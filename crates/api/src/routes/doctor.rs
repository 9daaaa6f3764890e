//! `/.callboard/doctor`: whether the store and the index are as they have to be, and mending what is not.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_auth::{Principal, ServicePrincipal};
use callboard_engine::{Catalog, Examination};
use callboard_store::Repair;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::DoctorReport;
use crate::request::NoParameters;
use crate::response::tagged_json;

/// Examine the store and the index
///
/// Looks at all that is stored, so it takes a while. For programs whose token is not restricted.
#[utoipa::path(
    get,
    path = "/.callboard/doctor",
    tag = "server",
    operation_id = "examine",
    responses((status = 200, description = "What was found.", body = DoctorReport))
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let caller = caller.principal().clone();
    ensure_may_examine(&caller)?;
    Ok(tagged_json(StatusCode::OK, &report(&catalog.examine().await?, &[])))
}

/// Mend the store
///
/// As far as it can be mended, and examine it again. What has to be processed first is queued. For programs whose token
/// is not restricted.
#[utoipa::path(
    post,
    path = "/.callboard/doctor",
    tag = "server",
    operation_id = "repair",
    responses((status = 200, description = "What was done, and what was found after that.", body = DoctorReport))
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    caller: Caller,
    _: NoParameters,
) -> Result<Response, ApiError> {
    ensure_may_examine(caller.principal())?;
    let repairs = catalog.repair().await?;
    Ok(tagged_json(StatusCode::OK, &report(&catalog.examine().await?, &repairs)))
}

/// Details name entities, whoever may see them. Where nobody has to say who they are, everybody may do everything.
fn ensure_may_examine(caller: &Principal) -> Result<(), ApiError> {
    match caller {
        Principal::None | Principal::Service(ServicePrincipal { restriction: None, .. }) => Ok(()),
        Principal::User(_) | Principal::Service(_) => Err(ApiError::NotAllowed(
            "only programs whose token is not restricted may examine the server".to_owned(),
        )),
    }
}

fn report(examination: &Examination, repairs: &[Repair]) -> Value {
    let violations = examination
        .violations
        .iter()
        .map(|violation| json!({ "invariant": violation.invariant, "detail": violation.detail }));
    let repairs = repairs.iter().map(
        |repair| json!({ "invariant": repair.invariant, "action": repair.action, "times": repair.times }),
    );
    json!({
        "entities": examination.depth.entities,
        "finalEntities": examination.depth.final_entities,
        "violations": violations.collect::<Vec<_>>(),
        "repairs": repairs.collect::<Vec<_>>(),
    })
}
