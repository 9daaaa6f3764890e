//! The permission backend of a Backstage.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use callboard_auth::{Principal, SigningKeys};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::authority::{AuthorityError, Caller, PermissionAuthority, Refusal};
use crate::conditions::Conditions;
use crate::decision::{Decision, Question};
use crate::permission::{Permission, RESOURCE_TYPE};

/// The plugin that tokens are made for.
const AUDIENCE: &str = "permission";
/// How long an answer may take, all of it.
const LIMIT: Duration = Duration::from_secs(10);
/// Answers are some kilobytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What it takes to ask a permission backend.
#[derive(Debug, Clone)]
pub struct BackendOptions {
    /// The root of its API, without a slash at the end.
    pub url: String,
    /// Sign the tokens that it knows this server by.
    pub keys: Arc<SigningKeys>,
    /// Whether questions that differ in the entity alone go as one item.
    pub batched_requests: bool,
}

/// Asks a permission backend about users, in their name, and about those who did not say who they are.
#[derive(Debug)]
pub struct BackendAuthority {
    client: Client,
    options: BackendOptions,
}

/// An item of the request: one permission, in general or on some entities.
struct Item<'a> {
    id: String,
    permission: Permission,
    entity_refs: EntityRefs<'a>,
}

enum EntityRefs<'a> {
    None,
    One(&'a str),
    Many(Vec<&'a str>),
}

impl BackendAuthority {
    /// Asks by this client.
    pub fn new(client: Client, options: BackendOptions) -> Self {
        Self { client, options }
    }

    fn items<'a>(&self, questions: &'a [Question]) -> Vec<Item<'a>> {
        let mut items: Vec<Item<'a>> = Vec::new();
        for Question { permission, entity_ref } in questions {
            let entity_refs = match entity_ref.as_deref() {
                None => EntityRefs::None,
                Some(entity_ref) if !self.options.batched_requests => EntityRefs::One(entity_ref),
                Some(entity_ref) => match batch_of(&mut items, *permission) {
                    Some(batch) => {
                        batch.push(entity_ref);
                        continue;
                    }
                    None => EntityRefs::Many(vec![entity_ref]),
                },
            };
            items.push(Item { id: Uuid::new_v4().to_string(), permission: *permission, entity_refs });
        }
        items
    }

    async fn request(
        &self,
        caller: Caller<'_>,
        items: &[Item<'_>],
    ) -> Result<RequestBuilder, AuthorityError> {
        let body = json!({ "items": items.iter().map(Item::to_json).collect::<Vec<_>>() });
        let request = self
            .client
            .post(format!("{}/authorize", self.options.url))
            .timeout(LIMIT)
            .header("content-type", "application/json")
            .body(body.to_string());
        let on_behalf_of = match caller.principal {
            // It knows those by having no token.
            Principal::None => return Ok(request),
            Principal::User(user) => Some(user),
            Principal::Service(_) => None,
        };
        Ok(request.bearer_auth(self.options.keys.issue(AUDIENCE, on_behalf_of).await?))
    }
}

#[async_trait]
impl PermissionAuthority for BackendAuthority {
    async fn decide(
        &self,
        caller: Caller<'_>,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorityError> {
        let items = self.items(questions);
        let request = self.request(caller, &items).await?;
        let response = callboard_traces::send(request).await.map_err(unreachable)?;
        let answers = answers(response).await?;
        let decisions = decisions(&items, &answers)?;
        questions
            .iter()
            .map(|question| {
                let key = (question.permission.name(), question.entity_ref.as_deref());
                decisions.get(&key).cloned().ok_or_else(|| malformed("an answer is missing"))
            })
            .collect()
    }
}

/// The entities that are asked about together for a permission, if there are any so far.
fn batch_of<'i, 'a>(items: &'i mut [Item<'a>], permission: Permission) -> Option<&'i mut Vec<&'a str>> {
    items.iter_mut().find_map(|item| match &mut item.entity_refs {
        EntityRefs::Many(entity_refs) if item.permission == permission => Some(entity_refs),
        _ => None,
    })
}

impl Item<'_> {
    fn to_json(&self) -> Value {
        let mut item = json!({ "id": self.id, "permission": self.permission.to_json() });
        match &self.entity_refs {
            EntityRefs::None => {}
            EntityRefs::One(entity_ref) => item["resourceRef"] = json!(entity_ref),
            EntityRefs::Many(entity_refs) => item["resourceRef"] = json!(entity_refs),
        }
        item
    }
}

