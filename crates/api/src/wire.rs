//! Domain types as clients see them, where several routes share one.

use callboard_store::RegisteredLocation;
use serde::Serialize;
use utoipa::ToSchema;

/// A registered location, or one that was only tried.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Location)]
pub(crate) struct LocationBody {
    /// Of a location that was only tried, its type and target.
    pub(crate) id: String,
    #[serde(rename = "type")]
    #[schema(examples("url"))]
    pub(crate) location_type: String,
    #[schema(examples("https://example.com/catalog-info.yaml"))]
    pub(crate) target: String,
    /// The Location entity that stands for it.
    #[schema(examples("location:default/generated-c701e2c4d4f8e2a6c0e6d0a4b7b1a3f5e9d8c7b6"))]
    pub(crate) entity_ref: String,
}

impl From<RegisteredLocation> for LocationBody {
    fn from(location: RegisteredLocation) -> Self {
        let RegisteredLocation { id, location_type, target, entity_ref } = location;
        Self { id: id.to_string(), location_type, target, entity_ref: entity_ref.to_string() }
    }
}
