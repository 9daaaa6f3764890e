//! Places that entities are read from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{EntityError, canonical, javascript};

/// A place, written `type:target`, for example `url:https://example.com/catalog-info.yaml`.
///
/// The target is never a `javascript:` URL, because locations end up as links in people's browsers.
///
/// ```
/// use callboard_model::LocationRef;
///
/// let location: LocationRef = "url:https://example.com/a.yaml".parse()?;
/// assert_eq!(location.location_type(), "url");
/// assert_eq!(location.target(), "https://example.com/a.yaml");
/// # Ok::<(), callboard_model::LocationRefError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocationRef {
    location_type: String,
    target: String,
}

impl LocationRef {
    /// A location ref from its two parts, which are taken as they are.
    ///
    /// # Errors
    ///
    /// [`LocationRefError`] when a part is empty or the target is a `javascript:` URL.
    pub fn new(
        location_type: impl Into<String>,
        target: impl Into<String>,
    ) -> Result<Self, LocationRefError> {
        let location = Self { location_type: location_type.into(), target: target.into() };
        if location.location_type.is_empty() {
            return Err(LocationRefError::EmptyType);
        }
        if location.target.is_empty() {
            return Err(LocationRefError::EmptyTarget);
        }
        if is_script_url(&location.target) {
            return Err(LocationRefError::ScriptUrl(location.to_string()));
        }
        Ok(location)
    }

    /// Reads `type:target`. The first colon separates; white space around the parts is dropped.
    ///
    /// # Errors
    ///
    /// [`LocationRefError`] when a part is missing, the text is a plain http URL, or the target is a
    /// `javascript:` URL.
    pub fn parse(text: &str) -> Result<Self, LocationRefError> {
        let (location_type, target) =
            text.split_once(':').ok_or_else(|| LocationRefError::Malformed(text.to_owned()))?;
        let (location_type, target) = (javascript::trim(location_type), javascript::trim(target));
        if location_type.is_empty() || target.is_empty() {
            return Err(LocationRefError::Malformed(text.to_owned()));
        }
        if location_type == "http" || location_type == "https" {
            return Err(LocationRefError::PlainUrl(text.to_owned()));
        }
        if is_script_url(target) {
            return Err(LocationRefError::ScriptUrl(text.to_owned()));
        }
        Ok(Self { location_type: location_type.to_owned(), target: target.to_owned() })
    }

    /// How the target is read, for example `url` or `file`.
    pub fn location_type(&self) -> &str {
        &self.location_type
    }

    /// What is read: for type `url` a URL, for type `file` a path.
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl fmt::Display for LocationRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.location_type, self.target)
    }
}

impl FromStr for LocationRef {
    type Err = LocationRefError;

    fn from_str(text: &str) -> Result<Self, LocationRefError> {
        Self::parse(text)
    }
}

/// Why something is no location ref.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationRefError {
    /// It is not of the form `type:target`.
    #[error("Unable to parse location ref '{0}', expected '<type>:<target>', e.g. 'url:https://host/path'")]
    Malformed(String),
    /// It is a URL without a type in front.
    #[error("Invalid location ref '{0}', please prefix it with 'url:', e.g. 'url:{0}'")]
    PlainUrl(String),
    /// The target would run a script when followed.
    #[error("Invalid location ref '{0}', target is a javascript: URL")]
    ScriptUrl(String),
    /// The type given to [`LocationRef::new`] is empty.
    #[error("Unable to stringify location ref, empty type")]
    EmptyType,
    /// The target given to [`LocationRef::new`] is empty.
    #[error("Unable to stringify location ref, empty target")]
    EmptyTarget,
}

impl From<LocationRefError> for EntityError {
    fn from(error: LocationRefError) -> Self {
        EntityError::type_error(error.to_string())
    }
}

/// Whether a browser would run the text as a script when following it as a link.
///
/// Browsers skip control characters and spaces in front, and line breaks and tabs within the scheme.
///
/// ```
/// use callboard_model::is_script_url;
///
/// assert!(is_script_url(" java\nscript:alert(1)"));
/// assert!(!is_script_url("https://example.com/javascript:"));
/// ```
pub fn is_script_url(text: &str) -> bool {
    let mut rest = text.bytes().skip_while(|byte| *byte <= b' ').peekable();
    for expected in *b"javascript" {
        if rest.next().is_none_or(|byte| byte.to_ascii_lowercase() != expected) {
            return false;
        }
        while rest.next_if(|byte| matches!(byte, b'\r' | b'\n' | b'\t')).is_some() {}
    }
    rest.next() == Some(b':')
}

/// The name of the Location entity that stands for a place nobody wrote an entity for.
///
/// `generated-` and the hexadecimal SHA-1 of `type:target`.
pub fn generated_location_name(location_type: &str, target: &str) -> String {
    format!("generated-{}", canonical::sha1_hex(format!("{location_type}:{target}").as_bytes()))
}

/// Whether it is an error when nothing is found at a location.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocationPresence {
    /// Finding nothing is an error.
    #[default]
    Required,
    /// Finding nothing is fine.
    Optional,
}

impl LocationPresence {
    /// The value as it stands in `spec.presence`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
        }
    }
}

/// A place to read, and whether something must be there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LocationSpec {
    /// How the target is read, for example `url` or `file`.
    #[serde(rename = "type")]
    pub location_type: String,
    /// What is read.
    pub target: String,
    /// Whether finding nothing is an error.
    #[serde(default)]
    pub presence: LocationPresence,
}
