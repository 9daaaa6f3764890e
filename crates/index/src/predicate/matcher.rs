//! A predicate made ready: lower-cased, and reduced to five questions about terms.

use super::{Condition, Contained, Predicate, RelationTarget, RelationTest};
use crate::scalar::{Scalar, lower};
use crate::term::Terms;

/// A predicate with its keys and values lower-cased, as terms have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher(pub(crate) Test);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    /// Any term of the key, also one without a value.
    Exists {
        key: String,
    },
    /// A term of the key with one of the values.
    In {
        key: String,
        values: Vec<String>,
    },
    Prefix {
        key: String,
        prefix: String,
    },
}

impl Matcher {
    pub(crate) fn of(predicate: &Predicate) -> Self {
        Self(test(predicate))
    }

    /// Whether an entity with these terms fulfils the predicate.
    pub fn matches(&self, terms: &Terms) -> bool {
        self.0.holds(terms)
    }
}

impl Test {
    fn holds(&self, terms: &Terms) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(terms)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(terms)),
            Self::Not(part) => !part.holds(terms),
            Self::Exists { key } => terms.with_key(key).next().is_some(),
            Self::In { key, values } => {
                let is_listed = |value: &str| values.iter().any(|listed| listed == value);
                terms.with_key(key).any(|term| term.value().is_some_and(is_listed))
            }
            Self::Prefix { key, prefix } => {
                let begins = |value: &str| value.starts_with(prefix);
                terms.with_key(key).any(|term| term.value().is_some_and(begins))
            }
        }
    }
}

fn test(predicate: &Predicate) -> Test {
    match predicate {
        Predicate::All(parts) => Test::All(parts.iter().map(test).collect()),
        Predicate::Any(parts) => Test::Any(parts.iter().map(test).collect()),
        Predicate::Not(part) => Test::Not(Box::new(test(part))),
        Predicate::Fields(fields) => match fields.as_slice() {
            [(field, condition)] => field_test(field, condition),
            several => {
                Test::All(several.iter().map(|(field, condition)| field_test(field, condition)).collect())
            }
        },
    }
}

fn field_test(field: &str, condition: &Condition) -> Test {
    let key = lower(field);
    match condition {
        Condition::Equals(value) | Condition::Contains(Contained::Value(value)) => {
            Test::In { key, values: vec![value.lower_text()] }
        }
        Condition::Exists(true) => Test::Exists { key },
        Condition::Exists(false) => Test::Not(Box::new(Test::Exists { key })),
        Condition::In(values) => Test::In { key, values: values.iter().map(Scalar::lower_text).collect() },
        Condition::HasPrefix(prefix) => Test::Prefix { key, prefix: lower(prefix) },
        Condition::Contains(Contained::Relation(relation)) => relation_test(relation),
        // The parser lets this through for locations only; no entity passes it.
        Condition::Contains(Contained::Object(_)) => Test::Any(Vec::new()),
    }
}

fn relation_test(relation: &RelationTest) -> Test {
    let key = format!("relations.{}", lower(&relation.relation_type));
    match &relation.target {
        RelationTarget::Anything => Test::Exists { key },
        RelationTarget::One(target) => Test::In { key, values: vec![lower(target)] },
        RelationTarget::OneOf(targets) => {
            Test::In { key, values: targets.iter().map(|target| lower(target)).collect() }
        }
    }
}
