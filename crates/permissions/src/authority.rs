//! Who decides.

use std::fmt;

use async_trait::async_trait;
use callboard_auth::{IssueError, Principal};
use callboard_index::IndexReader;
use serde_json::Value;
use thiserror::Error;

use crate::decision::{Decision, Question};

/// Decides what callers may do.
#[async_trait]
pub trait PermissionAuthority: fmt::Debug + Send + Sync {
    /// An answer to each question, in the same order. To a question about one entity it may be conditional, and then
    /// holds if that entity fulfils the conditions.
    ///
    /// # Errors
    ///
    /// There is no decision, and so nothing is allowed.
    async fn decide(
        &self,
        caller: Caller<'_>,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorityError>;

    /// Whether it allows everything, to everyone. Then it is not even asked.
    fn allows_everything(&self) -> bool {
        false
    }

    /// Whether programs are put before it too. If not, they may do what their tokens are not kept from.
    fn judges_services(&self) -> bool {
        false
    }
}

/// Who wants to do something.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Who they are.
    pub principal: &'a Principal,
    /// The entities, where theirs may say to which groups they belong.
    pub index: &'a IndexReader,
}

/// Why there is no decision.
#[derive(Debug, Clone, Error)]
pub enum AuthorityError {
    /// The user's token does not allow the server to ask in their name. They have to sign in again.
    #[error(transparent)]
    Token(#[from] IssueError),
    /// The permission backend cannot be reached, or takes too long.
    #[error("the permission backend did not answer: {0}")]
    Unreachable(String),
    /// The permission backend refused to decide.
    #[error("{0}")]
    Refused(Refusal),
    /// The permission backend answered something that is no decision.
    #[error("the permission backend gave no valid answer: {0}")]
    Malformed(String),
}

/// A refusal of the permission backend to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The HTTP status, from 400 on.
    pub status: u16,
    /// The words that belong to the status.
    pub status_text: String,
    /// What was sent with it: JSON, or else a text.
    pub body: Value,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Request failed with {} {}", self.status, self.status_text)
    }
}

/// Allows everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

#[async_trait]
impl PermissionAuthority for AllowAll {
    async fn decide(&self, _: Caller<'_>, questions: &[Question]) -> Result<Vec<Decision>, AuthorityError> {
        Ok(vec![Decision::Allow; questions.len()])
    }

    fn allows_everything(&self) -> bool {
        true
    }
}
