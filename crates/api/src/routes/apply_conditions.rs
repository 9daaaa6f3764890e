//! `POST /.well-known/backstage/permissions/apply-conditions`: whether entities fulfil conditions.
//!
//! The permission backend asks this, to answer a question about one entity when its policy has conditions.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_auth::Principal;
use callboard_index::{Index, Predicate};
use callboard_permissions::{ConditionError, Conditions, Issue, RESOURCE_TYPE, RuleSet};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{ConditionsAnswer, ConditionsRequest};
use crate::request::{JsonBody, Members};
use crate::response::tagged_json;
use crate::state::ApiState;

/// A question: whether some entities fulfil conditions.
struct Item<'a> {
    id: &'a str,
    entities: Entities<'a>,
    conditions: Conditions,
}

/// The answer has the shape of the question.
enum Entities<'a> {
    One(&'a str),
    Many(Vec<&'a str>),
}

/// Whether entities fulfil conditions
///
/// Only for other backends, and for users through one. An entity that is not there fulfils no conditions. Query parameters
/// are ignored.
#[utoipa::path(
    post,
    path = "/.well-known/backstage/permissions/apply-conditions",
    tag = "permissions",
    operation_id = "applyConditions",
    request_body = ConditionsRequest,
    responses((status = 200, description = "An answer to each question.", body = ConditionsAnswer))
)]
pub(crate) async fn post(
    State(state): State<ApiState>,
    caller: Caller,
    body: JsonBody,
) -> Result<Response, ApiError> {
    check_caller(caller.principal())?;
    let members = body.required()?;
    let items = items(&members)?;
    let rules = &state.options.permissions.rules;
    let index = state.catalog.index().read();
    let results: Vec<Value> =
        items.iter().map(|item| item.answer(&index, rules)).collect::<Result<_, _>>()?;
    Ok(tagged_json(StatusCode::OK, &json!({ "items": results })))
}

/// Only for other backends: whoever can ask this can find out about any entity.
fn check_caller(principal: &Principal) -> Result<(), ApiError> {
    match principal {
        Principal::None => Err(ApiError::Authentication("Missing credentials".to_owned())),
        Principal::User(user) if user.actor.is_none() => Err(ApiError::NotAllowed(String::new())),
        Principal::User(_) | Principal::Service(_) => Ok(()),
    }
}

/// The questions, all of them in shape.
fn items<'a>(body: &Members<'a>) -> Result<Vec<Item<'a>>, ApiError> {
    let listed = body.require("items", body.objects("items")?)?;
    let mut other_types: Vec<&str> = Vec::new();
    let mut items = Vec::with_capacity(listed.len());
    let mut issues: Vec<String> = Vec::new();
    for (place, members) in listed.iter().enumerate() {
        let id = members.require("id", members.text("id")?)?;
        let resource_type = members.require("resourceType", members.text("resourceType")?)?;
        if resource_type != RESOURCE_TYPE && !other_types.contains(&resource_type) {
            other_types.push(resource_type);
        }
        let entities = entities(members)?;
        let conditions = members.require("conditions", members.value("conditions"))?;
        match Conditions::parse(conditions) {
            Ok(conditions) => items.push(Item { id, entities, conditions }),
            Err(error) => issues.extend(error.issues.iter().map(|issue| in_body(place, issue))),
        }
    }
    if !issues.is_empty() {
        return Err(ApiError::Input(issues.join("; ")));
    }
    if !other_types.is_empty() {
        return Err(ApiError::Input(format!("Unexpected resource types: {}.", other_types.join(", "))));
    }
    Ok(items)
}

fn in_body(place: usize, issue: &Issue) -> String {
    let Issue { path, message } = issue;
    let dot = if path.is_empty() { "" } else { "." };
    format!("request/body/items/{place}/conditions{dot}{path} {message}")
}

fn entities<'a>(members: &Members<'a>) -> Result<Entities<'a>, ApiError> {
    if members.value("resourceRef").is_some_and(Value::is_array) {
        let refs = members.require("resourceRef", members.texts("resourceRef")?)?;
        if refs.is_empty() {
            return Err(ApiError::input("request/body/items/resourceRef must NOT have fewer than 1 items"));
        }
        return Ok(Entities::Many(refs));
    }
    Ok(Entities::One(members.require("resourceRef", members.text("resourceRef")?)?))
}

impl Item<'_> {
    fn answer(&self, index: &Index, rules: &RuleSet) -> Result<Value, ApiError> {
        let predicate = rules.predicate(&self.conditions).map_err(in_request)?;
        let result = match &self.entities {
            Entities::One(entity_ref) => json!(result(index, entity_ref, &predicate)),
            Entities::Many(entity_refs) => {
                let results = entity_refs.iter().map(|entity_ref| result(index, entity_ref, &predicate));
                json!(results.collect::<Vec<_>>())
            }
        };
        Ok(json!({ "id": self.id, "result": result }))
    }
}

/// What is not there fulfils nothing, not even the opposite.
fn result(index: &Index, entity_ref: &str, predicate: &Predicate) -> &'static str {
    if index.entity_matches(entity_ref, predicate) == Some(true) { "ALLOW" } else { "DENY" }
}

/// Here it is the request that names a rule.
fn in_request(error: ConditionError) -> ApiError {
    match error {
        ConditionError::UnknownRule { .. } => ApiError::Input(error.to_string()),
        other => other.into(),
    }
}
