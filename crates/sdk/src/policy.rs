use async_trait::async_trait;
use callboard_model::{Entity, EntityError};

/// A rule that every entity must keep, whatever its kind. Runs after pre-processing; may also change the entity.
#[async_trait]
pub trait EntityPolicy: Send + Sync {
    /// Returns the entity, or says why it is refused.
    ///
    /// # Errors
    ///
    /// The reason, in words its author can act on.
    async fn enforce(&self, entity: Entity) -> Result<Entity, EntityError>;
}
