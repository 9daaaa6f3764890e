//! The predicate language: which entities a query means.
//!
//! [`Predicate`] keeps what the request wrote, since cursors have to repeat it; [`Matcher`] is the same made ready for
//! comparing with terms.

mod error;
mod legacy_tree;
mod matcher;
mod parse;
mod string_filter;

use serde_json::{Map, Value, json};

pub use self::error::PredicateError;
pub(crate) use self::legacy_tree::parse_legacy_tree;
pub use self::matcher::Matcher;
pub(crate) use self::matcher::Test;
pub(crate) use self::parse::{Dialect, parse};
pub use self::string_filter::{FilterError, parse_filters};
use crate::scalar::Scalar;
use crate::term::Terms;

/// How deeply predicates may be nested. Far beyond any use, and far below what would exhaust a stack.
pub const PREDICATE_DEPTH_LIMIT: usize = 100;

/// A condition on entities.
///
/// # Examples
///
/// ```
/// use callboard_index::Predicate;
/// use serde_json::json;
///
/// let query = json!({ "kind": "component", "spec.type": { "$in": ["service", "website"] } });
/// let predicate = Predicate::parse(&query)?;
/// assert_eq!(predicate.to_json(), query);
/// # Ok::<(), callboard_index::PredicateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// All of them hold. An empty list holds for every entity.
    All(Vec<Predicate>),
    /// At least one of them holds. An empty list holds for no entity.
    Any(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// All the fields pass their conditions. No fields: holds for every entity.
    Fields(Vec<(String, Condition)>),
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Some value is this one, in any letter case.
    Equals(Scalar),
    /// The entity has the field, or has it not. `null` counts as having it.
    Exists(bool),
    /// Some value is among these. An empty list holds for no entity.
    In(Vec<Scalar>),
    /// Some value begins with this text.
    HasPrefix(String),
    /// Some item of a list passes.
    Contains(Contained),
}

/// What `$contains` asks of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contained {
    /// It is this value.
    Value(Scalar),
    /// It is a relation of this type, to one of these targets.
    Relation(RelationTest),
    /// It passes a predicate. Only the location dialect reads this, and there it never holds.
    Object(Box<Predicate>),
}

/// A condition on the relations of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationTest {
    /// The relation type, such as `ownedBy`.
    pub relation_type: String,
    /// The entity refs that the relation may lead to.
    pub target: RelationTarget,
}

/// Where a relation may lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelationTarget {
    /// Anywhere.
    Anything,
    /// To this entity ref.
    One(String),
    /// To one of these entity refs.
    OneOf(Vec<String>),
}

impl Predicate {
    /// Parses the predicate JSON of a request.
    ///
    /// # Errors
    ///
    /// [`PredicateError`], with the message for the client.
    pub fn parse(query: &Value) -> Result<Self, PredicateError> {
        parse(query, Dialect::Entities)
    }

    /// Holds if the field has this value.
    pub fn equals(field: &str, value: impl Into<Scalar>) -> Self {
        Self::field(field, Condition::Equals(value.into()))
    }

    /// Holds if the field exists.
    pub fn exists(field: &str) -> Self {
        Self::field(field, Condition::Exists(true))
    }

    /// Holds if the field has one of these values.
    pub fn is_in(field: &str, values: impl IntoIterator<Item = Scalar>) -> Self {
        Self::field(field, Condition::In(values.into_iter().collect()))
    }

    /// Holds if the field has a value beginning with this text.
    pub fn has_prefix(field: &str, prefix: &str) -> Self {
        Self::field(field, Condition::HasPrefix(prefix.to_owned()))
    }

    /// Holds for no entity.
    pub fn nothing() -> Self {
        Self::Any(Vec::new())
    }

    /// Holds if both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::All(vec![self, other])
    }

    /// Holds if this does not.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Joins conditions that may be absent: all the given ones have to hold.
    pub fn all_of(parts: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        let mut present: Vec<Self> = parts.into_iter().flatten().collect();
        if present.len() > 1 { Some(Self::All(present)) } else { present.pop() }
    }

    /// Prints the predicate as JSON that [`Predicate::parse`] reads again.
    pub fn to_json(&self) -> Value {
        let list = |parts: &[Self]| Value::Array(parts.iter().map(Self::to_json).collect());
        match self {
            Self::All(parts) => json!({ "$all": list(parts) }),
            Self::Any(parts) => json!({ "$any": list(parts) }),
            Self::Not(part) => json!({ "$not": part.to_json() }),
            Self::Fields(fields) => {
                let members: Map<String, Value> =
                    fields.iter().map(|(field, condition)| (field.clone(), condition.to_json())).collect();
                Value::Object(members)
            }
        }
    }

    /// Whether an entity with these terms fulfils the predicate.
    ///
    /// For many entities, make a [`Matcher`] once with [`Predicate::matcher`].
    pub fn matches(&self, terms: &Terms) -> bool {
        self.matcher().matches(terms)
    }

    /// Makes the predicate ready for comparing with terms.
    pub fn matcher(&self) -> Matcher {
        Matcher::of(self)
    }

    pub(crate) fn field(field: &str, condition: Condition) -> Self {
        Self::Fields(vec![(field.to_owned(), condition)])
    }
}

impl Condition {
    fn to_json(&self) -> Value {
        match self {
            Self::Equals(value) => value.to_json(),
            Self::Exists(expected) => json!({ "$exists": expected }),
            Self::In(values) => json!({ "$in": values.iter().map(Scalar::to_json).collect::<Vec<_>>() }),
            Self::HasPrefix(prefix) => json!({ "$hasPrefix": prefix }),
            Self::Contains(contained) => json!({ "$contains": contained.to_json() }),
        }
    }
}

impl Contained {
    fn to_json(&self) -> Value {
        match self {
            Self::Value(value) => value.to_json(),
            Self::Object(predicate) => predicate.to_json(),
            Self::Relation(RelationTest { relation_type, target }) => match target {
                RelationTarget::Anything => json!({ "type": relation_type }),
                RelationTarget::One(target) => json!({ "type": relation_type, "targetRef": target }),
                RelationTarget::OneOf(targets) => {
                    json!({ "type": relation_type, "targetRef": { "$in": targets } })
                }
            },
        }
    }
}
