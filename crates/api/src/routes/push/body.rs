//! Reading what is pushed. A body is taken as a whole or not at all.

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use callboard_engine::YamlParser;
use callboard_model::{Entity, EntityError, EntityRef, LocationRef};
use callboard_sdk::{Emission, EntityParser as _};
use serde_json::Value;

use crate::error::ApiError;
use crate::request::parse_json;

/// How many mistakes of a body are told of.
const MAX_MISTAKES: usize = 10;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

impl Format {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let content_type =
            headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = content_type.as_deref().unwrap_or("undefined");
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Ok(Self::Json),
            "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Ok(Self::Yaml),
            _ => Err(ApiError::input(format!("unsupported media type {essence}"))),
        }
    }

    pub(super) fn ensure_json(self) -> Result<(), ApiError> {
        match self {
            Self::Json => Ok(()),
            Self::Yaml => Err(ApiError::input("unsupported media type: a delta is JSON")),
        }
    }
}

/// All entities of a provider.
pub(super) fn entities_of(bytes: &[u8], format: Format, origin: &str) -> Result<Vec<Entity>, ApiError> {
    let entities = match format {
        Format::Yaml => of_yaml(bytes, origin)?,
        Format::Json => {
            let mut body = object(bytes, &["entities"])?;
            match body.get_mut("entities").map(Value::take) {
                Some(Value::Array(items)) => entities(items, "entities")?,
                Some(_) => return Err(ApiError::input("request/body/entities must be array")),
                // An empty body must not take everything away.
                None => return Err(ApiError::input("request/body must have required property 'entities'")),
            }
        }
    };
    ensure_distinct(&entities, &[])?;
    Ok(entities)
}

/// What comes or changes, and what goes.
pub(super) fn delta_of(bytes: &[u8]) -> Result<(Vec<Entity>, Vec<EntityRef>), ApiError> {
    let mut body = object(bytes, &["added", "removed"])?;
    let mut list = |name: &str| match body.get_mut(name).map(Value::take) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(ApiError::input(format!("request/body/{name} must be array"))),
    };
    let (added, removed) = (entities(list("added")?, "added")?, refs(&list("removed")?)?);
    ensure_distinct(&added, &removed)?;
    Ok((added, removed))
}

/// A JSON object that has no other members than these.
fn object(bytes: &[u8], known: &[&str]) -> Result<Value, ApiError> {
    let body = parse_json(bytes)?;
    let members = body.as_object().ok_or_else(|| ApiError::input("request/body must be object"))?;
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            let known = known.join(" and ");
            Err(ApiError::input(format!("request/body must not have the property '{key}', only {known}")))
        }
        None => Ok(body),
    }
}

fn entities(items: Vec<Value>, member: &str) -> Result<Vec<Entity>, ApiError> {
    let mut mistakes = Vec::new();
    let mut entities = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        match Entity::from_value(item) {
            Ok(entity) => entities.push(entity),
            Err(error) => {
                mistakes.push(format!("request/body/{member}/{place}: {}", EntityError::from(error).message));
            }
        }
    }
    none_of(mistakes)?;
    Ok(entities)
}

fn refs(items: &[Value]) -> Result<Vec<EntityRef>, ApiError> {
    let mut mistakes = Vec::new();
    let mut refs = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        match item.as_str().and_then(|text| EntityRef::parse_canonical(text).ok()) {
            Some(entity_ref) => refs.push(entity_ref),
            None => mistakes.push(format!(
                "request/body/removed/{place} must be a whole entity ref, such as component:default/shop"
            )),
        }
    }
    none_of(mistakes)?;
    Ok(refs)
}

fn of_yaml(bytes: &[u8], origin: &str) -> Result<Vec<Entity>, ApiError> {
    let location = LocationRef::parse(origin).map_err(ApiError::internal)?;
    let mut mistakes = Vec::new();
    let mut entities = Vec::new();
    for emission in YamlParser::new(false).parse(bytes, &location) {
        match emission {
            Emission::Entity { entity, .. } => {
                entities.push(
                    Entity::from_value(entity)
                        .map_err(|error| ApiError::input(EntityError::from(error).message))?,
                );
            }
            Emission::Error(error) => mistakes.push(error.message),
            _ => {}
        }
    }
    none_of(mistakes)?;
    Ok(entities)
}

/// Nobody can tell which of two would count.
fn ensure_distinct(added: &[Entity], removed: &[EntityRef]) -> Result<(), ApiError> {
    let mut mistakes = Vec::new();
    let mut places: HashMap<EntityRef, usize> = HashMap::with_capacity(added.len());
    for (place, entity) in added.iter().enumerate() {
        let entity_ref = entity.entity_ref();
        match places.get(&entity_ref) {
            Some(first) => {
                mistakes.push(format!("the entities {first} and {place} of the body are both {entity_ref}"));
            }
            None => _ = places.insert(entity_ref, place),
        }
    }
    for entity_ref in removed.iter().filter(|entity_ref| places.contains_key(*entity_ref)) {
        mistakes.push(format!("{entity_ref} cannot be added and removed at the same time"));
    }
    none_of(mistakes)
}

fn none_of(mut mistakes: Vec<String>) -> Result<(), ApiError> {
    if mistakes.is_empty() {
        return Ok(());
    }
    let further = mistakes.len().saturating_sub(MAX_MISTAKES);
    mistakes.truncate(MAX_MISTAKES);
    if further > 0 {
        mistakes.push(format!("and {further} more"));
    }
    Err(ApiError::input(mistakes.join("; ")))
}
