//! The annotation keys the catalog itself writes or reads.

/// The location an entity was read from, as `type:target`. Every processed entity has it.
pub const MANAGED_BY_LOCATION: &str = "backstage.io/managed-by-location";
/// The location whose registration led to this entity, as `type:target`. Every processed entity has it.
pub const MANAGED_BY_ORIGIN_LOCATION: &str = "backstage.io/managed-by-origin-location";
/// Where the source code of the described thing lives, as `type:target`.
pub const SOURCE_LOCATION: &str = "backstage.io/source-location";
/// A URL where people can look at the descriptor.
pub const VIEW_URL: &str = "backstage.io/view-url";
/// A URL where people can change the descriptor.
pub const EDIT_URL: &str = "backstage.io/edit-url";
/// Present, with the value `"true"`, on entities that nothing refers to any more.
pub const ORPHAN: &str = "backstage.io/orphan";

/// What [`VIEW_URL`] and [`EDIT_URL`] become when their value is a `javascript:` URL.
pub const REJECTED_URL: &str = "https://backstage.io/annotation-rejected-for-security-reasons";
