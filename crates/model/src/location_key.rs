//! Location keys: what tells rival sources of one entity apart.

use std::fmt;
use std::sync::Arc;

use crate::LocationRef;

/// The conflict key of a claim, mostly a stringified location.
///
/// Two sources that name the same entity with different keys are rivals: the first keeps it. With the same key
/// they are one and the same source, and the latest word counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocationKey(Arc<str>);

impl LocationKey {
    /// A key, compared exactly as given.
    pub fn new(key: &str) -> Self {
        Self(key.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&LocationRef> for LocationKey {
    fn from(location: &LocationRef) -> Self {
        Self(location.to_string().into())
    }
}

impl fmt::Display for LocationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LocationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0)
    }
}
