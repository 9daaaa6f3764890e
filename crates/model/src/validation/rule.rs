//! Rules about the shape of JSON values, as tables.
//!
//! A small part of JSON Schema: what the shapes of entities need. Rules are constants, so that checking needs no
//! set-up and no memory unless something is wrong.

use serde_json::{Map, Value};

use crate::SchemaViolation;

/// What one value must look like.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// A text, possibly empty.
    Text,
    /// A text of at least one character.
    NonEmptyText,
    /// A text of ASCII letters, digits and `_`, at least one of them.
    Word,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A text, or true or false.
    TextOrBoolean,
    /// A list of any length, whose items all follow the rule.
    ListOf(&'static Rule),
    /// An object.
    Object(ObjectRule),
    /// An object with any keys, whose values are texts.
    TextByKey,
    /// One of several shapes that exclude each other. What is wrong is reported by the first of them.
    Either(&'static [Rule]),
}

/// What the members of an object must look like.
#[derive(Clone, Copy, Debug)]
pub struct ObjectRule {
    /// Keys that must be there, in the order in which missing ones are reported.
    pub required: &'static [&'static str],
    /// What the values of these keys must look like if they are there, in the order in which they are checked.
    pub fields: &'static [(&'static str, Rule)],
    /// What is demanded of keys that are not among the fields.
    pub unlisted: Unlisted,
}

/// What is demanded of the keys of an object that its rule does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// They may be there, with any value.
    Allowed,
    /// They must not be there.
    Forbidden,
    /// They may be there with a text as their value.
    Text,
}

impl ObjectRule {
    /// Any object.
    pub const ANY: ObjectRule = ObjectRule { required: &[], fields: &[], unlisted: Unlisted::Allowed };

    /// Checks the members of an object.
    ///
    /// # Errors
    ///
    /// The first violation: missing keys come first, then unlisted ones, then the fields in their order.
    pub fn check(&self, object: &Map<String, Value>) -> Result<(), SchemaViolation> {
        for key in self.required {
            if !object.contains_key(*key) {
                return Err(SchemaViolation::new(
                    format!("must have required property '{key}'"),
                    format!("missingProperty: {key}"),
                ));
            }
        }
        if self.unlisted != Unlisted::Allowed {
            self.check_unlisted(object)?;
        }
        for (key, rule) in self.fields {
            if let Some(value) = object.get(*key) {
                rule.check(value).map_err(|violation| violation.within(key))?;
            }
        }
        Ok(())
    }

    fn check_unlisted(&self, object: &Map<String, Value>) -> Result<(), SchemaViolation> {
        let is_listed = |key: &str| self.fields.iter().any(|(listed, _)| *listed == key);
        for (key, value) in object.iter().filter(|(key, _)| !is_listed(key)) {
            if self.unlisted == Unlisted::Forbidden {
                return Err(SchemaViolation::new(
                    "must NOT have additional properties",
                    format!("additionalProperty: {key}"),
                ));
            }
            Rule::Text.check(value).map_err(|violation| violation.within(key))?;
        }
        Ok(())
    }
}

impl Rule {
    /// Any object.
    pub const ANY_OBJECT: Rule = Rule::Object(ObjectRule::ANY);
    /// A list of texts of at least one character each.
    pub const NON_EMPTY_TEXTS: Rule = Rule::ListOf(&Rule::NonEmptyText);

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// The first violation within the value.
    pub fn check(&self, value: &Value) -> Result<(), SchemaViolation> {
        match self {
            Rule::Text => check_text(value).map(drop),
            Rule::NonEmptyText => check_non_empty_text(value).map(drop),
            Rule::Word => check_word(value),
            Rule::Choice(allowed) => check_choice(value, allowed),
            Rule::TextOrBoolean if value.is_string() || value.is_boolean() => Ok(()),
            Rule::TextOrBoolean => Err(SchemaViolation::wrong_type("string,boolean")),
            Rule::ListOf(item_rule) => check_list(value, item_rule),
            Rule::Object(rule) => rule.check(expect_object(value)?),
            Rule::TextByKey => check_text_by_key(value),
            Rule::Either(alternatives) => check_either(value, alternatives),
        }
    }
}

fn check_text(value: &Value) -> Result<&str, SchemaViolation> {
    value.as_str().ok_or_else(|| SchemaViolation::wrong_type("string"))
}

fn check_non_empty_text(value: &Value) -> Result<&str, SchemaViolation> {
    let text = check_text(value)?;
    if text.is_empty() {
        return Err(SchemaViolation::new("must NOT have fewer than 1 characters", "limit: 1"));
    }
    Ok(text)
}

fn check_word(value: &Value) -> Result<(), SchemaViolation> {
    let text = check_non_empty_text(value)?;
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(SchemaViolation::new(r#"must match pattern "^\w+$""#, r"pattern: ^\w+$"));
    }
    Ok(())
}

fn check_choice(value: &Value, allowed: &[&str]) -> Result<(), SchemaViolation> {
    let text = check_text(value)?;
    if !allowed.contains(&text) {
        return Err(SchemaViolation::new(
            "must be equal to one of the allowed values",
            format!("allowedValues: {}", allowed.join(",")),
        ));
    }
    Ok(())
}

fn check_list(value: &Value, item_rule: &Rule) -> Result<(), SchemaViolation> {
    let items = value.as_array().ok_or_else(|| SchemaViolation::wrong_type("array"))?;
    for (index, item) in items.iter().enumerate() {
        item_rule.check(item).map_err(|violation| violation.within(index))?;
    }
    Ok(())
}

fn check_text_by_key(value: &Value) -> Result<(), SchemaViolation> {
    // Backstage matches keys with `^.+$`, which leaves out these; the format check rejects them.
    let is_exempt = |key: &str| key.is_empty() || key.contains(['\n', '\r', '\u{2028}', '\u{2029}']);
    for (key, member) in expect_object(value)? {
        if !member.is_string() && !is_exempt(key) {
            return Err(SchemaViolation::wrong_type("string").within(key));
        }
    }
    Ok(())
}

fn check_either(value: &Value, alternatives: &[Rule]) -> Result<(), SchemaViolation> {
    let mut first_violation = None;
    for alternative in alternatives {
        match alternative.check(value) {
            Ok(()) => return Ok(()),
            Err(violation) => first_violation = first_violation.or(Some(violation)),
        }
    }
    first_violation.map_or(Ok(()), Err)
}

fn expect_object(value: &Value) -> Result<&Map<String, Value>, SchemaViolation> {
    value.as_object().ok_or_else(|| SchemaViolation::wrong_type("object"))
}
