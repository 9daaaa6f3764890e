//! A rule that all entities must keep: every component says who pays for it.

use std::process::ExitCode;
use std::sync::Arc;

use callboard::model::{Entity, EntityError};
use callboard::sdk::{EntityPolicy, async_trait};

const ANNOTATION: &str = "example.com/cost-centre";

struct CostCentres;

#[async_trait]
impl EntityPolicy for CostCentres {
    async fn enforce(&self, entity: Entity) -> Result<Entity, EntityError> {
        if entity.kind() == "Component" && entity.annotation(ANNOTATION).is_none() {
            return Err(EntityError::input(format!("a component needs the annotation {ANNOTATION}")));
        }
        Ok(entity)
    }
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.add_policy(Arc::new(CostCentres)))
}
