//! Failed requests.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::answers::ErrorList;
use super::written;

/// The body of every failed request, but for those of `validate-entity` and the health checks.
#[derive(ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    error: ErrorDescription,
    request: FailedRequest,
    response: FailedResponse,
}

/// What went wrong.
#[derive(ToSchema)]
struct ErrorDescription {
    /// What clients tell errors apart by, such as `InputError`.
    #[schema(examples("InputError"))]
    name: String,
    /// For people. May be empty where the caller must not do what it asked for.
    #[schema(examples("Unknown query parameter 'bogus'"))]
    message: String,
}

/// Which request it was.
#[derive(ToSchema)]
struct FailedRequest {
    #[schema(examples("GET"))]
    method: String,
    /// Below the mount, as it was received.
    #[schema(examples("/entities?bogus=1"))]
    url: String,
}

/// How it was answered.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct FailedResponse {
    #[schema(minimum = 400, maximum = 599, examples(400))]
    status_code: u16,
}

/// What `validate-entity` answers an entity that is not valid with, or a body that is none.
pub(crate) struct Invalidity;

impl PartialSchema for Invalidity {
    fn schema() -> RefOr<Schema> {
        written(json!({
            "description": "A list of errors if the entity is not valid, one error if the request is not.",
            "oneOf": [{ "$ref": "#/components/schemas/ErrorList" }, { "$ref": "#/components/schemas/Error" }],
        }))
    }
}

impl ToSchema for Invalidity {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Invalidity")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ErrorList::name().into_owned(), ErrorList::schema()));
        ErrorList::schemas(schemas);
    }
}
