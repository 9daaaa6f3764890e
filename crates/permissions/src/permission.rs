//! The permissions there are.

use callboard_auth::PermissionAction;
use serde_json::{Value, json};

/// The type of resource that permissions on entities concern.
pub const RESOURCE_TYPE: &str = "catalog-entity";

/// Something that a caller may or may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    name: &'static str,
    action: Option<PermissionAction>,
    scope: Scope,
}

/// What a permission is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The catalog as a whole.
    Basic,
    /// One entity or another.
    Entity,
}

impl Permission {
    /// See entities.
    pub const ENTITY_READ: Self = Self::on_entity("catalog.entity.read", PermissionAction::Read);
    /// Create entities. The server asks nobody for it: frontends do, before they show a button.
    pub const ENTITY_CREATE: Self = Self::basic("catalog.entity.create", Some(PermissionAction::Create));
    /// Delete an entity.
    pub const ENTITY_DELETE: Self = Self::on_entity("catalog.entity.delete", PermissionAction::Delete);
    /// Have an entity read again.
    pub const ENTITY_REFRESH: Self = Self::on_entity("catalog.entity.refresh", PermissionAction::Update);
    /// Have an entity checked that is not in the catalog.
    pub const ENTITY_VALIDATE: Self = Self::basic("catalog.entity.validate", None);
    /// See registered locations.
    pub const LOCATION_READ: Self = Self::basic("catalog.location.read", Some(PermissionAction::Read));
    /// Register a location, or change one.
    pub const LOCATION_CREATE: Self = Self::basic("catalog.location.create", Some(PermissionAction::Create));
    /// Unregister a location.
    pub const LOCATION_DELETE: Self = Self::basic("catalog.location.delete", Some(PermissionAction::Delete));
    /// Have a repository looked at before it is registered.
    pub const LOCATION_ANALYZE: Self = Self::basic("catalog.location.analyze", None);
    /// See how ingestion goes on.
    pub const INGESTION_READ: Self = Self::basic("catalog.ingestion.read", Some(PermissionAction::Read));
    /// Start and stop ingestion.
    pub const INGESTION_MANAGE: Self =
        Self::basic("catalog.ingestion.manage", Some(PermissionAction::Update));
    /// See entities that were never put together.
    pub const UNPROCESSED_READ: Self =
        Self::basic("catalog.entities.unprocessed.read", Some(PermissionAction::Read));
    /// Delete entities that were never put together.
    pub const UNPROCESSED_DELETE: Self =
        Self::basic("catalog.entities.unprocessed.delete", Some(PermissionAction::Delete));

    const fn basic(name: &'static str, action: Option<PermissionAction>) -> Self {
        Self { name, action, scope: Scope::Basic }
    }

    const fn on_entity(name: &'static str, action: PermissionAction) -> Self {
        Self { name, action: Some(action), scope: Scope::Entity }
    }

    /// Its name, such as `catalog.entity.read`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it lets one do, if that is one of the four.
    pub const fn action(&self) -> Option<PermissionAction> {
        self.action
    }

    /// Whether it can be given for some entities and not for others.
    pub fn is_on_entities(&self) -> bool {
        self.scope == Scope::Entity
    }

    /// The permission with this name.
    pub fn named(name: &str) -> Option<Self> {
        PERMISSIONS.iter().find(|permission| permission.name == name).copied()
    }

    /// The permission as other backends know it.
    pub fn to_json(&self) -> Value {
        let attributes = self.action.map_or_else(|| json!({}), |action| json!({ "action": action.as_str() }));
        match self.scope {
            Scope::Basic => json!({ "type": "basic", "name": self.name, "attributes": attributes }),
            Scope::Entity => json!({
                "type": "resource", "name": self.name, "attributes": attributes, "resourceType": RESOURCE_TYPE,
            }),
        }
    }
}

/// All permissions, in the order in which they are published: those of modules first.
pub const PERMISSIONS: [Permission; 13] = [
    Permission::UNPROCESSED_READ,
    Permission::UNPROCESSED_DELETE,
    Permission::ENTITY_READ,
    Permission::ENTITY_CREATE,
    Permission::ENTITY_DELETE,
    Permission::ENTITY_REFRESH,
    Permission::ENTITY_VALIDATE,
    Permission::LOCATION_READ,
    Permission::LOCATION_CREATE,
    Permission::LOCATION_DELETE,
    Permission::LOCATION_ANALYZE,
    Permission::INGESTION_READ,
    Permission::INGESTION_MANAGE,
];
