use async_trait::async_trait;
use serde_json::{Map, Value};
use thiserror::Error;

/// What an action is, for those who look for one to call.
///
/// The schemas are JSON Schemas of draft 7. Inputs are checked by theirs before the action is called; that of the
/// output is a promise.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ActionDescription {
    /// Unique among the actions of a server, such as `get-frob`. Callers put `catalog:` before it.
    pub name: String,
    /// In a few words.
    pub title: String,
    /// What it does, and when to call it: often read by a program that has to choose.
    pub description: String,
    /// What calling it means.
    pub attributes: ActionAttributes,
    /// What it takes: a schema of an object.
    pub input: Value,
    /// What it gives: a schema of an object.
    pub output: Value,
    /// How it is called, for those who learn best by examples.
    pub examples: Vec<ActionExample>,
}

/// An example of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ActionExample {
    /// What it is an example of, in a few words.
    pub title: String,
    /// More words.
    pub description: Option<String>,
    /// What the action is given; it has to fit the schema.
    pub input: Value,
    /// What the action gives for it.
    pub output: Option<Value>,
}

/// What calling an action means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActionAttributes {
    /// Something may be gone afterwards.
    pub destructive: bool,
    /// Doing it twice is the same as doing it once.
    pub idempotent: bool,
    /// Nothing is changed.
    pub read_only: bool,
}

/// One call of an action.
#[derive(Debug)]
pub struct ActionCall {
    /// What it was given; it fits the schema.
    pub input: Value,
    /// What it was given and must not show to anyone.
    pub secrets: Map<String, Value>,
    /// Who calls.
    pub caller: ActionCaller,
}

/// Who calls an action. Nobody who did not say who they are gets so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionCaller {
    /// A person, by the ref of their entity, such as `user:default/jenny`.
    User(String),
    /// A program, such as `plugin:scaffolder`.
    Service(String),
}

/// Why an action did not do what it was asked. The messages are for the caller.
#[derive(Debug, Error)]
pub enum ActionError {
    /// The input fits the schema, and makes no sense all the same.
    #[error("{0}")]
    Input(String),
    /// The caller must not do this.
    #[error("{0}")]
    NotAllowed(String),
    /// What the input names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// It failed. The cause is logged; the caller is told that it did.
    #[error("the action failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Something that programs can have the server do by its name, with JSON in and JSON out.
///
/// ```
/// use callboard_sdk::{
///     Action, ActionAttributes, ActionCall, ActionDescription, ActionError, ActionExample, async_trait,
/// };
/// use serde_json::{Value, json};
///
/// /// Adds two numbers.
/// struct Add;
///
/// #[async_trait]
/// impl Action for Add {
///     fn description(&self) -> ActionDescription {
///         let number = json!({ "type": "number" });
///         ActionDescription {
///             name: "add".to_owned(),
///             title: "Add".to_owned(),
///             description: "Adds two numbers.".to_owned(),
///             attributes: ActionAttributes { idempotent: true, read_only: true, ..Default::default() },
///             input: json!({
///                 "type": "object",
///                 "required": ["left", "right"],
///                 "properties": { "left": number, "right": number },
///             }),
///             output: json!({ "type": "object", "properties": { "sum": number } }),
///             examples: vec![ActionExample {
///                 title: "Two and two".to_owned(),
///                 input: json!({ "left": 2, "right": 2 }),
///                 output: Some(json!({ "sum": 4.0 })),
///                 ..Default::default()
///             }],
///         }
///     }
///
///     async fn call(&self, call: ActionCall) -> Result<Value, ActionError> {
///         let number = |name: &str| call.input[name].as_f64().unwrap_or_default();
///         Ok(json!({ "sum": number("left") + number("right") }))
///     }
/// }
/// ```
#[async_trait]
pub trait Action: Send + Sync {
    /// What it is. Asked once, at the start.
    fn description(&self) -> ActionDescription;

    /// Does it, and gives its output. It is dropped at its next `.await` when it takes longer than the server waits.
    ///
    /// # Errors
    ///
    /// [`ActionError`].
    async fn call(&self, call: ActionCall) -> Result<Value, ActionError>;
}
