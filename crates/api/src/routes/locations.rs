//! `GET` and `POST /locations`: what users registered.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::{Catalog, ConflictStrategy, DryRun};
use callboard_model::{Entity, LocationPresence, LocationSpec};
use callboard_permissions::Permission;
use callboard_store::RegisteredLocation;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::documented_parameters;
use crate::openapi::schemas::{EntityPart, ErrorBody, RegistrationRequest};
use crate::request::{JsonBody, Members, NoParameters, Parameter, Parameters};
use crate::response::tagged_json;
use crate::wire::LocationBody;

const POST_PARAMETERS: &[Parameter] = &[
    Parameter::text("dryRun")
        .described(
            "Whether to register nothing, and answer what it would bring in. `true`, `t`, `yes`, `y`, `on` and `1` \
             mean yes, anything else no.",
        )
        .example("true"),
    Parameter::one_of("onConflict", &["refresh", "reject"]).described(
        "What to do if the location is registered already: read it again, or answer 409. The configuration has the \
         default.",
    ),
];

documented_parameters!(Query = POST_PARAMETERS);

/// An item of the list; the wrapper is what clients expect.
#[derive(Debug, Serialize, ToSchema)]
struct ListedLocation {
    data: LocationBody,
}

/// A registered location, or what registering it would come to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Registration)]
struct RegistrationBody {
    /// Only a dry run says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    exists: Option<bool>,
    location: LocationBody,
    /// What it brings in. Known to a dry run only: a real registration is read later.
    #[schema(value_type = Vec<EntityPart>)]
    entities: Vec<Value>,
}

/// All registered locations
#[utoipa::path(
    get,
    path = "/locations",
    tag = "locations",
    operation_id = "listLocations",
    responses((status = 200, description = "The locations.", body = Vec<ListedLocation>))
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    _: NoParameters,
) -> Result<Response, ApiError> {
    let is_permitted = caller.is_permitted(Permission::LOCATION_READ).await?;
    let locations = if is_permitted { catalog.locations().await? } else { Vec::new() };
    let listed: Vec<ListedLocation> =
        locations.into_iter().map(|location| ListedLocation { data: location.into() }).collect();
    Ok(tagged_json(StatusCode::OK, &listed))
}

/// Register a location
///
/// It is read soon after; whether it can be read plays no part here.
#[utoipa::path(
    post,
    path = "/locations",
    tag = "locations",
    operation_id = "createLocation",
    params(Query),
    request_body = RegistrationRequest,
    responses(
        (status = 201, description = "The location, registered or tried.", body = RegistrationBody),
        (status = 409, description = "It is registered already.", body = ErrorBody),
    )
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    caller: Caller,
    RawQuery(query): RawQuery,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let parameters = Parameters::parse(query.as_deref(), POST_PARAMETERS)?;
    let on_conflict = match parameters.text("onConflict") {
        Some("refresh") => Some(ConflictStrategy::Refresh),
        Some(_) => Some(ConflictStrategy::Reject),
        None => None,
    };
    let spec = location_spec(&body.required()?)?;
    let is_dry_run = parameters.text("dryRun").is_some_and(is_yes);
    if !is_dry_run {
        catalog.ensure_writable()?;
    }
    caller.authorize(Permission::LOCATION_CREATE).await?;
    let registration: RegistrationBody = if is_dry_run {
        catalog.dry_run_location(spec).await?.into()
    } else {
        catalog.add_location(spec, on_conflict).await?.into()
    };
    Ok(tagged_json(StatusCode::CREATED, &registration))
}

fn location_spec(members: &Members<'_>) -> Result<LocationSpec, ApiError> {
    let location_type = members.require("type", members.text("type")?)?.to_owned();
    let target = members.require("target", members.text("target")?)?.to_owned();
    let presence = match members.one_of("presence", &["required", "optional"])? {
        Some("optional") => LocationPresence::Optional,
        _ => LocationPresence::Required,
    };
    members.only(&["type", "target", "presence"])?;
    Ok(LocationSpec { location_type, target, presence })
}

/// Any other word means no, and so a real registration.
pub(crate) fn is_yes(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "t" | "yes" | "y" | "on" | "1")
}

impl From<RegisteredLocation> for RegistrationBody {
    fn from(location: RegisteredLocation) -> Self {
        Self { exists: None, location: location.into(), entities: Vec::new() }
    }
}

impl From<DryRun> for RegistrationBody {
    fn from(dry_run: DryRun) -> Self {
        let location = LocationBody {
            id: dry_run.id(),
            location_type: dry_run.location.location_type,
            target: dry_run.location.target,
            entity_ref: dry_run.entity_ref.to_string(),
        };
        let entities = dry_run.entities.into_iter().map(Entity::into_value).collect();
        Self { exists: Some(dry_run.exists), location, entities }
    }
}
