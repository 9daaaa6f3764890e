//! What a program answers.

use callboard_sdk::model::{
    CompoundEntityRef, Entity, EntityError, LocationPresence, LocationRef, LocationSpec, RefDefaults,
    Relation, parse_ref,
};
use callboard_sdk::{ChildKey, Emission, Emit};
use serde::Deserialize;
use serde_json::Value;

/// The body of an answer. All of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Answer {
    /// The entity as it is from now on; as it was if left out.
    pub(super) entity: Option<Value>,
    /// Whether it is a valid entity of a kind that the program knows.
    pub(super) valid: Option<bool>,
    /// What comes out beside it.
    pub(super) emit: Emissions,
    /// Given back with the next call for the same entity.
    pub(super) etag: Option<String>,
    /// Whether the answer is that of the last call, whose etag came along.
    pub(super) not_modified: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Emissions {
    relations: Vec<EmittedRelation>,
    entities: Vec<Value>,
    locations: Vec<EmittedLocation>,
    refresh_keys: Vec<String>,
    errors: Vec<EmittedError>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmittedRelation {
    /// This entity if left out.
    source: Option<String>,
    #[serde(rename = "type")]
    relation_type: String,
    target: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmittedLocation {
    #[serde(rename = "type")]
    location_type: String,
    target: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum EmittedError {
    Message(String),
    Named { name: Option<String>, message: String },
}

impl Emissions {
    /// Emits all of it; refs without a kind are refused, those without a namespace are in the entity's own.
    pub(super) fn emit(
        self,
        entity: &Entity,
        location: &LocationRef,
        emit: &Emit,
    ) -> Result<(), EntityError> {
        let own_ref = entity.compound_ref();
        for relation in self.relations {
            let source = relation.source.map_or(Ok(own_ref.clone()), |source| read(&source, &own_ref))?;
            let target = read(&relation.target, &own_ref)?;
            emit.relation(Relation { source, relation_type: relation.relation_type, target });
        }
        for entity in self.entities {
            emit.emit(Emission::Entity { location: location.clone(), entity, key: ChildKey::Location });
        }
        for EmittedLocation { location_type, target } in self.locations {
            emit.location(LocationSpec { location_type, target, presence: LocationPresence::Required });
        }
        for key in self.refresh_keys {
            emit.refresh_key(key);
        }
        for error in self.errors {
            emit.error(match error {
                EmittedError::Message(message) => EntityError::general(message),
                EmittedError::Named { name, message } => {
                    EntityError::new(name.unwrap_or_else(|| "Error".to_owned()), message)
                }
            });
        }
        Ok(())
    }
}

fn read(text: &str, own_ref: &CompoundEntityRef) -> Result<CompoundEntityRef, EntityError> {
    Ok(parse_ref(text, &RefDefaults { kind: None, namespace: Some(&own_ref.namespace) })?)
}
