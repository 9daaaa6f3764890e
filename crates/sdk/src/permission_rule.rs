use serde_json::Value;
use thiserror::Error;

/// A rule that decisions on permissions can make a condition of: "may read the entities for which it holds".
///
/// The permission backend, or the policy file, names it with parameters; [`PermissionRule::query`] says which entities
/// that means. There is no other form of it: lists are filtered by the query, and a single entity is looked at with the
/// same query, so the two cannot differ.
///
/// # Examples
///
/// ```
/// use callboard_sdk::{PermissionRule, RuleParameterError};
/// use serde_json::{Value, json};
///
/// /// Holds for what is in production.
/// struct InProduction;
///
/// impl PermissionRule for InProduction {
///     fn name(&self) -> &str {
///         "IN_PRODUCTION"
///     }
///
///     fn description(&self) -> &str {
///         "Allow entities that are in production"
///     }
///
///     fn parameters_schema(&self) -> Value {
///         json!({ "type": "object" })
///     }
///
///     fn query(&self, _: &Value) -> Result<Value, RuleParameterError> {
///         Ok(json!({ "spec.lifecycle": "production" }))
///     }
/// }
/// ```
pub trait PermissionRule: Send + Sync {
    /// A unique name, by convention in capitals.
    fn name(&self) -> &str;

    /// What it lets through, for people who write policies.
    fn description(&self) -> &str;

    /// The JSON schema (draft 7) of the parameters. It is published, not enforced: checking is up to
    /// [`PermissionRule::query`].
    fn parameters_schema(&self) -> Value;

    /// The entities for which the rule holds, in the JSON form of entity queries, such as
    /// `{"spec.owner": {"$in": ["guests"]}}`. `parameters` is `null` where none were given.
    ///
    /// # Errors
    ///
    /// The parameters are not what they must be.
    fn query(&self, parameters: &Value) -> Result<Value, RuleParameterError>;
}

/// Parameters that a rule cannot work with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct RuleParameterError {
    /// All that is wrong; at least one.
    pub issues: Vec<ParameterIssue>,
}

/// One thing that is wrong with parameters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{parameter}: {message}")]
pub struct ParameterIssue {
    /// The parameter.
    pub parameter: String,
    /// What was expected.
    pub message: String,
}

impl RuleParameterError {
    /// Something is wrong with one parameter.
    pub fn of(parameter: &str, message: &str) -> Self {
        Self { issues: vec![ParameterIssue { parameter: parameter.to_owned(), message: message.to_owned() }] }
    }
}
