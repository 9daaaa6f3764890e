//! A policy of this server's own: who may do what on which entities, without a permission backend.

mod parse;
mod who;

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use serde_json::Value;

pub use self::parse::PolicyProblem;
use self::who::Who;
use crate::authority::{AuthorityError, Caller, PermissionAuthority};
use crate::conditions::{Conditions, RuleCondition};
use crate::decision::{Decision, Question};
use crate::permission::Permission;

/// Stands in lists of parameters for all claims of the caller.
const CALLER: &str = "$caller";

/// Rules, of which the first that fits decides, and what holds where none does.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    default: Effect,
    statements: Vec<Statement>,
}

/// One rule of a policy.
#[derive(Debug, Clone, PartialEq)]
struct Statement {
    who: Vec<Who>,
    effect: Effect,
    permissions: Vec<Permission>,
    /// On which entities; none for all.
    conditions: Option<Conditions>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// Decides by a policy.
#[derive(Debug)]
pub struct PolicyAuthority {
    policy: Policy,
}

impl PolicyAuthority {
    /// Decides by this policy.
    pub fn new(policy: Policy) -> Self {
        Self { policy }
    }
}

#[async_trait]
impl PermissionAuthority for PolicyAuthority {
    async fn decide(
        &self,
        caller: Caller<'_>,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorityError> {
        let claims = caller.claims();
        // Questions that differ in the entity alone have one answer, with conditions for the asker to apply.
        let mut decisions: HashMap<&'static str, Decision> = HashMap::new();
        let decided = questions.iter().map(|Question { permission, .. }| {
            let decision = decisions
                .entry(permission.name())
                .or_insert_with(|| self.policy.decide(caller, &claims, *permission));
            decision.clone()
        });
        Ok(decided.collect())
    }

    fn judges_services(&self) -> bool {
        true
    }
}

impl Policy {
    fn decide(&self, caller: Caller<'_>, claims: &BTreeSet<String>, permission: Permission) -> Decision {
        let concerns = |statement: &&Statement| {
            statement.permissions.contains(&permission)
                && statement.who.iter().any(|who| who.includes(caller.principal, claims))
        };
        // From the last to the first, so that what comes first has the last word.
        let concerned: Vec<&Statement> = self.statements.iter().filter(concerns).collect();
        concerned
            .into_iter()
            .rev()
            .fold(self.default.into(), |below, statement| statement.over(below, claims))
    }
}

impl Statement {
    /// The decision of this rule where it fits, and of those below it elsewhere.
    fn over(&self, below: Decision, claims: &BTreeSet<String>) -> Decision {
        let Some(conditions) = &self.conditions else { return self.effect.into() };
        let conditions = filled_in(conditions, claims);
        match (self.effect, below) {
            (Effect::Allow, Decision::Allow) => Decision::Allow,
            (Effect::Allow, Decision::Deny) => Decision::Conditional(conditions),
            (Effect::Allow, Decision::Conditional(below)) => {
                Decision::Conditional(Conditions::AnyOf(vec![conditions, below]))
            }
            (Effect::Deny, Decision::Deny) => Decision::Deny,
            (Effect::Deny, Decision::Allow) => Decision::Conditional(Conditions::Not(Box::new(conditions))),
            (Effect::Deny, Decision::Conditional(below)) => {
                let refused = Conditions::Not(Box::new(conditions));
                Decision::Conditional(Conditions::AllOf(vec![refused, below]))
            }
        }
    }
}

impl From<Effect> for Decision {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Allow => Self::Allow,
            Effect::Deny => Self::Deny,
        }
    }
}

/// The conditions with the caller's claims in place of [`CALLER`].
fn filled_in(conditions: &Conditions, claims: &BTreeSet<String>) -> Conditions {
    let list = |parts: &[Conditions]| parts.iter().map(|part| filled_in(part, claims)).collect();
    match conditions {
        Conditions::AllOf(parts) => Conditions::AllOf(list(parts)),
        Conditions::AnyOf(parts) => Conditions::AnyOf(list(parts)),
        Conditions::Not(part) => Conditions::Not(Box::new(filled_in(part, claims))),
        Conditions::Rule(condition) => {
            let parameters = with_claims(&condition.parameters, claims);
            Conditions::Rule(RuleCondition { parameters, ..condition.clone() })
        }
    }
}

fn with_claims(parameters: &Value, claims: &BTreeSet<String>) -> Value {
    let Value::Object(members) = parameters else { return parameters.clone() };
    let filled = |value: &Value| match value {
        Value::Array(items) => {
            let mut filled = Vec::with_capacity(items.len());
            for item in items {
                if item.as_str() == Some(CALLER) {
                    filled.extend(claims.iter().cloned().map(Value::String));
                } else {
                    filled.push(item.clone());
                }
            }
            Value::Array(filled)
        }
        other => other.clone(),
    };
    Value::Object(members.iter().map(|(name, value)| (name.clone(), filled(value))).collect())
}
