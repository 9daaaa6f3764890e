//! What a scalar means: the YAML 1.2 core schema, and the tags that override it.

use std::borrow::Cow;

use saphyr_parser::{ScalarStyle, Tag};
use serde_json::Value;

use crate::number;

/// A scalar with its type settled.
#[derive(Debug, PartialEq)]
pub(crate) enum Scalar<'input> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'input, str>),
}

impl Scalar<'_> {
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(float) => number::to_json(*float),
            Self::Text(text) => Value::from(text.as_ref()),
        }
    }

    pub(crate) fn into_json(self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.into_owned()),
            untexted => untexted.to_json(),
        }
    }
}

/// Settles the type of a scalar by its tag, or else by its style and looks.
///
/// The second answer is the tag if it was of no use: the scalar is then left as text.
pub(crate) fn resolve<'input>(
    text: Cow<'input, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> (Scalar<'input>, Option<String>) {
    match tag {
        Some(tag) => resolve_tagged(text, tag),
        None if style == ScalarStyle::Plain => (resolve_plain(text), None),
        None => (Scalar::Text(text), None),
    }
}

fn resolve_tagged<'input>(text: Cow<'input, str>, tag: &Tag) -> (Scalar<'input>, Option<String>) {
    let name = tag_name(tag);
    let resolved = match core_tag(&name) {
        _ if name == "!" => None,
        Some("str") => None,
        Some("null") => is_null(&text).then_some(Scalar::Null),
        Some("bool") => bool_value(&text).map(Scalar::Bool),
        Some("int") => int_value(&text).map(Scalar::Number),
        // Plain digits are no float here: the reference leaves `!!float 5` as text.
        Some("float") => float_value(&text).map(Scalar::Number),
        _ => return (Scalar::Text(text), Some(short_tag(&name))),
    };
    let is_text = name == "!" || core_tag(&name) == Some("str");
    match resolved {
        Some(scalar) => (scalar, None),
        None if is_text => (Scalar::Text(text), None),
        None => (Scalar::Text(text), Some(short_tag(&name))),
    }
}

/// The full name of a tag.
pub(crate) fn tag_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

/// The last part of a tag of the YAML schemas, such as `str`.
pub(crate) fn core_tag(name: &str) -> Option<&str> {
    name.strip_prefix("tag:yaml.org,2002:")
}

/// A tag as an author writes it.
pub(crate) fn short_tag(name: &str) -> String {
    core_tag(name).map_or_else(|| name.to_owned(), |suffix| format!("!!{suffix}"))
}

fn resolve_plain(text: Cow<'_, str>) -> Scalar<'_> {
    let typed = match text.as_bytes().first() {
        None => Some(Scalar::Null),
        Some(b'~' | b'n' | b'N') => is_null(&text).then_some(Scalar::Null),
        Some(b't' | b'T' | b'f' | b'F') => bool_value(&text).map(Scalar::Bool),
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
            int_value(&text).or_else(|| float_value(&text)).map(Scalar::Number)
        }
        Some(_) => None,
    };
    typed.unwrap_or(Scalar::Text(text))
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn bool_value(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Decimal with an optional sign and leading zeros, `0o` octal and `0x` hexadecimal without a sign.
fn int_value(text: &str) -> Option<f64> {
    if let Some(digits) = text.strip_prefix("0o") {
        let octal = !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        return octal.then(|| number::from_power_of_two(digits, 3));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        let hexadecimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return hexadecimal.then(|| number::from_power_of_two(digits, 4));
    }
    let digits = unsigned(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `.inf` and `.nan`, a decimal point, or an exponent.
fn float_value(text: &str) -> Option<f64> {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    let magnitude = unsigned(text);
    if matches!(magnitude, ".inf" | ".Inf" | ".INF") {
        return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    let (mantissa, exponent) = match magnitude.find(['e', 'E']) {
        Some(at) => (&magnitude[..at], Some(unsigned(&magnitude[at + 1..]))),
        None => (magnitude, None),
    };
    let exponent_is_digits =
        exponent.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_float = (fraction.is_some() || exponent.is_some())
        && !(whole.is_empty() && fraction.is_none_or(str::is_empty))
        && whole.bytes().chain(fraction.unwrap_or("").bytes()).all(|byte| byte.is_ascii_digit());
    if is_float && exponent_is_digits { text.parse().ok() } else { None }
}

/// The text without one leading sign.
fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}
