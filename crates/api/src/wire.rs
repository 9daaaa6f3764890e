//! Domain types as clients see them, where several routes share one.

use callboard_store::RegisteredLocation;
use serde::Serialize;

/// A registered location, or one that was only tried.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LocationBody {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) location_type: String,
    pub(crate) target: String,
    pub(crate) entity_ref: String,
}

impl From<RegisteredLocation> for LocationBody {
    fn from(location: RegisteredLocation) -> Self {
        let RegisteredLocation { id, location_type, target, entity_ref } = location;
        Self { id: id.to_string(), location_type, target, entity_ref: entity_ref.to_string() }
    }
}
