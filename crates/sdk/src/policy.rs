use async_trait::async_trait;
use callboard_model::{Entity, EntityError};

/// A rule that every entity must keep, whatever its kind. Runs after pre-processing; may also change the entity.
///
/// ```
/// use callboard_sdk::model::{Entity, EntityError};
/// use callboard_sdk::{EntityPolicy, async_trait};
///
/// /// Every component says who pays for it.
/// struct CostCentres;
///
/// #[async_trait]
/// impl EntityPolicy for CostCentres {
///     async fn enforce(&self, entity: Entity) -> Result<Entity, EntityError> {
///         if entity.kind() == "Component" && entity.annotation("example.com/cost-centre").is_none() {
///             return Err(EntityError::input("a component needs the annotation example.com/cost-centre"));
///         }
///         Ok(entity)
///     }
/// }
/// ```
#[async_trait]
pub trait EntityPolicy: Send + Sync {
    /// Returns the entity, or says why it is refused.
    ///
    /// # Errors
    ///
    /// The reason, in words its author can act on.
    async fn enforce(&self, entity: Entity) -> Result<Entity, EntityError>;
}
