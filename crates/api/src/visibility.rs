//! What a caller may see.

use callboard_index::{Hit, Index, Predicate};
use callboard_permissions::Access;

/// The entities that the caller of a request may see.
///
/// Every handler that reads entities gets one from its caller and hands it on with its query.
#[derive(Debug, Clone)]
pub(crate) struct Visibility(pub(crate) Access);

impl Visibility {
    /// The condition, for a query's `restriction`.
    pub(crate) fn restriction(&self) -> Option<Predicate> {
        self.0.restriction()
    }

    /// Whether the caller may see every entity, also those that are not there.
    pub(crate) fn is_everything(&self) -> bool {
        self.0 == Access::Everything
    }

    /// Whether the caller may see no entity at all.
    pub(crate) fn is_nothing(&self) -> bool {
        self.0 == Access::Nothing
    }

    /// The entity with a ref, if there is one that the caller may see.
    pub(crate) fn find(&self, index: &Index, entity_ref: &str) -> Option<Hit> {
        index.by_ref(entity_ref).filter(|hit| self.0.covers(index, hit.entity_ref.as_str()))
    }

    /// The entity with a uid, if there is one that the caller may see.
    pub(crate) fn find_by_uid(&self, index: &Index, uid: &str) -> Option<Hit> {
        // Uids are written in lower case, and callers need not.
        let hit = index.by_uid(uid).or_else(|| index.by_uid(&uid.to_ascii_lowercase()));
        hit.filter(|hit| self.0.covers(index, hit.entity_ref.as_str()))
    }
}
