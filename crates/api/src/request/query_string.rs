//! Query strings, checked against the parameters that a route declares.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, RawQuery};
use axum::http::request::Parts;
use url::form_urlencoded;

use super::number::{WholeNumber, parse_whole_number};
use super::parameter::{Parameter, Shape};
use crate::error::ApiError;

/// The parameters of a request that passed the check.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    texts: HashMap<&'static str, Vec<String>>,
    naturals: HashMap<&'static str, usize>,
}

impl Parameters {
    /// Reads a query string. Parameters that the route does not declare are refused.
    pub(crate) fn parse(query: Option<&str>, declared: &[Parameter]) -> Result<Self, ApiError> {
        let given = split(query.unwrap_or_default());
        let declaration = |name: &str| declared.iter().find(|parameter| parameter.name == name);
        for (name, value) in &given {
            if declaration(name).is_none() {
                return Err(ApiError::Input(format!("Unknown query parameter '{name}'")));
            }
            if value.is_empty_text() {
                return Err(ApiError::Input(format!("Empty value found for query parameter '{name}'")));
            }
        }
        let mut parameters = Self::default();
        for (name, value) in given {
            if let Some(parameter) = declaration(&name) {
                parameters.take(*parameter, value)?;
            }
        }
        let missing = declared.iter().find(|parameter| parameter.required && !parameters.has(parameter.name));
        match missing {
            Some(Parameter { name, .. }) => {
                Err(ApiError::Input(format!("request/query must have required property '{name}'")))
            }
            None => Ok(parameters),
        }
    }

    /// The value of a text parameter or of one with a choice of words.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    /// The values of a repeatable or comma separated parameter; none at all if it was not given.
    pub(crate) fn texts(&self, name: &str) -> &[String] {
        self.texts.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a number parameter.
    pub(crate) fn natural(&self, name: &str) -> Option<usize> {
        self.naturals.get(name).copied()
    }

    /// Whether the parameter was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.texts.contains_key(name) || self.naturals.contains_key(name)
    }

    fn take(&mut self, Parameter { name, shape, .. }: Parameter, value: Given) -> Result<(), ApiError> {
        match shape {
            Shape::Text => {
                let text = value.only().ok_or_else(|| mistyped(name, "must be string"))?;
                self.texts.insert(name, vec![text]);
            }
            Shape::OneOf(words) => {
                let text = value.only().ok_or_else(|| mistyped(name, "must be string"))?;
                if !words.contains(&text.as_str()) {
                    let problem = format!("must be equal to one of the allowed values: {}", words.join(", "));
                    return Err(mistyped(name, &problem));
                }
                self.texts.insert(name, vec![text]);
            }
            Shape::Texts => {
                self.texts.insert(name, value.list(name)?);
            }
            Shape::CommaList => {
                let lists = value.list(name)?;
                let items = lists.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
                self.texts.insert(name, items);
            }
            Shape::Natural => {
                let text = value.only().ok_or_else(|| mistyped(name, "must be integer"))?;
                match parse_whole_number(&text) {
                    Some(WholeNumber::Natural(number)) => self.naturals.insert(name, number),
                    Some(WholeNumber::Negative) => return Err(mistyped(name, "must be >= 0")),
                    None => return Err(mistyped(name, "must be integer")),
                };
            }
        }
        Ok(())
    }
}

fn mistyped(name: &str, problem: &str) -> ApiError {
    ApiError::Input(format!("request/query/{name} {problem}"))
}

/// All that a query string gives for one name.
#[derive(Debug)]
enum Given {
    /// `name=value`.
    Text(String),
    /// The name repeated, or `name[]=value`, or `name[0]=value`.
    List(Vec<String>),
    /// `name[key]=value`.
    Object,
}

impl Given {
    fn is_empty_text(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    /// The one value there is. A list of one is as good as its item.
    fn only(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(mut list) if list.len() == 1 => list.pop(),
            Self::List(_) | Self::Object => None,
        }
    }

    fn list(self, name: &str) -> Result<Vec<String>, ApiError> {
        match self {
            Self::Text(text) => Ok(vec![text]),
            Self::List(list) => Ok(list),
            Self::Object => Err(mistyped(&format!("{name}/0"), "must be string")),
        }
    }

