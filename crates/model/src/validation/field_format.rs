//! The format of names, labels, annotations, tags and links.
//!
//! All formats are plain ASCII patterns, written out by hand because this runs for every entity in every round.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use crate::{Entity, EntityError, canonical, javascript};

const OBJECT_NAME: &str =
    "a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total";
const PREFIX_AND_OR_SUFFIX: &str = "a valid prefix and/or suffix";
const DNS_LABEL: &str =
    "a string that is sequences of [a-z0-9] separated by [-], at most 63 characters in total";
const TAG: &str = "a string that is sequences of [a-z0-9+#] separated by [-], at most 63 characters in total";
const KIND: &str = "a string that is a sequence of [a-zA-Z][a-z0-9A-Z], at most 63 characters in total";
const URL: &str = "a string that is a valid url";
const NON_EMPTY: &str = "a non empty string";

const HELP: &str = "To learn more about catalog file format, visit: https://github.com/backstage/backstage/blob/master/docs/architecture-decisions/adr002-default-catalog-file-format.md";

/// A test for one format, and the words for what it expects.
#[derive(Clone)]
pub struct FormatValidator {
    is_valid: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    expectation: Option<Arc<str>>,
}

impl FormatValidator {
    /// A validator of one's own.
    pub fn new(is_valid: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { is_valid: Arc::new(is_valid), expectation: None }
    }

    /// Completes the sentence "expected …" in the message that an author gets.
    #[must_use]
    pub fn expecting(mut self, expectation: &str) -> Self {
        self.expectation = Some(expectation.into());
        self
    }

    /// Whether the text has the format.
    pub fn is_valid(&self, text: &str) -> bool {
        (self.is_valid)(text)
    }
}

impl fmt::Debug for FormatValidator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FormatValidator")
            .field("expectation", &self.expectation)
            .finish_non_exhaustive()
    }
}

/// The nine formats that an installation can replace one by one.
///
/// ```
/// use callboard_model::{FieldFormatValidators, FormatValidator};
///
/// let validators = FieldFormatValidators {
///     tag: FormatValidator::new(|tag| tag.len() <= 20).expecting("at most 20 characters"),
///     ..FieldFormatValidators::default()
/// };
/// assert!(validators.tag.is_valid("Any Tag"));
/// ```
#[derive(Clone, Debug)]
pub struct FieldFormatValidators {
    /// `apiVersion`.
    pub api_version: FormatValidator,
    /// `kind`.
    pub kind: FormatValidator,
    /// `metadata.name`.
    pub entity_name: FormatValidator,
    /// `metadata.namespace`.
    pub namespace: FormatValidator,
    /// The keys of `metadata.labels`.
    pub label_key: FormatValidator,
    /// The values of `metadata.labels`.
    pub label_value: FormatValidator,
    /// The keys of `metadata.annotations`.
    pub annotation_key: FormatValidator,
    /// The values of `metadata.annotations`.
    pub annotation_value: FormatValidator,
    /// The items of `metadata.tags`.
    pub tag: FormatValidator,
}

impl Default for FieldFormatValidators {
    fn default() -> Self {
        Self {
            api_version: FormatValidator::new(is_valid_api_version).expecting(PREFIX_AND_OR_SUFFIX),
            kind: FormatValidator::new(is_valid_kind).expecting(KIND),
            entity_name: FormatValidator::new(is_valid_object_name).expecting(OBJECT_NAME),
            namespace: FormatValidator::new(is_valid_dns_label).expecting(DNS_LABEL),
            label_key: FormatValidator::new(is_valid_qualified_key).expecting(PREFIX_AND_OR_SUFFIX),
            label_value: FormatValidator::new(is_valid_label_value).expecting(OBJECT_NAME),
            annotation_key: FormatValidator::new(is_valid_qualified_key).expecting(PREFIX_AND_OR_SUFFIX),
            annotation_value: FormatValidator::new(|_| true).expecting("a string"),
            tag: FormatValidator::new(is_valid_tag).expecting(TAG),
        }
    }
}

impl FieldFormatValidators {
    pub(super) fn check(&self, entity: &Entity) -> Result<(), EntityError> {
        check_text("apiVersion", entity.api_version(), &self.api_version)?;
        check_text("kind", entity.kind(), &self.kind)?;
        check_text("metadata.name", entity.name(), &self.entity_name)?;
        if let Some(namespace) = entity.namespace() {
            check_text("metadata.namespace", namespace, &self.namespace)?;
        }
        let metadata = entity.metadata();
        check_members("labels", metadata, &self.label_key, &self.label_value)?;
        check_members("annotations", metadata, &self.annotation_key, &self.annotation_value)?;
        for (index, tag) in items(metadata, "tags").iter().enumerate() {
            check_value(
                || format!("tags.{index}"),
                Some(tag),
                |text| self.tag.is_valid(text),
                self.tag.expectation.as_deref(),
            )?;
        }
        items(metadata, "links").iter().enumerate().try_for_each(|(index, link)| check_link(index, link))
    }
}

