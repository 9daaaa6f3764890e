//! The entity document.

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use crate::validation::envelope;
use crate::{
    CompoundEntityRef, DEFAULT_NAMESPACE, EntityError, EntityRef, EnvelopeError, LocationRef, annotation,
    canonical,
};

/// A JSON object that has an envelope: an `apiVersion`, a `kind` and `metadata` with a `name`.
///
/// That is all that is known of it. Whether the rest is any good is what [`crate::policy`] and
/// [`crate::KindRegistry`] find out. Members keep their order, which clients can see.
///
/// The envelope holds for as long as the value lives: setters that could break it check first. For changes they
/// do not cover, take the document apart with [`Entity::into_map`] and check it again with
/// [`Entity::from_map`], which costs next to nothing.
///
/// To write an entity for clients use [`Entity::to_json_bytes`]: `serde_json` prints numbers differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Entity(Map<String, Value>);

/// Checks.
impl Entity {
    /// Checks the envelope of a document.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] with the first thing that is missing or of the wrong type.
    pub fn from_value(value: Value) -> Result<Self, EnvelopeError> {
        match value {
            Value::Object(map) => Self::from_map(map),
            _ => Err(envelope::not_an_object()),
        }
    }

    /// Checks the envelope of a document.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] with the first thing that is missing or of the wrong type.
    pub fn from_map(map: Map<String, Value>) -> Result<Self, EnvelopeError> {
        envelope::check(&map)?;
        Ok(Self(map))
    }
}

/// Reading.
impl Entity {
    /// For example `backstage.io/v1alpha1`. Never empty.
    pub fn api_version(&self) -> &str {
        text(&self.0, "apiVersion").unwrap_or_default()
    }

    /// For example `Component`, in the author's spelling. Never empty.
    pub fn kind(&self) -> &str {
        text(&self.0, "kind").unwrap_or_default()
    }

    /// `metadata.name` in the author's spelling. Never empty.
    pub fn name(&self) -> &str {
        text(self.metadata(), "name").unwrap_or_default()
    }

    /// `metadata.namespace`, if the author or a policy set it. Never empty.
    pub fn namespace(&self) -> Option<&str> {
        text(self.metadata(), "namespace")
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> Option<&str> {
        text(self.metadata(), "uid")
    }

    /// `metadata.etag`.
    pub fn etag(&self) -> Option<&str> {
        text(self.metadata(), "etag")
    }

    /// The value of an annotation, if it is there and a text. See [`crate::annotation`] for keys.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        text(self.annotations()?, key)
    }

    /// `metadata.annotations`, if they are an object.
    pub fn annotations(&self) -> Option<&Map<String, Value>> {
        self.metadata().get("annotations")?.as_object()
    }

    /// `metadata`.
    pub fn metadata(&self) -> &Map<String, Value> {
        static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.0.get("metadata").and_then(Value::as_object).unwrap_or(&EMPTY)
    }

    /// `spec`, if it is an object.
    pub fn spec(&self) -> Option<&Map<String, Value>> {
        self.0.get("spec")?.as_object()
    }

    /// The whole document.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The whole document, to be taken apart.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// The whole document as a JSON value.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// The document as JSON text, as JavaScript would write it.
    pub fn to_json_bytes(&self) -> Vec<u8> {
        let mut output = Vec::with_capacity(2048);
        canonical::write_json_object(&self.0, &mut output);
        output
    }

    /// The hexadecimal SHA-1 of the document's canonical JSON text, whatever order its members are in.
    pub fn content_hash(&self) -> String {
        let mut output = Vec::with_capacity(2048);
        canonical::write_canonical_object(&self.0, &mut output);
        canonical::sha1_hex(&output)
    }
}

/// Names and places.
impl Entity {
    /// The identity of this entity.
    pub fn entity_ref(&self) -> EntityRef {
        EntityRef::new(self.kind(), self.namespace().unwrap_or(DEFAULT_NAMESPACE), self.name())
    }

    /// The ref of this entity in the author's spelling.
    pub fn compound_ref(&self) -> CompoundEntityRef {
        CompoundEntityRef {
            kind: self.kind().to_owned(),
            namespace: self.namespace().unwrap_or(DEFAULT_NAMESPACE).to_owned(),
            name: self.name().to_owned(),
        }
    }

    /// Where the entity was read from.
    ///
    /// # Errors
    ///
    /// `InputError` when the annotation is missing, `TypeError` when it is no location ref.
    pub fn location(&self) -> Result<LocationRef, EntityError> {
        self.required_location(annotation::MANAGED_BY_LOCATION)
    }

    /// The location whose registration led to this entity.
    ///
    /// # Errors
    ///
    /// `InputError` when the annotation is missing, `TypeError` when it is no location ref.
    pub fn origin_location(&self) -> Result<LocationRef, EntityError> {
        self.required_location(annotation::MANAGED_BY_ORIGIN_LOCATION)
    }