/// The `items` of an answer, by their ids.
async fn answers(response: Response) -> Result<Vec<Map<String, Value>>, AuthorityError> {
    let status = response.status();
    let body = read(response).await?;
    if status.is_client_error() || status.is_server_error() {
        return Err(AuthorityError::Refused(refusal(status, &body)));
    }
    if !status.is_success() {
        return Err(malformed(format!("the status is {status}")));
    }
    let body: Value =
        serde_json::from_slice(&body).map_err(|error| malformed(format!("no JSON: {error}")))?;
    let items =
        body.get("items").and_then(Value::as_array).ok_or_else(|| malformed("there is no list of items"))?;
    let objects: Option<Vec<_>> = items.iter().map(|item| item.as_object().cloned()).collect();
    objects.ok_or_else(|| malformed("an item is no object"))
}

async fn read(mut response: Response) -> Result<Vec<u8>, AuthorityError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(malformed(format!("it is larger than {MAX_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn refusal(status: StatusCode, body: &[u8]) -> Refusal {
    let text = || Value::String(String::from_utf8_lossy(body).into_owned());
    Refusal {
        status: status.as_u16(),
        status_text: status.canonical_reason().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(body).unwrap_or_else(|_| text()),
    }
}

type Decisions<'a> = HashMap<(&'static str, Option<&'a str>), Decision>;

/// The decisions, once it is certain that there is exactly one answer to each item.
fn decisions<'a>(
    items: &[Item<'a>],
    answers: &[Map<String, Value>],
) -> Result<Decisions<'a>, AuthorityError> {
    let mut open: HashMap<&str, &Item<'a>> = items.iter().map(|item| (item.id.as_str(), item)).collect();
    let mut decisions = HashMap::new();
    for answer in answers {
        let id = answer.get("id").and_then(Value::as_str).unwrap_or_default();
        let item = open.remove(id).ok_or_else(|| malformed("there is an answer that nobody asked for"))?;
        let name = item.permission.name();
        match &item.entity_refs {
            EntityRefs::None => _ = decisions.insert((name, None), general_decision(answer)?),
            EntityRefs::One(entity_ref) => {
                let decision = definitive_decision(answer.get("result"))?;
                decisions.insert((name, Some(*entity_ref)), decision);
            }
            EntityRefs::Many(entity_refs) => {
                let results =
                    answer.get("result").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                if results.len() != entity_refs.len() {
                    return Err(malformed("there are more or fewer results than entities"));
                }
                for (entity_ref, result) in entity_refs.iter().zip(results) {
                    decisions.insert((name, Some(*entity_ref)), definitive_decision(Some(result))?);
                }
            }
        }
    }
    if open.is_empty() { Ok(decisions) } else { Err(malformed("an answer is missing")) }
}

fn general_decision(answer: &Map<String, Value>) -> Result<Decision, AuthorityError> {
    let result = answer.get("result");
    if result.and_then(Value::as_str) != Some("CONDITIONAL") {
        return definitive_decision(result);
    }
    if answer.get("resourceType").and_then(Value::as_str) != Some(RESOURCE_TYPE) {
        return Err(malformed("the conditions are for another type of resource"));
    }
    let conditions = answer.get("conditions").unwrap_or(&Value::Null);
    let conditions =
        Conditions::parse(conditions).map_err(|error| malformed(format!("conditions: {error}")))?;
    Ok(Decision::Conditional(conditions))
}

fn definitive_decision(result: Option<&Value>) -> Result<Decision, AuthorityError> {
    match result.and_then(Value::as_str) {
        Some("ALLOW") => Ok(Decision::Allow),
        Some("DENY") => Ok(Decision::Deny),
        _ => Err(malformed("a result is neither ALLOW nor DENY")),
    }
}

fn malformed(message: impl Into<String>) -> AuthorityError {
    AuthorityError::Malformed(message.into())
}

/// Without the address, which is nobody's business but the operator's.
fn unreachable(error: reqwest::Error) -> AuthorityError {
    AuthorityError::Unreachable(Causes(&error.without_url()).to_string())
}

/// An error and its causes on one line.
struct Causes<'a>(&'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