fn check_members(
    field: &str,
    metadata: &Map<String, Value>,
    key_validator: &FormatValidator,
    value_validator: &FormatValidator,
) -> Result<(), EntityError> {
    let Some(members) = metadata.get(field).and_then(Value::as_object) else { return Ok(()) };
    for (key, value) in members {
        let name = || format!("{field}.{key}");
        if !key_validator.is_valid(key) {
            return Err(not_valid(&name(), key, key_validator.expectation.as_deref()));
        }
        check_value(
            name,
            Some(value),
            |text| value_validator.is_valid(text),
            value_validator.expectation.as_deref(),
        )?;
    }
    Ok(())
}

fn check_link(index: usize, link: &Value) -> Result<(), EntityError> {
    check_value(|| format!("links.{index}.url"), link.get("url"), is_valid_url, Some(URL))?;
    for field in ["title", "icon"] {
        if let Some(value) = link.get(field) {
            check_value(|| format!("links.{index}.{field}"), Some(value), is_not_blank, Some(NON_EMPTY))?;
        }
    }
    Ok(())
}

fn check_text(field: &str, text: &str, validator: &FormatValidator) -> Result<(), EntityError> {
    if validator.is_valid(text) {
        return Ok(());
    }
    Err(not_valid(field, text, validator.expectation.as_deref()))
}

fn check_value(
    field: impl Fn() -> String,
    value: Option<&Value>,
    is_valid: impl Fn(&str) -> bool,
    expectation: Option<&str>,
) -> Result<(), EntityError> {
    match value {
        None | Some(Value::Null) => Err(EntityError::general(format!("{} must have a value", field()))),
        Some(Value::String(text)) if is_valid(text) => Ok(()),
        Some(Value::String(text)) => Err(not_valid(&field(), text, expectation)),
        Some(other) => {
            let found = String::from_utf8(canonical::to_json_bytes(other)).unwrap_or_default();
            Err(not_valid(&field(), &found, expectation))
        }
    }
}

fn not_valid(field: &str, found: &str, expectation: Option<&str>) -> EntityError {
    let expected = expectation
        .map(|expectation| format!(" expected {expectation} but found \"{found}\"."))
        .unwrap_or_default();
    EntityError::general(format!("\"{field}\" is not valid;{expected} {HELP}"))
}

fn items<'a>(metadata: &'a Map<String, Value>, field: &str) -> &'a [Value] {
    metadata.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `[<dns-subdomain>/]<letters and digits>`.
fn is_valid_api_version(text: &str) -> bool {
    is_valid_prefixed(text, |version| {
        (1..=63).contains(&version.len()) && version.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Letters and digits, a letter first.
fn is_valid_kind(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Letters and digits, with `-`, `_` and `.` allowed between them.
fn is_valid_object_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Lower-case letters and digits, with any number of `-` allowed between them.
fn is_valid_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| is_lower_case_or_digit(byte) || byte == b'-')
}

/// DNS labels separated by dots.
fn is_valid_dns_subdomain(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.split('.').all(is_valid_dns_label)
}

/// `[<dns-subdomain>/]<object-name>`.
fn is_valid_qualified_key(text: &str) -> bool {
    is_valid_prefixed(text, is_valid_object_name)
}

fn is_valid_prefixed(text: &str, is_valid_suffix: impl Fn(&str) -> bool) -> bool {
    match text.split_once('/') {
        None => is_valid_suffix(text),
        Some((prefix, suffix)) => is_valid_dns_subdomain(prefix) && is_valid_suffix(suffix),
    }
}

fn is_valid_label_value(text: &str) -> bool {
    text.is_empty() || is_valid_object_name(text)
}

/// Lower-case letters, digits, `:`, `+` and `#`, with single `-` allowed between them.
fn is_valid_tag(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.split('-').all(|part| {
            !part.is_empty()
                && part.bytes().all(|byte| is_lower_case_or_digit(byte) || matches!(byte, b':' | b'+' | b'#'))
        })
}

fn is_lower_case_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_valid_url(text: &str) -> bool {
    Url::parse(text).is_ok()
}

fn is_not_blank(text: &str) -> bool {
    !javascript::trim(text).is_empty()
}
