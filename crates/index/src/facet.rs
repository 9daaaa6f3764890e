//! Facets: which values a key has, and how many entities have each.

use crate::predicate::Predicate;

/// A request for facets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacetQuery {
    /// The keys, in any letter case. Answers repeat them as spelled here; repeated ones are answered once.
    pub facets: Vec<String>,
    /// Which entities to count.
    pub predicate: Option<Predicate>,
    /// What the caller may see; holds in addition.
    pub restriction: Option<Predicate>,
}

/// The answer for one facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The key as requested.
    pub name: String,
    /// The values in byte order. Empty if no entity has the key with a value.
    pub values: Vec<FacetValue>,
}

/// A value and its number of entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// The value as entities spell it; spellings that differ in letter case count apart.
    pub value: String,
    /// At least 1.
    pub count: u64,
}
