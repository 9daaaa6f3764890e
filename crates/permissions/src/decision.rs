//! Questions and their answers.

use std::hash::{Hash, Hasher};

use crate::conditions::Conditions;
use crate::permission::Permission;

/// Whether a caller may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What they want to do.
    pub permission: Permission,
    /// On which entity. None asks in general, and the answer may depend on the entity.
    pub entity_ref: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// They may.
    Allow,
    /// They may not.
    Deny,
    /// They may on the entities that fulfil these.
    Conditional(Conditions),
}

impl Question {
    /// Whether a permission is given, perhaps for some entities only.
    pub fn general(permission: Permission) -> Self {
        Self { permission, entity_ref: None }
    }

    /// Whether a permission is given for this entity.
    pub fn on(permission: Permission, entity_ref: &str) -> Self {
        Self { permission, entity_ref: Some(entity_ref.to_owned()) }
    }
}

impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.permission.name().hash(state);
        self.entity_ref.hash(state);
    }
}
