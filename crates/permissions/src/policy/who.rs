//! Whom a rule of a policy concerns.

use std::collections::BTreeSet;

use callboard_auth::Principal;

/// Whom a rule of a policy concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Everyone,
    Anonymous,
    Users,
    Services,
    /// A user, or the members of a group.
    Claim(String),
    /// A program, by its subject.
    Service(String),
}

impl Who {
    /// Reads one of the words, or an entity ref, or `service:` and a subject.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(subject) = text.strip_prefix("service:") {
            return (!subject.is_empty()).then(|| Self::Service(subject.to_owned()));
        }
        match text {
            "everyone" => Some(Self::Everyone),
            "anonymous" => Some(Self::Anonymous),
            "users" => Some(Self::Users),
            "services" => Some(Self::Services),
            _ => {
                let (kind, rest) = text.split_once(':')?;
                let (namespace, name) = rest.split_once('/')?;
                let is_ref =
                    ![kind, namespace, name].iter().any(|part| part.is_empty()) && !name.contains('/');
                is_ref.then(|| Self::Claim(text.to_lowercase()))
            }
        }
    }

    /// Whether a caller is among them. `claims` are those of the caller.
    pub(super) fn includes(&self, principal: &Principal, claims: &BTreeSet<String>) -> bool {
        match (self, principal) {
            (Self::Everyone, _)
            | (Self::Anonymous, Principal::None)
            | (Self::Users, Principal::User(_))
            | (Self::Services, Principal::Service(_)) => true,
            (Self::Claim(claim), Principal::User(_)) => claims.contains(claim),
            (Self::Service(subject), Principal::Service(service)) => service.subject == *subject,
            _ => false,
        }
    }
}
