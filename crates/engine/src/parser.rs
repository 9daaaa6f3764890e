//! Descriptor files: YAML, and so JSON too, with any number of documents.

use callboard_model::{Entity, EntityError, LocationRef};
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

    /// Parses one file whose documents may be of another format. `to_entity` is given every document that is an
    /// object, and makes an entity of it; what is an entity already it gives back as it is. An error is reported
    /// with the place of its document.
    pub fn parse_with(
        &self,
        data: &[u8],
        location: &LocationRef,
        to_entity: impl Fn(Value) -> Result<Value, EntityError>,
    ) -> Vec<Emission> {
        match load(data, &self.options) {
            Ok(documents) => {
                documents.into_iter().filter_map(|document| result(document, location, &to_entity)).collect()
            }
            Err(error) => {
                vec![Emission::Error(EntityError::general(format!("YAML error at {location}, {error}")))]
            }
        }
    }
}

impl EntityParser for YamlParser {
    fn parse(&self, data: &[u8], location: &LocationRef) -> Vec<Emission> {
        self.parse_with(data, location, Ok)
    }
}

fn result(
    document: Document,
    location: &LocationRef,
    to_entity: &impl Fn(Value) -> Result<Value, EntityError>,
) -> Option<Emission> {
    let number = document.index + 1;
    let start = document.start;
    match document.content {
        Ok(content) => match content.value {
            // Checked here, where it is known which of the documents it is.
            object @ Value::Object(_) => {
                Some(match to_entity(object).and_then(|value| Ok(Entity::from_value(value)?)) {
                    Ok(entity) => Emission::Entity {
                        location: location.clone(),
                        entity: entity.into_value(),
                        key: ChildKey::Location,
                    },
                    Err(mut error) => {
                        error.message =
                            format!("{} at {location}, document {number}, {start}", error.message);
                        Emission::Error(error)
                    }
                })
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

#[cfg(test)]
mod tests {
    use callboard_model::LocationRef;
    use callboard_sdk::{Emission, EntityParser as _};

    use super::YamlParser;

    /// What makes a mapping an entity.
    fn entity(rest: &str) -> String {
        format!("apiVersion: v1\nkind: Component\nmetadata: {{name: a}}\n{rest}")
    }

    fn parsed(text: &str, merge_keys: bool) -> Vec<String> {
        let location = LocationRef::parse("url:https://host/a.yaml").unwrap();
        YamlParser::new(merge_keys)
            .parse(text.as_bytes(), &location)
            .into_iter()
            .map(|emission| match emission {
                Emission::Entity { entity, .. } => entity.to_string(),
                Emission::Error(error) => error.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn good_documents_are_found_beside_bad_ones() {
        let files = [
            String::new(),
            "# nothing\n---\n---\n".to_owned(),
            format!("{}---\nb: [\n---\n{}", entity("a: 1\n"), entity("c: 3\n")),
            "- a\n---\ntext\n---\n5\n---\ntrue\n".to_owned(),
            "a: 1\na: 2\n".to_owned(),
            entity("") + "---\nkind: Component\n",
            entity("base: &base {x: 1}\nmerged:\n  <<: *base\n"),
        ];
        let results: Vec<_> = files.iter().map(|file| parsed(file, false)).collect();
        insta::assert_debug_snapshot!(results);
        insta::assert_debug_snapshot!(parsed(&files[6], true));
    }
}
