//! Descriptor files: YAML, and so JSON too, with any number of documents.

use callboard_model::{EntityError, LocationRef};
use callboard_sdk::{ChildKey, Emission, EntityParser};
use callboard_yaml::{Document, Options, load};
use serde_json::Value;

/// The parser of the plain catalog.
#[derive(Debug, Clone)]
pub struct YamlParser {
    options: Options,
}

impl YamlParser {
    /// A parser; `merge_keys` says whether `<<` merges mappings.
    pub fn new(merge_keys: bool) -> Self {
        // Errors bring their position along; those of good values are of no use here.
        Self { options: Options { merge_keys, positions: false, ..Options::default() } }
    }
}

impl EntityParser for YamlParser {
    fn parse(&self, data: &[u8], location: &LocationRef) -> Vec<Emission> {
        match load(data, &self.options) {
            Ok(documents) => {
                documents.into_iter().filter_map(|document| result(document, location)).collect()
            }
            Err(error) => {
                vec![Emission::Error(EntityError::general(format!("YAML error at {location}, {error}")))]
            }
        }
    }
}

fn result(document: Document, location: &LocationRef) -> Option<Emission> {
    let number = document.index + 1;
    let start = document.start;
    match document.content {
        Ok(content) => match content.value {
            entity @ Value::Object(_) => {
                Some(Emission::Entity { location: location.clone(), entity, key: ChildKey::Location })
            }
            Value::Null => None,
            other => Some(Emission::Error(EntityError::general(format!(
                "Expected object at root, got {}, at {location}, document {number}, {start}",
                type_name(&other)
            )))),
        },
        Err(error) => Some(Emission::Error(EntityError::general(format!(
            "YAML error at {location}, document {number}, {error}"
        )))),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
