//! `register-entity`.

use callboard_model::{LocationPresence, LocationSpec};
use callboard_permissions::Permission;
use callboard_sdk::{ActionAttributes, ActionDescription};
use serde_json::{Value, json};
use url::Url;

use super::{Context, example, object, text};
use crate::error::ApiError;

const NAME: &str = "register-entity";

pub(super) fn description() -> ActionDescription {
    let input = json!({
        "locationUrl": {
            "type": "string",
            "description": "The URL of a descriptor file, such as https://github.com/acme/shop/blob/main/catalog-info.yaml.",
        },
    });
    ActionDescription {
        name: NAME.to_owned(),
        title: "Register entities".to_owned(),
        description:
            "Registers a descriptor file in the software catalog. It is read soon after, and all entities in \
                      it appear; what is wrong with it shows then."
                .to_owned(),
        attributes: ActionAttributes::default(),
        input: object(&["locationUrl"], &input),
        output: object(&["locationId"], &json!({ "locationId": { "type": "string" } })),
        examples: vec![example(
            "A descriptor file on GitHub",
            json!({ "locationUrl": "https://github.com/acme/shop/blob/main/catalog-info.yaml" }),
        )],
    }
}

pub(super) async fn call(context: &Context<'_>, input: &Value) -> Result<Value, ApiError> {
    let url = text(input, "locationUrl").unwrap_or_default();
    if Url::parse(url).is_err() {
        return Err(ApiError::Input(format!("\"{url}\" is not a URL")));
    }
    context.catalog.ensure_writable()?;
    context.caller.authorize(Permission::LOCATION_CREATE).await?;
    let spec = LocationSpec {
        location_type: "url".to_owned(),
        target: url.to_owned(),
        presence: LocationPresence::Required,
    };
    let location = context.catalog.add_location(spec, None).await?;
    Ok(json!({ "locationId": location.id.to_string() }))
}
