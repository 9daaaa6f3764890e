//! What a kind is made of.

use crate::ObjectRule;

/// Everything the catalog knows about a kind.
#[derive(Clone, Copy, Debug)]
pub struct KindDefinition {
    /// The kind as authors must write it, upper and lower case included.
    pub kind: &'static str,
    /// The API versions whose specs follow the rule below.
    pub api_versions: &'static [&'static str],
    /// What the spec must look like.
    pub spec: ObjectRule,
    /// The relations that follow from the spec, in the order they are emitted.
    pub relations: &'static [RelationField],
    /// Whether the relations are also read from entities whose API version is not listed.
    pub relations_of_any_version: bool,
}

/// A field of the spec that refers to other entities, by one ref or a list of them.
#[derive(Clone, Copy, Debug)]
pub struct RelationField {
    /// The key in the spec.
    pub field: &'static str,
    /// The kind of refs without one. `None` makes the kind mandatory.
    pub default_kind: Option<&'static str>,
    /// The type of the relation from this entity to the other one.
    pub outgoing: &'static str,
    /// The type of the relation from the other entity to this one.
    pub incoming: &'static str,
}
