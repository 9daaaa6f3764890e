//! Which entities a caller has a permission for.

use callboard_index::{Index, Predicate};

/// Which entities a caller has a permission for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// All of them.
    Everything,
    /// None of them.
    Nothing,
    /// Those that fulfil a predicate.
    Matching(Predicate),
}

impl Access {
    /// The same as a restriction of a query; none if there is none.
    pub fn restriction(&self) -> Option<Predicate> {
        match self {
            Self::Everything => None,
            Self::Nothing => Some(Predicate::nothing()),
            Self::Matching(predicate) => Some(predicate.clone()),
        }
    }

    /// Whether it extends to an entity of the index. One that is not there is only covered by everything.
    pub fn covers(&self, index: &Index, entity_ref: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::Matching(predicate) => index.entity_matches(entity_ref, predicate) == Some(true),
        }
    }
}
