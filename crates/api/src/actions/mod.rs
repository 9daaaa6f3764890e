//! Actions: what other programs, often ones that choose for themselves, can have the catalog do.
//!
//! Each has a name, a description and JSON Schemas of what it takes and gives. Seven are built in, one file each; a
//! deployment can add its own.

mod entity_lookup;
mod get_entity;
mod model_description;
mod query_entities;
mod refresh_entity;
mod register_entity;
mod unregister_entity;
mod validate_entity;

use std::fmt;
use std::sync::Arc;

use callboard_auth::Principal;
use callboard_engine::Catalog;
use callboard_sdk::{Action, ActionCall, ActionCaller, ActionDescription, ActionError, ActionExample};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::caller::Caller;
use crate::error::ApiError;

/// What the ids of all actions begin with.
const PREFIX: &str = "catalog:";

/// The actions of a server, the built-in ones among them.
#[derive(Clone)]
pub struct Actions {
    entries: Arc<[Entry]>,
}

/// Why an action cannot be added. Its author has to mend it.
#[derive(Debug, Error)]
pub enum ActionsError {
    /// The schema of its input is none.
    #[error("the action {action} has no good schema of its input: {problem}")]
    Schema {
        /// The name of the action.
        action: String,
        /// What is wrong with the schema.
        problem: String,
    },
    /// An example is none.
    #[error("the action {action} does not take the input of its example {example:?}: {problem}")]
    Example {
        /// The name of the action.
        action: String,
        /// The title of the example.
        example: String,
        /// What is wrong with the input.
        problem: String,
    },
    /// Another action has its name.
    #[error("there are two actions named {0}, one of them perhaps built in")]
    Taken(String),
}

struct Entry {
    id: String,
    description: ActionDescription,
    input: Validator,
    work: Work,
}

#[derive(Clone)]
enum Work {
    BuiltIn(BuiltIn),
    Own(Arc<dyn Action>),
}

#[derive(Debug, Clone, Copy)]
enum BuiltIn {
    ModelDescription,
    GetEntity,
    QueryEntities,
    ValidateEntity,
    RegisterEntity,
    UnregisterEntity,
    RefreshEntity,
}

/// What built-in actions work with.
struct Context<'a> {
    catalog: &'a Catalog,
    caller: &'a Caller,
}

/// What an action was given.
pub(crate) struct Invocation {
    pub(crate) input: Value,
    pub(crate) secrets: Map<String, Value>,
}

impl Actions {
    /// The built-in actions, and these.
    ///
    /// # Errors
    ///
    /// [`ActionsError`].
    pub fn new(own: &[Arc<dyn Action>]) -> Result<Self, ActionsError> {
        let built_in = BuiltIn::ALL.map(|action| (action.description(), Work::BuiltIn(action)));
        let own = own.iter().map(|action| (action.description(), Work::Own(Arc::clone(action))));
        let mut entries: Vec<Entry> = Vec::new();
        for (description, work) in built_in.into_iter().chain(own) {
            if entries.iter().any(|entry| entry.description.name == description.name) {
                return Err(ActionsError::Taken(description.name));
            }
            entries.push(Entry::new(description, work)?);
        }
        Ok(Self { entries: entries.into() })
    }

    /// What there is, for those who look for one.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.entries.iter().map(Entry::to_json).collect()
    }

    /// Does what an action does.
    pub(crate) async fn invoke(
        &self,
        id: &str,
        invocation: Invocation,
        catalog: &Catalog,
        caller: &Caller,
    ) -> Result<Value, ApiError> {
        let known_caller = action_caller(caller.principal())?;
        let unknown = || ApiError::NotFound(format!("Action \"{id}\" not found"));
        let entry = self.entries.iter().find(|entry| entry.id == id).ok_or_else(unknown)?;
        let Invocation { input, secrets } = invocation;
        if let Some(problem) = entry.input.iter_errors(&input).next() {
            let at = problem.instance_path().as_str();
            let at = if at.is_empty() { "the input" } else { at };
            return Err(ApiError::Input(format!(
                "Invalid input to action \"{id}\"; caused by InputError: {problem} at {at}"
            )));
        }
        match &entry.work {
            Work::BuiltIn(action) => action.call(&Context { catalog, caller }, &input).await,
            Work::Own(action) => Ok(action.call(ActionCall { input, secrets, caller: known_caller }).await?),
        }
    }
}

