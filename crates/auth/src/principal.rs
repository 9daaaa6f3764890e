//! Who a request comes from.

use std::fmt;

use jiff::Timestamp;

use crate::error::IssueError;

/// Who a request comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Principal {
    /// Nobody who said who they are.
    #[default]
    None,
    /// A person.
    User(UserPrincipal),
    /// Another program.
    Service(ServicePrincipal),
}

/// A person, directly or through another backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPrincipal {
    /// Their entity, such as `user:default/jenny`.
    pub entity_ref: String,
    /// The plugin that acts for them, such as `plugin:scaffolder`, if they do not call themselves.
    pub actor: Option<String>,
    /// Further entities that they speak for, such as their groups, if their token names them. Newer ones do not.
    pub ownership_refs: Vec<String>,
    /// When the proof of who they are expires.
    pub expires_at: Timestamp,
    /// What another backend can be shown in their name; none if their token does not allow it.
    pub(crate) limited_token: Option<LimitedToken>,
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePrincipal {
    /// `plugin:<id>`, the configured subject, or `external:…`.
    pub subject: String,
    /// What it is restricted to in this plugin; none if it may do everything.
    pub restriction: Option<AccessRestriction>,
}

/// A user's token without their privileges, signed by the auth backend. Debug output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LimitedToken(pub(crate) String);

/// The permissions that a program is restricted to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRestriction {
    pub(crate) permissions: Option<Vec<String>>,
    pub(crate) actions: Option<Vec<PermissionAction>>,
}

/// What a permission lets one do, as its attribute `action` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermissionAction {
    /// `create`.
    Create,
    /// `read`.
    Read,
    /// `update`.
    Update,
    /// `delete`.
    Delete,
}

impl UserPrincipal {
    /// A token of this user without their privileges, as cookies carry it and other backends are shown it. It expires
    /// when the user's own does.
    ///
    /// # Errors
    ///
    /// Their token does not allow it, or has expired.
    pub fn limited_token(&self, now: Timestamp) -> Result<&str, IssueError> {
        let entity_ref = || self.entity_ref.clone();
        if self.expires_at <= now {
            return Err(IssueError::Expired { entity_ref: entity_ref() });
        }
        let token = self.limited_token.as_ref();
        token
            .map(|token| token.0.as_str())
            .ok_or_else(|| IssueError::NotDelegable { entity_ref: entity_ref() })
    }
}

impl AccessRestriction {
    /// Whether a permission is among those. One without an action is not, where the action decides.
    pub fn allows(&self, permission: &str, action: Option<PermissionAction>) -> bool {
        let named = self.permissions.as_ref().is_none_or(|names| names.iter().any(|name| name == permission));
        let fitting =
            |actions: &Vec<PermissionAction>| action.is_some_and(|action| actions.contains(&action));
        named && self.actions.as_ref().is_none_or(fitting)
    }
}

impl PermissionAction {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "create" => Some(Self::Create),
            "read" => Some(Self::Read),
            "update" => Some(Self::Update),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }
}

impl fmt::Debug for LimitedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[hidden]")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::PermissionAction::{Delete, Read, Update};
    use super::*;

    #[rstest]
    #[case(None, None, "a", None, true)]
    #[case(Some(&["a"][..]), None, "a", None, true)]
    #[case(Some(&["a"][..]), None, "b", Some(Read), false)]
    #[case(None, Some(&[Read, Update][..]), "a", Some(Update), true)]
    #[case(None, Some(&[Read][..]), "a", Some(Delete), false)]
    #[case(None, Some(&[Read][..]), "a", None, false)]
    #[case(Some(&["a"][..]), Some(&[Read][..]), "a", Some(Read), true)]
    #[case(Some(&["a"][..]), Some(&[Read][..]), "a", Some(Delete), false)]
    #[case(Some(&["a"][..]), Some(&[Read][..]), "b", Some(Read), false)]
    fn restrictions(
        #[case] permissions: Option<&[&str]>,
        #[case] actions: Option<&[PermissionAction]>,
        #[case] permission: &str,
        #[case] action: Option<PermissionAction>,
        #[case] allowed: bool,
    ) {
        let restriction = AccessRestriction {
            permissions: permissions.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
            actions: actions.map(<[_]>::to_vec),
        };
        assert_eq!(restriction.allows(permission, action), allowed);
    }
}