    fn add(&mut self, other: Given) {
        let mut items = match std::mem::replace(self, Self::Object) {
            Self::Text(text) => vec![text],
            Self::List(list) => list,
            Self::Object => return,
        };
        match other {
            Self::Text(text) => items.push(text),
            Self::List(list) => items.extend(list),
            Self::Object => return,
        }
        *self = Self::List(items);
    }
}

/// Groups a query string by name, in order of first appearance.
fn split(query: &str) -> Vec<(String, Given)> {
    let mut grouped: Vec<(String, Given)> = Vec::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let (name, value) = match key.split_once('[') {
            None => (key.as_ref(), Given::Text(value.into_owned())),
            Some((name, index)) if is_list_index(index) => (name, Given::List(vec![value.into_owned()])),
            Some((name, _)) => (name, Given::Object),
        };
        match grouped.iter_mut().find(|(known, _)| known == name) {
            Some((_, given)) => given.add(value),
            None => grouped.push((name.to_owned(), value)),
        }
    }
    grouped
}

/// Whether what follows `name[` is `]` or `0]`.
fn is_list_index(rest: &str) -> bool {
    rest.strip_suffix(']').is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

/// For routes that take no query parameters: any is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoParameters;

impl<S: Send + Sync> FromRequestParts<S> for NoParameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query: Result<RawQuery, Infallible> = RawQuery::from_request_parts(parts, state).await;
        let Ok(RawQuery(query)) = query;
        Parameters::parse(query.as_deref(), &[])?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &[Parameter] = &[
        Parameter::natural("limit"),
        Parameter::texts("filter"),
        Parameter::comma_list("fields"),
        Parameter::text("cursor"),
        Parameter::one_of("totalItems", &["include", "exclude"]),
    ];

    fn parse(query: &str) -> Result<Parameters, String> {
        Parameters::parse(Some(query), DECLARED).map_err(|error| error.to_string())
    }

    #[test]
    fn refused() {
        let cases = [
            ("bogus=1", "Unknown query parameter 'bogus'"),
            ("limit=1&bogus", "Unknown query parameter 'bogus'"),
            ("limit=", "Empty value found for query parameter 'limit'"),
            ("filter=", "Empty value found for query parameter 'filter'"),
            ("limit=abc", "request/query/limit must be integer"),
            ("limit=1&limit=2", "request/query/limit must be integer"),
            ("limit=-1", "request/query/limit must be >= 0"),
            ("filter[a]=x", "request/query/filter/0 must be string"),
            ("cursor=a&cursor=b", "request/query/cursor must be string"),
            (
                "totalItems=x",
                "request/query/totalItems must be equal to one of the allowed values: include, exclude",
            ),
        ];
        for (query, expected) in cases {
            assert_eq!(parse(query).unwrap_err(), expected, "{query}");
        }
        let required = Parameters::parse(None, &[Parameter::texts("facet").required()]).unwrap_err();
        assert_eq!(required.to_string(), "request/query must have required property 'facet'");
    }

    #[test]
    fn lists() {
        let cases: [(&str, &[&str]); 7] = [
            ("filter=a", &["a"]),
            ("filter=a&filter=b", &["a", "b"]),
            ("filter[]=a=b", &["a=b"]),
            ("filter%5B%5D=a", &["a"]),
            ("filter[0]=a&filter[1]=b", &["a", "b"]),
            ("filter=&filter=b", &["", "b"]),
            ("filter=a+b%2Cc:/?@", &["a b,c:/?@"]),
        ];
        for (query, expected) in cases {
            assert_eq!(parse(query).unwrap().texts("filter"), expected, "{query}");
        }
        assert_eq!(parse("fields=a,b&fields=c").unwrap().texts("fields"), ["a", "b", "c"]);
        let many = (0..40).map(|number| format!("filter=a{number}")).collect::<Vec<_>>().join("&");
        assert_eq!(parse(&many).unwrap().texts("filter").len(), 40);
    }

    #[test]
    fn single_values() {
        let parameters = parse("limit=1e1&cursor=a%3D&totalItems=exclude").unwrap();
        assert_eq!(parameters.natural("limit"), Some(10));
        assert_eq!(parameters.text("cursor"), Some("a="));
        assert_eq!(parameters.text("totalItems"), Some("exclude"));
        assert!(!parameters.has("filter"));
    }
}
