//! The values that predicates compare with, and their text.

use callboard_model::js_number;
use serde_json::{Number, Value};

/// A string, number or boolean of a predicate or an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A string.
    Text(String),
    /// A number, kept as written so that a predicate can be printed again.
    Number(Number),
    /// A boolean.
    Bool(bool),
}

impl Scalar {
    /// Reads a JSON value, if it is a string, number or boolean.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::Bool(flag) => Some(Self::Bool(*flag)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Bool(flag) => Value::Bool(*flag),
        }
    }

    /// The value as text, the way JavaScript's `String(value)` prints it.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => js_number(number),
            Self::Bool(flag) => flag.to_string(),
        }
    }

    pub(crate) fn lower_text(&self) -> String {
        match self {
            Self::Text(text) => lower(text),
            Self::Number(_) | Self::Bool(_) => self.text(),
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Scalar {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// Lower-cases without regard to locale, as JavaScript's `toLowerCase` does.
pub(crate) fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// The lower-cased text, if that differs.
pub(crate) fn lowered(text: &str) -> Option<String> {
    let is_lower_already = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower_already { None } else { Some(lower(text)).filter(|lower| lower != text) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!("Aß"), "Aß")]
    #[case(json!(5), "5")]
    #[case(json!(-0.0), "0")]
    #[case(json!(1.0), "1")]
    #[case(json!(1.5), "1.5")]
    #[case(json!(1e21), "1e+21")]
    #[case(json!(1e20), "100000000000000000000")]
    #[case(json!(1e-7), "1e-7")]
    #[case(json!(9_007_199_254_740_993_i64), "9007199254740992")]
    #[case(json!(true), "true")]
    fn prints_like_javascript(#[case] value: Value, #[case] expected: &str) {
        assert_eq!(Scalar::of(&value).unwrap().text(), expected);
    }

    #[rstest]
    #[case("ABC", "abc")]
    #[case("İ", "i\u{307}")]
    #[case("ΟΔΟΣ", "οδος")]
    #[case("Straße", "straße")]
    fn lowers_like_javascript(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(lower(text), expected);
    }
}