/// The built-in ones alone.
impl Default for Actions {
    fn default() -> Self {
        // Their schemas are good, as a test knows.
        Self::new(&[]).unwrap_or_else(|_| Self { entries: Arc::default() })
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.entries.iter().map(|entry| &entry.id)).finish()
    }
}

impl Entry {
    fn new(description: ActionDescription, work: Work) -> Result<Self, ActionsError> {
        let input = jsonschema::draft7::new(&description.input).map_err(|error| ActionsError::Schema {
            action: description.name.clone(),
            problem: error.to_string(),
        })?;
        for example in &description.examples {
            if let Some(problem) = input.iter_errors(&example.input).next() {
                return Err(ActionsError::Example {
                    action: description.name.clone(),
                    example: example.title.clone(),
                    problem: problem.to_string(),
                });
            }
        }
        Ok(Self { id: format!("{PREFIX}{}", description.name), description, input, work })
    }

    fn to_json(&self) -> Value {
        let ActionDescription { name, title, description, attributes, input, output, examples } =
            &self.description;
        let mut listed = json!({
            "id": self.id,
            "name": name,
            "title": title,
            "description": description,
            "pluginId": "catalog",
            "attributes": {
                "destructive": attributes.destructive,
                "idempotent": attributes.idempotent,
                "readOnly": attributes.read_only,
            },
        });
        if !examples.is_empty() {
            listed["examples"] = examples.iter().map(example_to_json).collect();
        }
        listed["schema"] = json!({ "input": input, "output": output });
        listed
    }
}

impl BuiltIn {
    const ALL: [Self; 7] = [
        Self::ModelDescription,
        Self::GetEntity,
        Self::QueryEntities,
        Self::ValidateEntity,
        Self::RegisterEntity,
        Self::UnregisterEntity,
        Self::RefreshEntity,
    ];

    fn description(self) -> ActionDescription {
        match self {
            Self::ModelDescription => model_description::description(),
            Self::GetEntity => get_entity::description(),
            Self::QueryEntities => query_entities::description(),
            Self::ValidateEntity => validate_entity::description(),
            Self::RegisterEntity => register_entity::description(),
            Self::UnregisterEntity => unregister_entity::description(),
            Self::RefreshEntity => refresh_entity::description(),
        }
    }

    async fn call(self, context: &Context<'_>, input: &Value) -> Result<Value, ApiError> {
        match self {
            Self::ModelDescription => model_description::call(context).await,
            Self::GetEntity => get_entity::call(context, input).await,
            Self::QueryEntities => query_entities::call(context, input).await,
            Self::ValidateEntity => validate_entity::call(context, input).await,
            Self::RegisterEntity => register_entity::call(context, input).await,
            Self::UnregisterEntity => unregister_entity::call(context, input).await,
            Self::RefreshEntity => refresh_entity::call(context, input).await,
        }
    }
}

fn example_to_json(example: &ActionExample) -> Value {
    let ActionExample { title, description, input, output } = example;
    let mut listed = json!({ "title": title });
    if let Some(description) = description {
        listed["description"] = json!(description);
    }
    listed["input"] = input.clone();
    if let Some(output) = output {
        listed["output"] = output.clone();
    }
    listed
}

/// Whoever calls has to be somebody, also where the server lets everyone in.
fn action_caller(principal: &Principal) -> Result<ActionCaller, ApiError> {
    match principal {
        Principal::User(user) => Ok(ActionCaller::User(user.entity_ref.clone())),
        Principal::Service(service) => Ok(ActionCaller::Service(service.subject.clone())),
        Principal::None => Err(ApiError::NotAllowed(
            "Actions must be invoked by an authenticated principal, not an anonymous request".to_owned(),
        )),
    }
}

impl From<ActionError> for ApiError {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Input(message) => Self::Input(message),
            ActionError::NotAllowed(message) => Self::NotAllowed(message),
            ActionError::NotFound(message) => Self::NotFound(message),
            ActionError::Conflict(message) => Self::Conflict(message),
            ActionError::Failed(cause) => Self::internal(cause),
        }
    }
}

/// An example of a call, without its output.
fn example(title: &str, input: Value) -> ActionExample {
    ActionExample { title: title.to_owned(), input, ..ActionExample::default() }
}

/// A member of the input that is a text.
fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

/// The schema of an object with these members and no others.
fn object(required: &[&str], properties: &Value) -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}
