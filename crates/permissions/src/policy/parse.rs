//! Reading a policy.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use thiserror::Error;

use super::who::Who;
use super::{Effect, Policy, Statement, filled_in};
use crate::conditions::Conditions;
use crate::permission::{PERMISSIONS, Permission};
use crate::rule_set::{ConditionError, RuleSet};

/// More rules are refused: conditions of all of them may come together.
const MAX_RULES: usize = 500;

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {message}")]
pub struct PolicyProblem {
    /// Where, within the policy: `rules[0].who`.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl Policy {
    /// Reads a policy; the rules that its conditions name have to be in the set.
    ///
    /// # Errors
    ///
    /// All that is wrong with it. Nothing of it should be used then: the part that is not understood may be the one that
    /// refuses.
    pub fn parse(value: &Value, rules: &RuleSet) -> Result<Self, Vec<PolicyProblem>> {
        let mut parser = Parser { rules, problems: Vec::new() };
        match parser.policy(value) {
            Some(policy) if parser.problems.is_empty() => Ok(policy),
            _ => Err(parser.problems),
        }
    }
}

struct Parser<'a> {
    rules: &'a RuleSet,
    problems: Vec<PolicyProblem>,
}

impl Parser<'_> {
    fn policy(&mut self, value: &Value) -> Option<Policy> {
        let members = self.object(value, "", &["default", "rules"])?;
        let default = match members.get("default").map(|default| (default, default.as_str())) {
            Some((_, Some("allow"))) => Some(Effect::Allow),
            Some((_, Some("deny"))) | None => Some(Effect::Deny),
            Some((other, _)) => self.wrong("default", &format!("expected allow or deny, found {other}")),
        };
        let list: &[Value] = match members.get("rules") {
            None => &[],
            Some(Value::Array(list)) => list,
            Some(_) => self.wrong("rules", "expected a list of rules")?,
        };
        if list.len() > MAX_RULES {
            return self.wrong("rules", &format!("expected at most {MAX_RULES} rules, found {}", list.len()));
        }
        let read =
            list.iter().enumerate().map(|(place, rule)| self.statement(rule, &format!("rules[{place}]")));
        let statements: Vec<Option<Statement>> = read.collect();
        Some(Policy { default: default?, statements: statements.into_iter().collect::<Option<_>>()? })
    }

    fn statement(&mut self, value: &Value, path: &str) -> Option<Statement> {
        let members = self.object(value, path, &["description", "who", "may", "mayNot", "where"])?;
        let who = self.who(members.get("who"), &format!("{path}.who"));
        let (effect, key) = match (members.contains_key("may"), members.contains_key("mayNot")) {
            (true, false) => (Effect::Allow, "may"),
            (false, true) => (Effect::Deny, "mayNot"),
            (true, true) => self.wrong(path, "expected either may or mayNot, and found both")?,
            (false, false) => self.wrong(path, "expected may or mayNot, with the permissions")?,
        };
        let permissions = self.permissions(members.get(key), &format!("{path}.{key}"));
        let place = format!("{path}.where");
        let conditions = match members.get("where") {
            None => None,
            Some(conditions) => Some(self.conditions(conditions, &place)?),
        };
        let permissions = permissions?;
        let basic = permissions.iter().find(|permission| !permission.is_on_entities());
        if let (Some(basic), true) = (basic, conditions.is_some()) {
            let message = format!(
                "{} is not about single entities, so it cannot have conditions; give it a rule of its own",
                basic.name()
            );
            return self.wrong(&place, &message);
        }
        Some(Statement { who: who?, effect, permissions, conditions })
    }

    fn who(&mut self, value: Option<&Value>, path: &str) -> Option<Vec<Who>> {
        let mut all = Vec::new();
        for (place, text) in self.texts(value, path)? {
            match Who::parse(text) {
                Some(who) => all.push(who),
                None => self.wrong(
                    &place,
                    &format!(
                        "expected everyone, anonymous, users, services, service:<subject>, or the full ref of a user \
                         or group such as group:default/admins, found {text:?}"
                    ),
                )?,
            }
        }
        Some(all)
    }

    fn permissions(&mut self, value: Option<&Value>, path: &str) -> Option<Vec<Permission>> {
        let mut all = Vec::new();
        for (place, text) in self.texts(value, path)? {
            let found: Vec<Permission> = match text.strip_suffix('*') {
                Some(prefix) => PERMISSIONS
                    .into_iter()
                    .filter(|permission| permission.name().starts_with(prefix))
                    .collect(),
                None => Permission::named(text).into_iter().collect(),
            };
            if found.is_empty() {
                self.wrong::<()>(
                    &place,
                    &format!("there is no permission {text:?}; {}", known_permissions()),
                )?;
            }
            all.extend(found);
        }
        Some(all)
    }

    fn conditions(&mut self, value: &Value, path: &str) -> Option<Conditions> {
        let conditions = match Conditions::parse(value) {
            Ok(conditions) => conditions,
            Err(error) => {
                for issue in error.issues {
                    let place = if issue.path.is_empty() {
                        path.to_owned()
                    } else {
                        format!("{path}.{}", issue.path)
                    };
                    self.wrong::<()>(&place, &issue.message);
                }
                return None;
            }
        };
        match self.rules.predicate(&filled_in(&conditions, &BTreeSet::new())) {
            Ok(_) => Some(conditions),
            Err(error) => self.wrong(path, &self.in_words(&error)),
        }
    }

    fn in_words(&self, error: &ConditionError) -> String {
        match error {
            ConditionError::UnknownRule { rule, .. } => {
                let names: Vec<&str> = self.rules.iter().map(callboard_sdk::PermissionRule::name).collect();
                format!("there is no rule {rule}; there are {}", names.join(", "))
            }
            ConditionError::Parameters { rule, source } => format!("params of {rule}: {source}"),
            ConditionError::Query { source, .. } => format!("{error}: {source}"),
        }
    }

    /// The texts of a list, each with its place; a single text is as good as a list of one.
    fn texts<'v>(&mut self, value: Option<&'v Value>, path: &str) -> Option<Vec<(String, &'v str)>> {
        match value {
            Some(Value::String(text)) => Some(vec![(path.to_owned(), text)]),
            Some(Value::Array(items)) if !items.is_empty() => {
                let mut texts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let place = format!("{path}[{index}]");
                    match item.as_str() {
                        Some(text) => texts.push((place, text)),
                        None => self.wrong(&place, &format!("expected a text, found {item}"))?,
                    }
                }
                Some(texts)
            }
            Some(_) => self.wrong(path, "expected a text or a list of texts"),
            None => self.wrong(path, "required, but not given"),
        }
    }

    fn object<'v>(&mut self, value: &'v Value, path: &str, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Some(members) = value.as_object() else { return self.wrong(path, "expected an object") };
        for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            self.wrong::<()>(&place, &format!("unknown key; there are {}", known.join(", ")));
        }
        Some(members)
    }

    fn wrong<T>(&mut self, path: &str, message: &str) -> Option<T> {
        self.problems.push(PolicyProblem { path: path.to_owned(), message: message.to_owned() });
        None
    }
}

fn known_permissions() -> String {
    let names: Vec<&str> = PERMISSIONS.iter().map(Permission::name).collect();
    format!("there are {}", names.join(", "))
}
