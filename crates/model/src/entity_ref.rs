//! The names of entities.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{EntityError, canonical, javascript};

/// The namespace of entities that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// The identity of an entity: `kind:namespace/name`, all of it in lower case.
///
/// Two entities whose refs are equal are the same entity, however their authors spelled them. Cloning copies a
/// pointer only.
///
/// ```
/// use callboard_model::EntityRef;
///
/// let entity_ref = EntityRef::new("Component", "default", "Web-Site");
/// assert_eq!(entity_ref.as_str(), "component:default/web-site");
/// assert_eq!(entity_ref.name(), "web-site");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityRef(Arc<str>);

impl EntityRef {
    /// The identity of the entity with these three parts, in any case.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        let mut canonical = String::with_capacity(kind.len() + namespace.len() + name.len() + 2);
        javascript::push_lower_case(kind, &mut canonical);
        canonical.push(':');
        javascript::push_lower_case(namespace, &mut canonical);
        canonical.push('/');
        javascript::push_lower_case(name, &mut canonical);
        Self(canonical.into())
    }

    /// Reads back what [`EntityRef::as_str`] gave. Upper case is accepted and lowered.
    ///
    /// The kind ends at the first `:`, the namespace at the first `/` after it; the name may contain both.
    ///
    /// # Errors
    ///
    /// [`RefError::Malformed`] unless all three parts are there and not empty.
    pub fn parse_canonical(text: &str) -> Result<Self, RefError> {
        let malformed = || RefError::Malformed(text.to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(malformed)?;
        let (namespace, name) = rest.split_once('/').ok_or_else(malformed)?;
        if kind.is_empty() || namespace.is_empty() || name.is_empty() {
            return Err(malformed());
        }
        if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(text.into()));
        }
        Ok(Self::new(kind, namespace, name))
    }

    /// The whole ref, `kind:namespace/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind, in lower case.
    pub fn kind(&self) -> &str {
        self.parts().0
    }

    /// The namespace, in lower case.
    pub fn namespace(&self) -> &str {
        self.parts().1
    }

    /// The name, in lower case.
    pub fn name(&self) -> &str {
        self.parts().2
    }

    fn parts(&self) -> (&str, &str, &str) {
        let (kind, rest) = self.0.split_once(':').unwrap_or_default();
        let (namespace, name) = rest.split_once('/').unwrap_or_default();
        (kind, namespace, name)
    }
}

impl AsRef<str> for EntityRef {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Lets maps keyed by ref be asked with a plain string.
impl Borrow<str> for EntityRef {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for EntityRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

impl FromStr for EntityRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        Self::parse_canonical(text)
    }
}

impl Serialize for EntityRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EntityRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_canonical(&text).map_err(de::Error::custom)
    }
}

/// An entity ref in three parts, which keep the case they were written in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CompoundEntityRef {
    /// For example `Component`.
    pub kind: String,
    /// For example `default`.
    pub namespace: String,
    /// For example `web-site`.
    pub name: String,
}

impl CompoundEntityRef {
    /// The identity of the entity this refers to.
    pub fn to_entity_ref(&self) -> EntityRef {
        EntityRef::new(&self.kind, &self.namespace, &self.name)
    }
}

/// What a short ref means when it leaves out its kind or namespace.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefDefaults<'a> {
    /// The kind of refs without one. `None` makes the kind mandatory.
    pub kind: Option<&'a str>,
    /// The namespace of refs without one. `None` stands for [`DEFAULT_NAMESPACE`].
    pub namespace: Option<&'a str>,
}

impl<'a> RefDefaults<'a> {
    /// The namespace to use where a ref has none.
    pub(crate) fn namespace_or_default(&self) -> &'a str {
        self.namespace.filter(|namespace| !namespace.is_empty()).unwrap_or(DEFAULT_NAMESPACE)
    }
}

/// Why a text is no entity ref.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// There is no text at all.
    #[error("Entity reference must not be empty")]
    Empty,
    /// One of the parts that the separators announce is empty.
    #[error("Entity reference \"{0}\" was not on the form [<kind>:][<namespace>/]<name>")]
    Malformed(String),
    /// It has no kind, and the context gives none. Carries the ref as JSON.
    #[error(
        "Entity reference {0} had missing or empty kind (e.g. did not start with \"component:\" or similar)"
    )]
    MissingKind(String),
    /// It is an object without a namespace. Carries the ref as JSON.
    #[error("Entity reference {0} had missing or empty namespace")]
    MissingNamespace(String),
    /// It is an object without a name. Carries the ref as JSON.
    #[error("Entity reference {0} had missing or empty name")]
    MissingName(String),
}

impl From<RefError> for EntityError {
    fn from(error: RefError) -> Self {
        match error {
            RefError::Malformed(_) => EntityError::type_error(error.to_string()),
            _ => EntityError::general(error.to_string()),
        }
    }
}

/// Reads a ref of the form `[<kind>:][<namespace>/]<name>`.
///
/// The characters of the parts are not checked, so that names may contain further separators.
///
/// ```
/// use callboard_model::{RefDefaults, parse_ref};
///
/// let owner = parse_ref("team-a", &RefDefaults { kind: Some("Group"), namespace: None })?;
/// assert_eq!(owner.to_entity_ref().as_str(), "group:default/team-a");
/// # Ok::<(), callboard_model::RefError>(())
/// ```
///
/// # Errors
///
/// [`RefError`] when a part is empty, or the kind is neither given nor in `defaults`.
pub fn parse_ref(input: &str, defaults: &RefDefaults<'_>) -> Result<CompoundEntityRef, RefError> {
    if input.is_empty() {
        return Err(RefError::Empty);
    }
    let slash = input.find('/');
    // A colon behind the slash belongs to the name.
    let colon = input.find(':').filter(|&colon| slash.is_none_or(|slash| colon < slash));

    let name_start = slash.or(colon).map_or(0, |separator| separator + 1);
    let kind = colon.map(|colon| &input[..colon]);
    let namespace = slash.map(|slash| &input[colon.map_or(0, |colon| colon + 1)..slash]);
    let name = &input[name_start..];
    if kind == Some("") || namespace == Some("") || name.is_empty() {
        return Err(RefError::Malformed(input.to_owned()));
    }

    let kind = kind
        .or(defaults.kind)
        .filter(|kind| !kind.is_empty())
        .ok_or_else(|| RefError::MissingKind(canonical::json_string(input)))?;
    let namespace = namespace.unwrap_or(defaults.namespace_or_default());
    Ok(CompoundEntityRef { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() })
}
