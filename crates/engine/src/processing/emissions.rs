//! What becomes of what the hooks of a run emitted.

use callboard_model::{
    Entity, EntityError, EntityRef, LocationKey, LocationPresence, LocationRef, LocationSpec, annotation,
    generated_location_name,
};
use callboard_sdk::{ChildKey, Emission};
use callboard_store::StoredRelation;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::breathe;
use crate::hexadecimal::hexadecimal;

/// Keys longer than this many bytes are cut.
const MAX_KEY_BYTES: usize = 255;
/// How much of a cut key stays readable, in characters.
const KEPT_KEY_CHARS: usize = 180;

/// An entity that the run claims.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) entity_ref: EntityRef,
    pub(crate) key: Option<LocationKey>,
    pub(crate) entity: Entity,
}

/// The emissions of one run, sorted and checked.
#[derive(Debug, Default)]
pub(crate) struct Emissions {
    pub(crate) children: Vec<Child>,
    pub(crate) relations: Vec<StoredRelation>,
    pub(crate) refresh_keys: Vec<String>,
    pub(crate) errors: Vec<EntityError>,
}

/// The entity whose run it is.
pub(crate) struct Parent<'a> {
    pub(crate) entity_ref: &'a EntityRef,
    pub(crate) location: &'a LocationRef,
    pub(crate) origin: &'a LocationRef,
}

impl Emissions {
    /// Checks what was emitted; what does not pass becomes an error.
    pub(crate) async fn collect(emitted: Vec<Emission>, parent: &Parent<'_>) -> Self {
        let mut result = Self::default();
        for (index, emission) in emitted.into_iter().enumerate() {
            breathe(index).await;
            match emission {
                Emission::Entity { location, entity, key } => match parent.adopt(&location, entity, key) {
                    Ok(child) => result.children.extend(child),
                    Err(error) => result.errors.push(error),
                },
                Emission::Location(spec) => match parent.generated_location(&spec) {
                    Ok(child) => result.children.push(child),
                    Err(error) => result.errors.push(error),
                },
                Emission::Relation(relation) => result.relations.push(StoredRelation {
                    source: relation.source.to_entity_ref(),
                    relation_type: relation.relation_type.into(),
                    target: relation.target.to_entity_ref(),
                }),
                Emission::Error(error) => result.errors.push(error),
                Emission::RefreshKey(key) => result.refresh_keys.push(shortened(key)),
            }
        }
        result.relations.sort_unstable();
        result.relations.dedup();
        result.refresh_keys.sort_unstable();
        result.refresh_keys.dedup();
        result
    }
}

impl Parent<'_> {
    fn adopt(
        &self,
        location: &LocationRef,
        entity: Value,
        key: ChildKey,
    ) -> Result<Option<Child>, EntityError> {
        let mut entity = Entity::from_value(entity)?;
        let entity_ref = entity.entity_ref();
        if entity_ref == *self.entity_ref {
            tracing::warn!(
                entity = %entity_ref,
                "an emitted entity has the ref of the one that is being processed, and is ignored"
            );
            return Ok(None);
        }
        match entity.metadata().get("annotations") {
            None | Some(Value::Null | Value::Object(_)) => {}
            Some(_) => {
                return Err(EntityError::input(format!(
                    "Entity {entity_ref} at {location} has annotations that are not an object"
                )));
            }
        }
        entity.set_annotation(annotation::MANAGED_BY_ORIGIN_LOCATION, &self.origin.to_string());
        entity.set_annotation(annotation::MANAGED_BY_LOCATION, &location.to_string());
        let key = match key {
            ChildKey::Location => Some(LocationKey::from(location)),
            ChildKey::None => None,
            ChildKey::Key(key) => Some(key),
        };
        Ok(Some(Child { entity_ref, key, entity }))
    }

    fn generated_location(&self, spec: &LocationSpec) -> Result<Child, EntityError> {
        let entity = location_entity(spec, None, self.location, self.origin)?;
        Ok(Child { entity_ref: entity.entity_ref(), key: Some(LocationKey::from(self.location)), entity })
    }
}

/// The Location entity of a location that nobody wrote one for.
///
/// `name` is that of the entity if it has one already.
pub(crate) fn location_entity(
    spec: &LocationSpec,
    name: Option<&str>,
    location: &LocationRef,
    origin: &LocationRef,
) -> Result<Entity, EntityError> {
    let generated = || generated_location_name(&spec.location_type, &spec.target);
    let mut fields = json!({ "type": spec.location_type, "target": spec.target });
    if spec.presence == LocationPresence::Optional {
        fields["presence"] = spec.presence.as_str().into();
    }
    let entity = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {
            "name": name.map_or_else(generated, str::to_owned),
            "annotations": {
                annotation::MANAGED_BY_LOCATION: location.to_string(),
                annotation::MANAGED_BY_ORIGIN_LOCATION: origin.to_string(),
            },
        },
        "spec": fields,
    });
    Ok(Entity::from_value(entity)?)
}

/// The form in which a refresh key is stored: long ones are cut, and told apart by a hash.
pub(crate) fn shortened(key: String) -> String {
    if key.len() <= MAX_KEY_BYTES {
        return key;
    }
    let kept: String = key.chars().take(KEPT_KEY_CHARS).collect();
    let hash = hexadecimal(&Sha256::digest(key.as_bytes()));
    format!("{kept}#sha256:{hash}")
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_keys_are_cut_and_stay_apart() {
        let key = |last: char| format!("url:https://host/{}{last}", "x".repeat(300));
        assert_eq!(shortened("file:/a".to_owned()), "file:/a");
        let (a, b) = (shortened(key('a')), shortened(key('b')));
        assert_ne!(a, b);
        assert_eq!(a[..180], b[..180]);
        assert_eq!(a.len(), 180 + "#sha256:".len() + 64);
    }
}
