//! `refresh-catalog-entity`.

use callboard_permissions::Permission;
use callboard_sdk::{ActionAttributes, ActionDescription};
use serde_json::{Value, json};

use super::{Context, entity_lookup, example, object};
use crate::error::ApiError;

const NAME: &str = "refresh-catalog-entity";

pub(super) fn description() -> ActionDescription {
    ActionDescription {
        name: NAME.to_owned(),
        title: "Refresh a catalog entity".to_owned(),
        description: "Has an entity of the software catalog read again from its source soon. It does not wait for that."
            .to_owned(),
        attributes: ActionAttributes { destructive: false, idempotent: true, read_only: false },
        input: entity_lookup::input_schema(),
        output: object(&["entityRef"], &json!({ "entityRef": { "type": "string" } })),
        examples: vec![example("A component", json!({ "kind": "Component", "name": "booking-service" }))],
    }
}

pub(super) async fn call(context: &Context<'_>, input: &Value) -> Result<Value, ApiError> {
    let hit = entity_lookup::find(context, input).await?;
    let entity_ref = hit.entity_ref.as_str();
    context.caller.authorize_on(Permission::ENTITY_REFRESH, entity_ref).await?;
    context.catalog.refresh(&hit.entity_ref).await?;
    Ok(json!({ "entityRef": entity_ref }))
}
