//! The members of a JSON object in a request, read one by one with their types checked.

use serde_json::{Map, Value};

use super::number::whole_number;
use crate::error::ApiError;

/// A JSON object of a request, and its place there for messages. Members nobody asks for are ignored.
///
/// Nothing is coerced: `"5"` is no number. `null` is nowhere a valid value, and not the same as an absent member.
#[derive(Debug, Clone)]
pub(crate) struct Members<'a> {
    path: String,
    members: Option<&'a Map<String, Value>>,
}

impl<'a> Members<'a> {
    /// The members of a value, which has to be an object.
    pub(crate) fn of(value: &'a Value, path: &str) -> Result<Self, ApiError> {
        let members = value.as_object().ok_or_else(|| mistyped(path, "must be object"))?;
        Ok(Self { path: path.to_owned(), members: Some(members) })
    }

    /// An object without members.
    pub(crate) fn none(path: &str) -> Self {
        Self { path: path.to_owned(), members: None }
    }

    /// Any member, unchecked.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members?.get(name)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        let read = |value: &'a Value| value.as_str().ok_or_else(|| self.mistyped(name, "must be string"));
        self.value(name).map(read).transpose()
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, ApiError> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        let read = |(position, item): (usize, &'a Value)| {
            item.as_str().ok_or_else(|| self.mistyped(&format!("{name}/{position}"), "must be string"))
        };
        items.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// An object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Members<'a>>, ApiError> {
        self.value(name).map(|value| Members::of(value, &format!("{}/{name}", self.path))).transpose()
    }

    /// A list of objects.
    pub(crate) fn objects(&self, name: &str) -> Result<Option<Vec<Members<'a>>>, ApiError> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        let read = |(position, item)| Members::of(item, &format!("{}/{name}/{position}", self.path));
        items.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        let read = |value: &'a Value| value.as_f64().ok_or_else(|| self.mistyped(name, "must be number"));
        self.value(name).map(read).transpose()
    }

    /// A whole number of at least 0; what is too large is the maximum.
    pub(crate) fn natural(&self, name: &str) -> Result<Option<usize>, ApiError> {
        match self.number(name)? {
            None => Ok(None),
            Some(number) if number < 0.0 => Err(self.mistyped(name, "must be >= 0")),
            Some(number) => match whole_number(number) {
                Some(number) => Ok(Some(number)),
                None => Err(self.mistyped(name, "must be integer")),
            },
        }
    }

    /// One of some words.
    pub(crate) fn one_of(&self, name: &str, words: &[&str]) -> Result<Option<&'a str>, ApiError> {
        let text = self.text(name)?;
        if text.is_some_and(|text| !words.contains(&text)) {
            let problem = format!("must be equal to one of the allowed values: {}", words.join(", "));
            return Err(self.mistyped(name, &problem));
        }
        Ok(text)
    }

    /// Turns an absent member into an error.
    pub(crate) fn require<T>(&self, name: &str, member: Option<T>) -> Result<T, ApiError> {
        member.ok_or_else(|| mistyped(&self.path, &format!("must have required property '{name}'")))
    }

    /// Refuses members other than these.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        let mut given = self.members.into_iter().flat_map(Map::keys);
        if given.any(|name| !names.contains(&name.as_str())) {
            return Err(mistyped(&self.path, "must NOT have additional properties"));
        }
        Ok(())
    }

    fn list(&self, name: &str) -> Result<Option<&'a Vec<Value>>, ApiError> {
        let read = |value: &'a Value| value.as_array().ok_or_else(|| self.mistyped(name, "must be array"));
        self.value(name).map(read).transpose()
    }

    fn mistyped(&self, name: &str, problem: &str) -> ApiError {
        mistyped(&format!("{}/{name}", self.path), problem)
    }
}

fn mistyped(path: &str, problem: &str) -> ApiError {
    ApiError::Input(format!("{path} {problem}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_types_are_named_with_their_place() {
        let body = json!({ "limit": "5", "refs": ["a", 1], "orderBy": [{ "field": "a" }, 5], "order": "up", "minus": -1 });
        let members = Members::of(&body, "request/body").unwrap();
        let message = |error: ApiError| error.to_string();
        let cases = [
            (members.natural("limit").map_err(message).unwrap_err(), "request/body/limit must be number"),
            (members.natural("minus").map_err(message).unwrap_err(), "request/body/minus must be >= 0"),
            (members.texts("limit").map_err(message).unwrap_err(), "request/body/limit must be array"),
            (members.texts("refs").map_err(message).unwrap_err(), "request/body/refs/1 must be string"),
            (
                members.objects("orderBy").map_err(message).unwrap_err(),
                "request/body/orderBy/1 must be object",
            ),
            (members.text("refs").map_err(message).unwrap_err(), "request/body/refs must be string"),
            (
                members.one_of("order", &["asc", "desc"]).map_err(message).unwrap_err(),
                "request/body/order must be equal to one of the allowed values: asc, desc",
            ),
            (
                members.require("nope", members.text("nope").unwrap()).map_err(message).unwrap_err(),
                "request/body must have required property 'nope'",
            ),
            (
                members.only(&["limit"]).map_err(message).unwrap_err(),
                "request/body must NOT have additional properties",
            ),
            (
                Members::of(&json!([]), "request/body").map_err(message).unwrap_err(),
                "request/body must be object",
            ),
        ];
        for (actual, expected) in cases {
            assert_eq!(actual, expected);
        }
    }

    #[test]
    fn absent_members_are_fine() {
        let members = Members::none("request/body");
        assert_eq!(members.text("a").unwrap(), None);
        assert_eq!(members.natural("a").unwrap(), None);
        members.only(&[]).unwrap();
    }

    #[test]
    fn whole_numbers() {
        let body = json!({ "limit": 2.0, "offset": 1e30, "part": 1.5 });
        let members = Members::of(&body, "request/body").unwrap();
        assert_eq!(members.natural("limit").unwrap(), Some(2));
        assert_eq!(members.natural("offset").unwrap(), Some(usize::MAX));
        let part = members.natural("part").unwrap_err();
        assert_eq!(part.to_string(), "request/body/part must be integer");
    }
}
