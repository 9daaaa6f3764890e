//! `unregister-entity`.

use callboard_permissions::Permission;
use callboard_sdk::{ActionAttributes, ActionDescription};
use serde_json::{Value, json};

use super::{Context, example, object, text};
use crate::error::ApiError;

const NAME: &str = "unregister-entity";

pub(super) fn description() -> ActionDescription {
    let only = |name: &str, description: &str| {
        json!({
            "type": "object",
            "required": [name],
            "properties": { name: { "type": "string", "description": description } },
            "additionalProperties": false,
        })
    };
    let input = json!({
        "type": {
            "description": "Which location.",
            "anyOf": [
                only("locationId", "The id that it got when it was registered."),
                only("locationUrl", "Its URL, in any letter case."),
            ],
        },
    });
    ActionDescription {
        name: NAME.to_owned(),
        title: "Unregister entities".to_owned(),
        description:
            "Takes a registered location out of the software catalog, and with it all entities that only it \
                      brought in."
                .to_owned(),
        attributes: ActionAttributes { destructive: true, idempotent: true, read_only: false },
        input: object(&["type"], &input),
        output: object(&[], &json!({})),
        examples: vec![example(
            "By the file",
            json!({ "type": { "locationUrl": "https://github.com/acme/shop/blob/main/catalog-info.yaml" } }),
        )],
    }
}

pub(super) async fn call(context: &Context<'_>, input: &Value) -> Result<Value, ApiError> {
    context.catalog.ensure_writable()?;
    context.caller.authorize(Permission::LOCATION_DELETE).await?;
    let which = &input["type"];
    let id = match (text(which, "locationId"), text(which, "locationUrl")) {
        (Some(id), _) => id.to_owned(),
        (None, url) => id_of(context, url.unwrap_or_default()).await?,
    };
    context.catalog.remove_location(&id).await?;
    Ok(json!({}))
}

async fn id_of(context: &Context<'_>, url: &str) -> Result<String, ApiError> {
    let wanted = url.to_lowercase();
    let locations = context.catalog.locations().await?;
    let found = locations.iter().find(|location| location.target.to_lowercase() == wanted);
    found
        .map(|location| location.id.to_string())
        .ok_or_else(|| ApiError::NotFound(format!("Location with URL {url} not found")))
}
