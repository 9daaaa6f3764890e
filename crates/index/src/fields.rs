//! The `fields` parameter: parts of entities instead of whole ones.
//!
//! Bodies are kept as text, so a projection reads only the objects on the way to what was asked for, and copies the
//! rest as it is.

use std::borrow::Cow;

use callboard_model::javascript::trim;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

/// The paths that a request asks for, in its order.
///
/// # Examples
///
/// ```
/// use callboard_index::FieldSelection;
///
/// let body = br#"{"kind":"API","metadata":{"name":"shop","labels":{"a.b/c":"d"}}}"#;
/// let fields = FieldSelection::parse(&["metadata.labels.a.b/c,kind".to_owned()])?.expect("fields were given");
/// assert_eq!(fields.project_bytes(body)?, br#"{"metadata":{"labels":{"a.b/c":"d"}},"kind":"API"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSelection {
    /// Each split at its dots.
    paths: Vec<Vec<String>>,
}

/// A `fields` parameter that cannot be read. The message is meant for the client, with status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldError {
    /// A field points into an array.
    #[error("Invalid field \"{0}\", array type fields are not supported")]
    ArrayField(String),
}

impl FieldSelection {
    /// Parses comma separated lists of paths. None if they hold no path, so that whole entities are meant.
    ///
    /// # Errors
    ///
    /// [`FieldError`] if a path contains a bracket.
    pub fn parse(lists: &[String]) -> Result<Option<Self>, FieldError> {
        let mut fields: Vec<&str> = Vec::new();
        for field in lists.iter().flat_map(|list| list.split(',')).map(trim) {
            if field.contains('[') {
                return Err(FieldError::ArrayField(field.to_owned()));
            }
            if !field.is_empty() && !fields.contains(&field) {
                fields.push(field);
            }
        }
        if fields.is_empty() {
            return Ok(None);
        }
        let paths = fields.iter().map(|field| field.split('.').map(str::to_owned).collect()).collect();
        Ok(Some(Self { paths }))
    }

    /// Projects an entity.
    pub fn project(&self, entity: &Value) -> Value {
        let mut output = Node::Object(Vec::new());
        for path in &self.paths {
            if let Some((keys, value)) = resolve(path, |object, key| object.unwrap_or(entity).get(key)) {
                output.set(&keys, value);
            }
        }
        output.into_value()
    }

    /// Projects the JSON text of an entity.
    ///
    /// # Errors
    ///
    /// If the text is not a JSON object, which the body of an indexed entity always is.
    pub fn project_bytes(&self, body: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        // Checked once, and as a whole: it would be done bit by bit for every member.
        let body = std::str::from_utf8(body).map_err(<serde_json::Error as serde::de::Error>::custom)?;
        let root: Members<'_> = serde_json::from_str(body)?;
        let mut objects = ObjectReader::default();
        let mut output = Node::Object(Vec::new());
        for path in &self.paths {
            let member = |object: Option<_>, key: &str| match object {
                None => root.get(key),
                Some(object) => objects.member(object, key),
            };
            if let Some((keys, value)) = resolve(path, member) {
                output.set(&keys, value);
            }
        }
        let mut text = Vec::new();
        output.write(&mut text);
        Ok(text)
    }
}

/// Finds the value at a path, and the keys that lead to it, where `member` finds that of an object, or of the root if there is
/// none. Keys may contain dots: a part that the object does not have is tried again joined with the next one.
fn resolve<'a, V: ?Sized>(
    path: &[String],
    mut member: impl FnMut(Option<&'a V>, &str) -> Option<&'a V>,
) -> Option<(Vec<String>, &'a V)> {
    let mut keys = Vec::new();
    let mut current = None;
    let mut unmatched: Option<String> = None;
    for part in path {
        let key = unmatched.map_or_else(|| part.clone(), |before| format!("{before}.{part}"));
        if let Some(found) = member(current, &key) {
            current = Some(found);
            keys.push(key);
            unmatched = None;
        } else {
            unmatched = Some(key);
        }
    }
    current.filter(|_| unmatched.is_none()).map(|value| (keys, value))
}

/// An entity in the making.
enum Node<'a, V: ?Sized> {
    Object(Vec<(String, Node<'a, V>)>),
    Copied(&'a V),
}

impl<'a, V: ?Sized> Node<'a, V> {
    fn set(&mut self, keys: &[String], value: &'a V) {
        let (Self::Object(members), Some((key, rest))) = (&mut *self, keys.split_first()) else {
            // Below something that is copied as a whole, where the value is already.
            if keys.is_empty() {
                *self = Self::Copied(value);
            }
            return;
        };
        let position = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            members.push((key.clone(), Self::Object(Vec::new())));
            members.len() - 1
        });
        members[position].1.set(rest, value);
    }
}

impl Node<'_, Value> {
    fn into_value(self) -> Value {
        match self {
            Self::Copied(value) => value.clone(),
            Self::Object(members) => {
                let members: Map<String, Value> =
                    members.into_iter().map(|(key, node)| (key, node.into_value())).collect();
                Value::Object(members)
            }
        }
    }
}

impl Node<'_, RawValue> {
    fn write(&self, text: &mut Vec<u8>) {
        match self {
            Self::Copied(raw) => text.extend_from_slice(raw.get().as_bytes()),
            Self::Object(members) => {
                text.push(b'{');
                for (position, (key, node)) in members.iter().enumerate() {
                    if position > 0 {
                        text.push(b',');
                    }
                    callboard_model::write_json_string(key, text);
                    text.push(b':');
                    node.write(text);
                }
                text.push(b'}');
            }
        }
    }
}

/// Reads the members of objects, each object once.
#[derive(Default)]
struct ObjectReader<'a> {
    /// By the address of the object's text. A handful, so a list will do.
    read: Vec<(*const u8, Members<'a>)>,
}

impl<'a> ObjectReader<'a> {
    fn member(&mut self, object: &'a RawValue, key: &str) -> Option<&'a RawValue> {
        let address = object.get().as_ptr();
        let position = self.read.iter().position(|(known, _)| *known == address).unwrap_or_else(|| {
            // Anything but an object has no members.
            let members = serde_json::from_str(object.get()).unwrap_or_default();
            self.read.push((address, members));
            self.read.len() - 1
        });
        self.read[position].1.get(key)
    }
}

/// The members of an object, their values unread.
#[derive(Default)]
struct Members<'a>(Vec<(Key<'a>, &'a RawValue)>);

/// A key, borrowed from the text unless something in it is escaped.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Members<'a> {
    /// Of repeated keys the last one counts, as in every JSON parser.
    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(name, _)| name.0 == key).map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}
