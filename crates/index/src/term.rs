//! Search terms: what an entity can be found by.
//!
//! A term is a lower-cased key with a lower-cased value, or with no value at all for `null` and for values too long to
//! search. Filters, ordering, full text and facets know nothing of an entity but its terms.

use std::fmt;
use std::ops::Range;

use serde_json::Value;
use thiserror::Error;

use crate::entity::BodyError;
use crate::term_walk::Walk;

/// The longest key and the longest value that can be searched for, in UTF-16 code units after lower-casing.
pub const TERM_LENGTH_LIMIT: usize = 200;

/// One key of an entity with one of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term<'a> {
    key: &'a str,
    value: Option<&'a str>,
    original: Option<&'a str>,
    is_membership: bool,
}

impl<'a> Term<'a> {
    /// The lower-cased key, path parts joined by dots, such as `metadata.name`.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// The lower-cased value; none for `null` and for values beyond [`TERM_LENGTH_LIMIT`].
    pub fn value(&self) -> Option<&'a str> {
        self.value
    }

    /// The value as the entity spells it, none where [`Term::value`] is none. Facets report this one.
    pub fn original(&self) -> Option<&'a str> {
        self.original
    }

    /// Whether it says that a list has an item, which is part of the key.
    pub(crate) fn is_membership(&self) -> bool {
        self.is_membership
    }
}

/// All terms of one entity, sorted by key and value, each pair once.
#[derive(Clone, Default)]
pub struct Terms {
    /// Keys, one behind the other: there are too many of them for a string each.
    keys: String,
    /// Values, the same way.
    values: String,
    places: Vec<TermPlace>,
}

/// Where a term is in the texts.
#[derive(Debug, Clone)]
pub(crate) struct TermPlace {
    pub(crate) key: Range<usize>,
    pub(crate) value: Option<ValuePlace>,
    pub(crate) is_membership: bool,
}

/// Where a value is in the text, and how it is spelled. These are the same place if it is spelled in lower case.
#[derive(Debug, Clone)]
pub(crate) struct ValuePlace {
    pub(crate) lower: Range<usize>,
    pub(crate) original: Range<usize>,
}

impl Terms {
    /// Derives the terms of a final entity.
    ///
    /// # Errors
    ///
    /// [`DuplicateKeys`] if the entity has keys that are equal when lower-cased. Such an entity cannot be indexed.
    ///
    /// # Examples
    ///
    /// ```
    /// use callboard_index::Terms;
    ///
    /// let entity = serde_json::json!({ "kind": "Component", "metadata": { "name": "Shop", "tags": ["java"] } });
    /// let terms = Terms::of(&entity)?;
    /// let found: Vec<_> = terms.iter().map(|term| (term.key(), term.value().unwrap_or("-"))).collect();
    /// assert_eq!(found, [
    ///     ("kind", "component"),
    ///     ("metadata.name", "shop"),
    ///     ("metadata.namespace", "default"),
    ///     ("metadata.tags", "java"),
    ///     ("metadata.tags.java", "true"),
    /// ]);
    /// # Ok::<(), callboard_index::DuplicateKeys>(())
    /// ```
    pub fn of(entity: &Value) -> Result<Self, DuplicateKeys> {
        let mut walk = Walk::default();
        // It cannot fail: what a value is made of is JSON.
        _ = walk.read(entity);
        walk.into_terms()
    }

    /// Derives the terms of a final entity from its JSON text.
    pub(crate) fn read(entity: &[u8]) -> Result<Self, BodyError> {
        let mut walk = Walk::default();
        walk.read_json(entity)?;
        Ok(walk.into_terms()?)
    }

    /// Terms whose places are sorted.
    pub(crate) fn of_places(keys: String, values: String, places: Vec<TermPlace>) -> Self {
        Self { keys, values, places }
    }

    /// The terms in order of key and value; the term without a value comes first among those of its key.
    pub fn iter(&self) -> impl Iterator<Item = Term<'_>> {
        self.places.iter().map(|place| self.term(place))
    }

    /// The number of terms.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are no terms.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The terms of one key, which must be lower-cased already.
    pub fn with_key<'a>(&'a self, key: &'a str) -> impl Iterator<Item = Term<'a>> {
        let start = self.places.partition_point(|place| &self.keys[place.key.clone()] < key);
        self.places[start..].iter().map(|place| self.term(place)).take_while(move |term| term.key == key)
    }

    fn term(&self, place: &TermPlace) -> Term<'_> {
        let value = place.value.as_ref();
        Term {
            key: &self.keys[place.key.clone()],
            value: value.map(|value| &self.values[value.lower.clone()]),
            original: value.map(|value| &self.values[value.original.clone()]),
            is_membership: place.is_membership,
        }
    }
}

impl PartialEq for Terms {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Terms {}

impl fmt::Debug for Terms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

/// An entity has keys that differ only in letter case, so filters could not tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Entity has duplicate keys that vary only in casing, '{}'", keys.join("', '"))]
pub struct DuplicateKeys {
    /// The keys, lower-cased, sorted.
    pub keys: Vec<String>,
}