    /// Where the source code of the described thing lives; without a word on that, where the entity was read.
    ///
    /// # Errors
    ///
    /// `Error` when neither annotation is there, `TypeError` when it is no location ref.
    pub fn source_location(&self) -> Result<LocationRef, EntityError> {
        let location = self
            .annotation(annotation::SOURCE_LOCATION)
            .or_else(|| self.annotation(annotation::MANAGED_BY_LOCATION))
            .filter(|location| !location.is_empty())
            .ok_or_else(|| {
                EntityError::general(format!("Entity '{}' is missing location", self.entity_ref()))
            })?;
        Ok(LocationRef::parse(location)?)
    }

    fn required_location(&self, key: &str) -> Result<LocationRef, EntityError> {
        let location = self.annotation(key).filter(|location| !location.is_empty()).ok_or_else(|| {
            let entity_ref = self.entity_ref();
            EntityError::input(format!("Entity '{entity_ref}' does not have the annotation {key}"))
        })?;
        Ok(LocationRef::parse(location)?)
    }
}

/// Changing.
impl Entity {
    /// `spec`, if it is an object.
    pub fn spec_mut(&mut self) -> Option<&mut Map<String, Value>> {
        self.0.get_mut("spec")?.as_object_mut()
    }

    /// Sets a field of the document: in its place if it is there, else as the last one.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] when the envelope would break; nothing changes then.
    pub fn set_field(&mut self, key: &str, value: Value) -> Result<(), EnvelopeError> {
        envelope::check_field(key, &value)?;
        self.0.insert(key.to_owned(), value);
        Ok(())
    }

    /// Sets a field of `metadata`: in its place if it is there, else as the last one.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] when the envelope would break; nothing changes then.
    pub fn set_metadata(&mut self, key: &str, value: Value) -> Result<(), EnvelopeError> {
        envelope::check_metadata_field(key, &value)?;
        self.insert_metadata(key, value);
        Ok(())
    }

    /// Removes a field of the document, if it is there. Keeps the fields that the envelope needs.
    pub fn remove_field(&mut self, key: &str) -> Option<Value> {
        if envelope::requires_field(key) {
            return None;
        }
        self.0.shift_remove(key)
    }

    /// Removes a field of `metadata`, if it is there. Keeps the name.
    pub fn remove_metadata(&mut self, key: &str) -> Option<Value> {
        if envelope::requires_metadata_field(key) {
            return None;
        }
        self.metadata_mut()?.shift_remove(key)
    }

    /// Sets `metadata.uid`.
    pub fn set_uid(&mut self, uid: &str) {
        self.insert_metadata("uid", Value::from(uid));
    }

    /// Sets `metadata.etag`.
    pub fn set_etag(&mut self, etag: &str) {
        self.insert_metadata("etag", Value::from(etag));
    }

    /// Sets an annotation. Annotations that are not an object are replaced by one.
    pub fn set_annotation(&mut self, key: &str, value: &str) {
        let Some(metadata) = self.metadata_mut() else { return };
        if !metadata.get("annotations").is_some_and(Value::is_object) {
            metadata.insert("annotations".to_owned(), Value::Object(Map::new()));
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.insert(key.to_owned(), Value::from(value));
        }
    }

    /// Removes an annotation, if it is there.
    pub fn remove_annotation(&mut self, key: &str) -> Option<Value> {
        self.metadata_mut()?.get_mut("annotations")?.as_object_mut()?.shift_remove(key)
    }

    /// Adds the annotations that the author did not set.
    ///
    /// Clients see where they land: the given keys come first among the annotations, the annotations first in
    /// `metadata`, and `metadata` first in the document.
    pub fn add_default_annotations(&mut self, defaults: &[(&str, &str)]) {
        let Some(metadata) = self.metadata_mut() else { return };
        let merged = match metadata.shift_remove("annotations") {
            Some(Value::Object(authored)) => {
                let mut merged: Map<String, Value> =
                    defaults.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
                merged.extend(authored);
                Value::Object(merged)
            }
            None => defaults.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect(),
            // Left for the schema check to report.
            Some(malformed) => malformed,
        };
        metadata.shift_insert(0, "annotations".to_owned(), merged);
        self.move_metadata_first();
    }

    /// Sets the namespace as the first field of `metadata`, and moves `metadata` to the front of the document.
    pub(crate) fn put_namespace_first(&mut self, namespace: &str) {
        let Some(metadata) = self.metadata_mut() else { return };
        metadata.shift_insert(0, "namespace".to_owned(), Value::from(namespace));
        self.move_metadata_first();
    }

    fn move_metadata_first(&mut self) {
        if let Some((key, metadata)) = self.0.shift_remove_entry("metadata") {
            self.0.shift_insert(0, key, metadata);
        }
    }

    fn insert_metadata(&mut self, key: &str, value: Value) {
        if let Some(metadata) = self.metadata_mut() {
            metadata.insert(key.to_owned(), value);
        }
    }

    fn metadata_mut(&mut self) -> Option<&mut Map<String, Value>> {
        self.0.get_mut("metadata")?.as_object_mut()
    }
}

impl<'de> Deserialize<'de> for Entity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_map(Map::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}
