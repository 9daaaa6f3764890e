//! Relations between entities, and the names of their types.

use serde::{Deserialize, Serialize};

use crate::CompoundEntityRef;

/// From the owned thing to its owner.
pub const OWNED_BY: &str = "ownedBy";
/// From the owner to the owned thing.
pub const OWNER_OF: &str = "ownerOf";
/// From a component to an API it uses.
pub const CONSUMES_API: &str = "consumesApi";
/// From an API to a component that uses it.
pub const API_CONSUMED_BY: &str = "apiConsumedBy";
/// From a component to an API it offers.
pub const PROVIDES_API: &str = "providesApi";
/// From an API to a component that offers it.
pub const API_PROVIDED_BY: &str = "apiProvidedBy";
/// From a thing to another one that it needs.
pub const DEPENDS_ON: &str = "dependsOn";
/// From a needed thing to the one that needs it.
pub const DEPENDENCY_OF: &str = "dependencyOf";
/// From a group to a group below it.
pub const PARENT_OF: &str = "parentOf";
/// From a group to the group above it.
pub const CHILD_OF: &str = "childOf";
/// From a user to a group.
pub const MEMBER_OF: &str = "memberOf";
/// From a group to a user.
pub const HAS_MEMBER: &str = "hasMember";
/// From a part to the whole.
pub const PART_OF: &str = "partOf";
/// From the whole to a part.
pub const HAS_PART: &str = "hasPart";

/// One directed, typed edge between two entities, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Relation {
    /// Where the relation starts. Keeps the case it was written in.
    pub source: CompoundEntityRef,
    /// One of the constants of this module, or a type of one's own: a word of letters, digits and `_`.
    #[serde(rename = "type")]
    pub relation_type: String,
    /// Where the relation ends. Keeps the case it was written in.
    pub target: CompoundEntityRef,
}
