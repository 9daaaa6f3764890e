//! The predicate language asked of registered locations.
//!
//! One grammar with the entity predicates, other rules: four known keys, upper-cased comparison, an empty `$all` that
//! holds for nothing, and a `$contains` that never holds.

use serde_json::Value;

use crate::predicate::{Condition, Dialect, Predicate, PredicateError, parse};
use crate::scalar::Scalar;

/// What a location predicate looks at.
#[derive(Debug, Clone, Copy)]
pub struct LocationFields<'a> {
    /// The id of the registration.
    pub id: &'a str,
    /// The location type, such as `url`.
    pub location_type: &'a str,
    /// The target, such as a URL.
    pub target: &'a str,
    /// The ref of the Location entity, if it has one.
    pub entity_ref: Option<&'a str>,
}

/// A condition on registered locations.
///
/// # Examples
///
/// ```
/// use callboard_index::{LocationFields, LocationPredicate};
/// use serde_json::json;
///
/// let predicate = LocationPredicate::parse(&json!({ "target": { "$hasPrefix": "https://EXAMPLE.com/" } }))?;
/// let location =
///     LocationFields { id: "1", location_type: "url", target: "https://example.com/a.yaml", entity_ref: None };
/// assert!(predicate.matches(&location));
/// # Ok::<(), callboard_index::PredicateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationPredicate {
    source: Predicate,
    test: Test,
}

impl LocationPredicate {
    /// Parses the predicate JSON of a request.
    ///
    /// # Errors
    ///
    /// [`PredicateError`], with the message for the client, also for keys that locations do not have.
    pub fn parse(query: &Value) -> Result<Self, PredicateError> {
        let source = parse(query, Dialect::Locations)?;
        let test = test(&source)?;
        Ok(Self { source, test })
    }

    /// Prints the predicate as JSON that [`LocationPredicate::parse`] reads again.
    pub fn to_json(&self) -> Value {
        self.source.to_json()
    }

    /// Whether the location fulfils the predicate.
    pub fn matches(&self, location: &LocationFields<'_>) -> bool {
        self.test.holds(location)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Exists(Field),
    /// Equal to one of these, upper-cased.
    In(Field, Vec<String>),
    /// Equal to one of these, letter case and all.
    InExactly(Field, Vec<String>),
    /// Begins with this, upper-cased.
    Prefix(Field, String),
}

impl Test {
    fn holds(&self, location: &LocationFields<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(location)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(location)),
            Self::Not(part) => !part.holds(location),
            Self::Exists(field) => field.of(location).is_some(),
            Self::In(field, values) => {
                field.of(location).is_some_and(|text| values.contains(&text.to_uppercase()))
            }
            Self::InExactly(field, values) => {
                field.of(location).is_some_and(|text| values.iter().any(|value| value == text))
            }
            Self::Prefix(field, prefix) => {
                field.of(location).is_some_and(|text| text.to_uppercase().starts_with(prefix))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    LocationType,
    Target,
    EntityRef,
}

impl Field {
    fn named(name: &str) -> Result<Self, PredicateError> {
        match name.to_lowercase().as_str() {
            "id" => Ok(Self::Id),
            "type" => Ok(Self::LocationType),
            "target" => Ok(Self::Target),
            "entityref" => Ok(Self::EntityRef),
            _ => Err(PredicateError::Unsupported(format!(
                "Invalid filter predicate, expected key to be 'id', 'type', 'target', or 'entityRef', got '{name}'"
            ))),
        }
    }

    fn of<'a>(self, location: &LocationFields<'a>) -> Option<&'a str> {
        match self {
            Self::Id => Some(location.id),
            Self::LocationType => Some(location.location_type),
            Self::Target => Some(location.target),
            Self::EntityRef => location.entity_ref,
        }
    }
}

fn test(predicate: &Predicate) -> Result<Test, PredicateError> {
    let list = |parts: &[Predicate]| parts.iter().map(test).collect::<Result<Vec<Test>, _>>();
    match predicate {
        // Unlike for entities, an empty list of demands is met by no location.
        Predicate::All(parts) if parts.is_empty() => Ok(Test::Any(Vec::new())),
        Predicate::All(parts) => Ok(Test::All(list(parts)?)),
        Predicate::Any(parts) => Ok(Test::Any(list(parts)?)),
        Predicate::Not(part) => Ok(Test::Not(Box::new(test(part)?))),
        Predicate::Fields(fields) => {
            let tests: Result<Vec<Test>, _> = fields
                .iter()
                .map(|(name, condition)| Ok(field_test(Field::named(name)?, condition)))
                .collect();
            Ok(Test::All(tests?))
        }
    }
}

fn field_test(field: Field, condition: &Condition) -> Test {
    match condition {
        Condition::Equals(value) => Test::In(field, vec![upper(value)]),
        Condition::Exists(true) => Test::Exists(field),
        Condition::Exists(false) => Test::Not(Box::new(Test::Exists(field))),
        Condition::In(values) if field == Field::Id => {
            Test::InExactly(field, values.iter().map(Scalar::text).collect())
        }
        Condition::In(values) => Test::In(field, values.iter().map(upper).collect()),
        Condition::HasPrefix(prefix) => Test::Prefix(field, prefix.to_uppercase()),
        Condition::Contains(_) => Test::Any(Vec::new()),
    }
}

fn upper(value: &Scalar) -> String {
    value.text().to_uppercase()
}
