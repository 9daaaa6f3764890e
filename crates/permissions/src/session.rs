//! What one caller may do, for the length of one request.

use std::collections::HashMap;
use std::sync::Arc;

use callboard_auth::Principal;
use callboard_index::IndexReader;
use parking_lot::Mutex;
use thiserror::Error;

use crate::access::Access;
use crate::authority::{AllowAll, AuthorityError, Caller, PermissionAuthority};
use crate::decision::{Decision, Question};
use crate::permission::Permission;
use crate::rule_set::{ConditionError, RuleSet};

/// Who decides, and by which rules. Cloning copies pointers.
#[derive(Debug, Clone)]
pub struct Permissions {
    /// Who decides.
    pub authority: Arc<dyn PermissionAuthority>,
    /// The rules that decisions may name.
    pub rules: Arc<RuleSet>,
}

/// Everything is allowed, and conditions may name the built-in rules.
impl Default for Permissions {
    fn default() -> Self {
        Self { authority: Arc::new(AllowAll), rules: Arc::default() }
    }
}

/// What one caller may do. Nothing is asked twice in its lifetime, so it must be no longer than a request.
#[derive(Debug)]
pub struct Session {
    permissions: Permissions,
    principal: Principal,
    index: IndexReader,
    answers: Mutex<HashMap<Question, Decision>>,
}

/// Why it is not known whether something is allowed. It must not be done then.
#[derive(Debug, Clone, Error)]
pub enum DecisionError {
    /// Nobody decided.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The decision has conditions that cannot be applied.
    #[error(transparent)]
    Condition(#[from] ConditionError),
}

impl Session {
    /// For a caller of a catalog.
    pub fn new(permissions: Permissions, principal: Principal, index: IndexReader) -> Self {
        Self { permissions, principal, index, answers: Mutex::default() }
    }

    /// Who the caller is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The entities that the caller has a permission for.
    ///
    /// # Errors
    ///
    /// [`DecisionError`].
    pub async fn access(&self, permission: Permission) -> Result<Access, DecisionError> {
        let question = Question::general(permission);
        // What is clear at once need not be remembered.
        if let Some(decision) = self.decide_locally(&question) {
            return self.access_by(&decision);
        }
        let decisions = self.decide(&[question]).await?;
        self.access_by(decisions.first().unwrap_or(&Decision::Deny))
    }

    /// Whether the caller has a permission without any condition.
    ///
    /// # Errors
    ///
    /// [`DecisionError`].
    pub async fn is_permitted(&self, permission: Permission) -> Result<bool, DecisionError> {
        Ok(self.access(permission).await? == Access::Everything)
    }

    /// Whether the caller has a permission for each of some entities, which need not exist.
    ///
    /// # Errors
    ///
    /// [`DecisionError`].
    pub async fn are_permitted(
        &self,
        permission: Permission,
        entity_refs: &[&str],
    ) -> Result<Vec<bool>, DecisionError> {
        let questions: Vec<Question> =
            entity_refs.iter().map(|entity_ref| Question::on(permission, entity_ref)).collect();
        let decisions = self.decide(&questions).await?;
        let access: Vec<Access> =
            decisions.iter().map(|decision| self.access_by(decision)).collect::<Result<_, _>>()?;
        let index = self.index.read();
        Ok(entity_refs
            .iter()
            .zip(access)
            .map(|(entity_ref, access)| access.covers(&index, entity_ref))
            .collect())
    }

    fn access_by(&self, decision: &Decision) -> Result<Access, DecisionError> {
        Ok(match decision {
            Decision::Allow => Access::Everything,
            Decision::Deny => Access::Nothing,
            Decision::Conditional(conditions) => {
                Access::Matching(self.permissions.rules.predicate(conditions)?)
            }
        })
    }

    /// The answer to each question. Only those that were not answered before are passed on.
    async fn decide(&self, questions: &[Question]) -> Result<Vec<Decision>, DecisionError> {
        let mut open: Vec<Question> = Vec::new();
        {
            let mut answers = self.answers.lock();
            for question in questions {
                if answers.contains_key(question) || open.contains(question) {
                    continue;
                }
                match self.decide_locally(question) {
                    Some(decision) => _ = answers.insert(question.clone(), decision),
                    None => open.push(question.clone()),
                }
            }
        }
        if !open.is_empty() {
            let caller = Caller { principal: &self.principal, index: &self.index };
            let decisions = self.permissions.authority.decide(caller, &open).await?;
            if decisions.len() != open.len() {
                let message = format!("{} answers to {} questions", decisions.len(), open.len());
                return Err(AuthorityError::Malformed(message).into());
            }
            self.answers.lock().extend(open.into_iter().zip(decisions));
        }
        let answers = self.answers.lock();
        let answer = |question| answers.get(question).cloned().unwrap_or(Decision::Deny);
        Ok(questions.iter().map(answer).collect())
    }

    /// What is clear without asking: from a program's token alone, or since everything is allowed.
    fn decide_locally(&self, question: &Question) -> Option<Decision> {
        let Principal::Service(service) = &self.principal else {
            return self.permissions.authority.allows_everything().then_some(Decision::Allow);
        };
        let (name, action) = (question.permission.name(), question.permission.action());
        let is_kept_from =
            service.restriction.as_ref().is_some_and(|restriction| !restriction.allows(name, action));
        if is_kept_from {
            Some(Decision::Deny)
        } else if self.permissions.authority.judges_services() {
            None
        } else {
            Some(Decision::Allow)
        }
    }
}
