//! What requests and answers look like, for the OpenAPI document, where no type of the routes says it.
//!
//! Bodies of requests are read member by member, so that messages can name what is wrong, and answers are put together
//! from stored text. Neither has a type of its own in the program; here they have one, in the words of the document.

#[expect(dead_code, reason = "described, never made")]
mod answers;
#[expect(dead_code, reason = "described, never made")]
mod entity;
#[expect(dead_code, reason = "described, never made")]
mod error;
#[expect(dead_code, reason = "described, never made")]
mod permissions;
mod predicate;
#[expect(dead_code, reason = "described, never made")]
mod requests;

use serde_json::Value;
use utoipa::openapi::{Object, RefOr, Schema};

pub(crate) use answers::{
    ActionList, ActionOutput, Analysis, Ancestry, CookieExpiry, DoctorReport, EntityProblem, FacetCounts,
    Health, KeySet, UnprocessedFailed, UnprocessedPending,
};
pub(crate) use entity::{Entity, EntityBatch, EntityPage, EntityPart};
pub(crate) use error::{ErrorBody, Invalidity};
pub(crate) use permissions::{ConditionsAnswer, ConditionsRequest, PermissionMetadata};
pub(crate) use predicate::Predicate;
pub(crate) use requests::{
    ActionInput, AnalyzeRequest, BatchRequest, FacetRequest, LocationQueryRequest, LocationRequest,
    PushedDelta, PushedEntities, QueryRequest, RefreshRequest, RegistrationRequest, ValidateRequest,
};

/// A schema that is written as what it is.
fn written(schema: Value) -> RefOr<Schema> {
    serde_json::from_value(schema).unwrap_or_else(|_| RefOr::T(Schema::Object(Object::default())))
}
