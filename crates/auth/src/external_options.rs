//! Reading `backend.auth.externalAccess`.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::{Map, Value};

use crate::error::SettingsError;
use crate::principal::{AccessRestriction, PermissionAction};

/// Restrictions by plugin; none if there are none.
pub(crate) type Restrictions = Option<BTreeMap<String, AccessRestriction>>;

/// A part of the settings, and where it is.
pub(crate) struct Options<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Options<'a> {
    pub(crate) fn of(value: &'a Value, path: String) -> Result<Self, SettingsError> {
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            _ => Err(SettingsError { path, message: "expected an object".to_owned() }),
        }
    }

    pub(crate) fn section(&self, key: &str) -> Result<Options<'a>, SettingsError> {
        match self.members.get(key) {
            Some(value) => Options::of(value, self.path_of(key)),
            None => Err(self.wrong(key, "expected an object, and it is not there")),
        }
    }

    pub(crate) fn required_text(&self, key: &str) -> Result<&'a str, SettingsError> {
        self.text(key)?.ok_or_else(|| self.wrong(key, "expected a text, and it is not there"))
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, SettingsError> {
        match self.members.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "expected a text that is not empty")),
        }
    }

    /// A text of one word.
    pub(crate) fn word(&self, key: &str) -> Result<&'a str, SettingsError> {
        let text = self.required_text(key)?;
        if text.contains(char::is_whitespace) {
            return Err(self.wrong(key, "expected a text without white space"));
        }
        Ok(text)
    }

    /// Words in a text or in a list of texts, separated by white space or commas; none if there is not one.
    pub(crate) fn words(&self, key: &str) -> Result<Option<Vec<String>>, SettingsError> {
        let texts: Vec<&str> = match self.members.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                texts.ok_or_else(|| self.wrong(key, "expected a list of texts"))?
            }
            Some(_) => return Err(self.wrong(key, "expected a text or a list of texts")),
        };
        let separates = |character: char| character == ',' || character.is_whitespace();
        let words = texts.iter().flat_map(|text| text.split(separates)).filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(str::to_owned).collect();
        // An empty list must not end up as no restriction.
        if words.is_empty() { Err(self.wrong(key, "expected at least one word")) } else { Ok(Some(words)) }
    }

    pub(crate) fn wrong(&self, key: &str, message: impl Display) -> SettingsError {
        SettingsError { path: self.path_of(key), message: message.to_string() }
    }

    fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// `accessRestrictions`.
    pub(crate) fn restrictions(&self) -> Result<Restrictions, SettingsError> {
        const KEY: &str = "accessRestrictions";
        let items = match self.members.get(KEY) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.wrong(KEY, "expected a list")),
        };
        let mut restrictions = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let item = Options::of(item, format!("{}[{index}]", self.path_of(KEY)))?;
            let plugin = item.word("plugin")?;
            if restrictions.insert(plugin.to_owned(), item.restriction()?).is_some() {
                return Err(
                    item.wrong("plugin", format!("{plugin} is restricted twice; put both in one entry"))
                );
            }
        }
        Ok((!restrictions.is_empty()).then_some(restrictions))
    }

    fn restriction(&self) -> Result<AccessRestriction, SettingsError> {
        let permissions = self.words("permission")?;
        let actions = match self.members.get("permissionAttribute") {
            None | Some(Value::Null) => None,
            Some(_) => self.section("permissionAttribute")?.actions()?,
        };
        Ok(AccessRestriction { permissions, actions })
    }

    fn actions(&self) -> Result<Option<Vec<PermissionAction>>, SettingsError> {
        // An attribute that is passed over would let more in than was meant.
        if let Some(unknown) = self.members.keys().find(|key| *key != "action") {
            return Err(self.wrong(unknown, "the only attribute is action"));
        }
        let Some(words) = self.words("action")? else { return Ok(None) };
        let action = |word: &String| {
            PermissionAction::parse(word).ok_or_else(|| {
                self.wrong("action", format!("expected create, read, update or delete, not {word:?}"))
            })
        };
        words.iter().map(action).collect::<Result<_, _>>().map(Some)
    }
}
