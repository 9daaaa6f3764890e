//! The rules that conditions may name.

use std::fmt;
use std::sync::Arc;

use callboard_index::{Predicate, PredicateError};
use callboard_sdk::{PermissionRule, RuleParameterError};
use thiserror::Error;

use crate::built_in_rules::built_in_rules;
use crate::conditions::{Conditions, RuleCondition};
use crate::permission::RESOURCE_TYPE;

/// The rules that conditions may name: the built-in ones, then those of extensions.
#[derive(Clone)]
pub struct RuleSet {
    rules: Vec<Arc<dyn PermissionRule>>,
}

/// Two rules have one name, so conditions could not tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there are two permission rules with the name {name}")]
pub struct DuplicateRule {
    /// The name.
    pub name: String,
}

/// Conditions that cannot be turned into a predicate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConditionError {
    /// Nobody knows the rule. Whoever wrote the condition means another catalog, or an extension is missing here.
    #[error("Permission rule '{rule}' does not exist for resource type '{resource_type}'")]
    UnknownRule {
        /// The name it was given.
        rule: String,
        /// The type it was looked up for.
        resource_type: String,
    },
    /// The rule cannot work with its parameters.
    #[error("Parameters to rule are invalid")]
    Parameters {
        /// The rule.
        rule: String,
        /// What is wrong with them.
        source: RuleParameterError,
    },
    /// The rule of an extension gave no predicate. Its author has to mend it.
    #[error("the permission rule {rule} gave no valid query")]
    Query {
        /// The rule.
        rule: String,
        /// What is wrong with its query.
        source: PredicateError,
    },
}

impl Default for RuleSet {
    fn default() -> Self {
        Self { rules: built_in_rules() }
    }
}

impl RuleSet {
    /// The built-in rules and these.
    ///
    /// # Errors
    ///
    /// [`DuplicateRule`].
    pub fn with(extensions: &[Arc<dyn PermissionRule>]) -> Result<Self, DuplicateRule> {
        let mut set = Self::default();
        for rule in extensions {
            if set.named(rule.name()).is_some() {
                return Err(DuplicateRule { name: rule.name().to_owned() });
            }
            set.rules.push(Arc::clone(rule));
        }
        Ok(set)
    }

    /// All rules.
    pub fn iter(&self) -> impl Iterator<Item = &dyn PermissionRule> {
        self.rules.iter().map(AsRef::as_ref)
    }

    /// The predicate that holds for the entities for which conditions hold.
    ///
    /// # Errors
    ///
    /// [`ConditionError`].
    pub fn predicate(&self, conditions: &Conditions) -> Result<Predicate, ConditionError> {
        let list = |parts: &[Conditions]| {
            parts.iter().map(|part| self.predicate(part)).collect::<Result<Vec<_>, _>>()
        };
        match conditions {
            Conditions::AllOf(parts) => Ok(Predicate::All(list(parts)?)),
            Conditions::AnyOf(parts) => Ok(Predicate::Any(list(parts)?)),
            Conditions::Not(part) => Ok(self.predicate(part)?.negated()),
            Conditions::Rule(condition) => self.rule_predicate(condition),
        }
    }

    fn rule_predicate(&self, condition: &RuleCondition) -> Result<Predicate, ConditionError> {
        let RuleCondition { rule, resource_type, parameters } = condition;
        let known = self.named(rule).filter(|_| resource_type == RESOURCE_TYPE);
        let known = known.ok_or_else(|| ConditionError::UnknownRule {
            rule: rule.clone(),
            resource_type: resource_type.clone(),
        })?;
        let query = known
            .query(parameters)
            .map_err(|source| ConditionError::Parameters { rule: rule.clone(), source })?;
        Predicate::parse(&query).map_err(|source| ConditionError::Query { rule: rule.clone(), source })
    }

    fn named(&self, name: &str) -> Option<&dyn PermissionRule> {
        self.iter().find(|rule| rule.name() == name)
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter().map(PermissionRule::name)).finish()
    }
}
