//! What a caller may see.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use callboard_index::{Hit, Index, Predicate};
use callboard_model::EntityRef;

/// The condition that entities have to fulfil for the caller of a request to see them.
///
/// Every handler that reads entities takes one and hands it on with its query. A layer that knows who asks puts it into
/// the extensions of the request; without one, everything is visible.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visibility {
    restriction: Option<Predicate>,
}

impl Visibility {
    /// The condition, for a query's `restriction`.
    pub(crate) fn restriction(&self) -> Option<Predicate> {
        self.restriction.clone()
    }

    /// The entity with a ref, if there is one that the caller may see.
    pub(crate) fn find(&self, index: &Index, entity_ref: &str) -> Option<Hit> {
        index.by_ref(entity_ref).filter(|hit| self.permits(index, &hit.entity_ref))
    }

    /// The entity with a uid, if there is one that the caller may see.
    pub(crate) fn find_by_uid(&self, index: &Index, uid: &str) -> Option<Hit> {
        // Uids are written in lower case, and callers need not.
        let hit = index.by_uid(uid).or_else(|| index.by_uid(&uid.to_ascii_lowercase()));
        hit.filter(|hit| self.permits(index, &hit.entity_ref))
    }

    /// Whether the caller may see an entity.
    pub(crate) fn permits(&self, index: &Index, entity_ref: &EntityRef) -> bool {
        let Some(restriction) = &self.restriction else { return true };
        index.entity_matches(entity_ref.as_str(), restriction) == Some(true)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visibility {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
