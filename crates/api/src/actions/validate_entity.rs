//! `validate-entity`.

use callboard_model::LocationRef;
use callboard_permissions::Permission;
use callboard_sdk::{ActionAttributes, ActionDescription};
use serde_json::{Value, json};

use super::{Context, example, object, text};
use crate::error::ApiError;

const NAME: &str = "validate-entity";

/// Where an entity is from that is from nowhere.
const NOWHERE: &str = "https://example.com/catalog-info.yaml";

pub(super) fn description() -> ActionDescription {
    let input = json!({
        "entity": { "type": "string", "description": "The entity, as YAML." },
        "location": { "type": "string", "description": "The URL of the file it is to be read from, if there is one." },
    });
    let output = json!({
        "isValid": { "type": "boolean", "description": "Whether the catalog would take it." },
        "isValidYaml": { "type": "boolean", "description": "Whether it could be read at all." },
        "errors": { "type": "array", "items": { "type": "string" } },
        "entity": { "type": "object", "description": "What was read." },
    });
    ActionDescription {
        name: NAME.to_owned(),
        title: "Validate an entity".to_owned(),
        description:
            "Tells whether the software catalog would take an entity, and what is wrong with it. Nothing is \
                      stored."
                .to_owned(),
        attributes: ActionAttributes { destructive: false, idempotent: true, read_only: true },
        input: object(&["entity"], &input),
        output: object(&["isValid", "isValidYaml", "errors"], &output),
        examples: vec![example(
            "A component without an owner",
            json!({
                "entity": "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop\n\
                           spec:\n  type: service\n  lifecycle: production\n",
            }),
        )],
    }
}

/// What is wrong is the answer, never an error.
pub(super) async fn call(context: &Context<'_>, input: &Value) -> Result<Value, ApiError> {
    context.caller.authorize(Permission::ENTITY_VALIDATE).await?;
    let location = format!("url:{}", text(input, "location").unwrap_or(NOWHERE));
    let entity = match parse(context, text(input, "entity").unwrap_or_default(), &location) {
        Ok(entity) => entity,
        Err(problems) => {
            return Ok(json!({ "isValid": false, "isValidYaml": false, "errors": problems }));
        }
    };
    let errors: Vec<String> = match context.catalog.validate_entity(entity.clone(), &location).await {
        Ok(()) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    Ok(json!({ "isValid": errors.is_empty(), "isValidYaml": true, "errors": errors, "entity": entity }))
}

/// The one entity in a text.
fn parse(context: &Context<'_>, entity: &str, location: &str) -> Result<Value, Vec<String>> {
    let location = LocationRef::parse(location).map_err(|error| vec![error.to_string()])?;
    let mut parsed = context.catalog.parse_descriptor(entity.as_bytes(), &location);
    let errors: Vec<String> =
        parsed.iter().filter_map(|result| result.as_ref().err().map(ToString::to_string)).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    match (parsed.pop(), parsed.len()) {
        (Some(Ok(entity)), 0) => Ok(entity),
        (None, _) => Err(vec!["There is no entity".to_owned()]),
        (_, more) => Err(vec![format!("There are {} entities; validate them one by one", more + 1)]),
    }
}
