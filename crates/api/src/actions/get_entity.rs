//! `get-catalog-entity`.

use callboard_sdk::{ActionAttributes, ActionDescription};
use serde_json::{Value, json};

use super::{Context, entity_lookup, example};
use crate::error::ApiError;

const NAME: &str = "get-catalog-entity";

pub(super) fn description() -> ActionDescription {
    ActionDescription {
        name: NAME.to_owned(),
        title: "Get a catalog entity".to_owned(),
        description:
            "Gives one entity of the software catalog, whole, with its relations. If there are several of \
                      that name, say the kind or the namespace too."
                .to_owned(),
        attributes: ActionAttributes { destructive: false, idempotent: true, read_only: true },
        input: entity_lookup::input_schema(),
        output: json!({ "type": "object", "description": "The entity." }),
        examples: vec![
            example("By its name alone", json!({ "name": "booking-service" })),
            example(
                "By all that tells it apart",
                json!({ "kind": "Component", "namespace": "default", "name": "booking-service" }),
            ),
        ],
    }
}

pub(super) async fn call(context: &Context<'_>, input: &Value) -> Result<Value, ApiError> {
    let hit = entity_lookup::find(context, input).await?;
    serde_json::from_slice(&hit.body).map_err(ApiError::internal)
}
