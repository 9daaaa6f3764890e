//! What a layer says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A part of the model: what it adds to, changes in and takes away from those below.
///
/// Of all layers together, additions come first, then changes, then removals, whatever the order of the layers.
///
/// ```
/// use callboard_model::layers::{CompiledModel, KindDeclaration, ModelLayer, VersionDeclaration, default_layer};
/// use serde_json::json;
///
/// let schema = json!({
///     "type": "object",
///     "required": ["spec"],
///     "properties": { "spec": { "type": "object", "required": ["owner"] } },
/// });
/// let layer = ModelLayer::new("stage")
///     .add_kind(KindDeclaration::new("example.com", "Prop").version(VersionDeclaration::new("v1", schema)));
/// let model = CompiledModel::compile(&[default_layer(), layer])?;
/// assert!(model.kind("Prop").is_some());
/// # Ok::<(), Vec<callboard_model::layers::LayerError>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ModelLayer {
    /// Its name, for messages. A layer that comes twice counts once.
    pub id: String,
    /// New kinds.
    pub add_kinds: Vec<KindDeclaration>,
    /// Versions of kinds that this or another layer adds.
    pub add_kind_versions: Vec<VersionOfKind>,
    /// Changes of kinds.
    pub update_kinds: Vec<KindChange>,
    /// Changes of versions.
    pub update_kind_versions: Vec<VersionChange>,
    /// Kinds that are taken away.
    pub remove_kinds: Vec<String>,
    /// Relations, there and back.
    pub add_relation_pairs: Vec<RelationPair>,
    /// Changes of relations.
    pub update_relation_pairs: Vec<RelationPairChange>,
    /// Annotations with a meaning.
    pub add_annotations: Vec<MetadataDeclaration>,
    /// Changes of annotations.
    pub update_annotations: Vec<MetadataChange>,
    /// Annotations whose meaning is taken away; they may still be used.
    pub remove_annotations: Vec<String>,
    /// Labels with a meaning.
    pub add_labels: Vec<MetadataDeclaration>,
    /// Changes of labels.
    pub update_labels: Vec<MetadataChange>,
    /// Labels whose meaning is taken away; they may still be used.
    pub remove_labels: Vec<String>,
    /// Tags with a meaning.
    pub add_tags: Vec<MetadataDeclaration>,
    /// Changes of tags.
    pub update_tags: Vec<MetadataChange>,
    /// Tags whose meaning is taken away; they may still be used.
    pub remove_tags: Vec<String>,
}

/// A new kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KindDeclaration {
    /// The first part of its API versions, such as `example.com`.
    pub group: String,
    /// Its name as authors must write it, upper and lower case included.
    pub kind: String,
    /// What one of them is called; the name in lower case if not given.
    #[serde(default)]
    pub singular: Option<String>,
    /// What several are called.
    #[serde(default)]
    pub plural: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
    /// Its versions.
    #[serde(default)]
    pub versions: Vec<VersionDeclaration>,
}

/// One version of a kind, or of those entities of it that have a certain `spec.type`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VersionDeclaration {
    /// The second parts of the API versions that it is for, such as `v1`.
    pub names: Vec<String>,
    /// Only for entities with this `spec.type`.
    #[serde(default)]
    pub spec_type: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
    /// Fields that refer to other entities.
    #[serde(default)]
    pub relation_fields: Vec<LayerRelationField>,
    /// The JSON Schema of an entity, without `apiVersion`, `kind` and `metadata`.
    pub schema: Value,
}

/// A version that is added to a kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionOfKind {
    /// The kind.
    pub kind: String,
    /// The version.
    #[serde(flatten)]
    pub version: VersionDeclaration,
}

/// A field that refers to other entities, by one ref or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LayerRelationField {
    /// Where it is, e.g. `spec.owner`.
    pub path: String,
    /// The type of the relation from this entity to the other one.
    pub relation: String,
    /// The kind of refs without one. If it is not given, refs must have theirs.
    #[serde(default)]
    pub default_kind: Option<String>,
    /// The namespace of refs without one.
    #[serde(default)]
    pub default_namespace: FieldNamespace,
    /// Refs to other kinds give no relation. If it is not given, all kinds are allowed.
    #[serde(default)]
    pub allowed_kinds: Option<Vec<String>>,
}

/// The namespace of refs without one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldNamespace {
    /// That of the entity itself.
    #[default]
    Inherit,
    /// `default`.
    Default,
}

/// A change of a kind; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KindChange {
    /// Which kind.
    pub kind: String,
    /// What one of them is called.
    #[serde(default)]
    pub singular: Option<String>,
    /// What several are called.
    #[serde(default)]
    pub plural: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
}

/// A change of a version; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VersionChange {
    /// Of which kind.
    pub kind: String,
    /// Which of its versions.
    pub name: String,
    /// Which `spec.type` of that version.
    #[serde(default)]
    pub spec_type: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: Option<String>,
    /// Fields that come, or take the place of those with the same path.
    #[serde(default)]
    pub relation_fields: Vec<LayerRelationField>,
    /// Laid over the schema: objects key by key, `null` deletes a key, another `type` replaces the whole.
    #[serde(default)]
    pub schema: Option<Value>,
}

/// A relation, there and back, between some kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelationPair {
    /// The kinds it goes from.
    pub from_kinds: Vec<String>,
    /// The kinds it goes to.
    pub to_kinds: Vec<String>,
    /// The way there.
    pub forward: RelationEnd,
    /// The way back.
    pub reverse: RelationEnd,
}

/// One direction of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelationEnd {
    /// Its type, such as `ownedBy`.
    #[serde(rename = "type")]
    pub relation_type: String,
    /// What it means.
    #[serde(default)]
    pub description: Option<String>,
}

/// A change of a relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelationPairChange {
    /// The type of one of its directions.
    #[serde(rename = "type")]
    pub relation_type: String,
    /// What it means.
    pub description: String,
}

/// An annotation, a label or a tag with a meaning.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetadataDeclaration {
    /// Its key, or the tag itself.
    pub name: String,
    /// What it means.
    #[serde(default)]
    pub description: Option<String>,
    /// The JSON Schema of its value; any text if not given. Tags have none.
    #[serde(default)]
    pub schema: Option<Value>,
}

/// A change of an annotation, a label or a tag; what is not given stays.
pub type MetadataChange = MetadataDeclaration;

impl ModelLayer {
    /// A layer that says nothing yet.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Adds a kind.
    #[must_use]
    pub fn add_kind(mut self, kind: KindDeclaration) -> Self {
        self.add_kinds.push(kind);
        self
    }

    /// Adds a version to a kind.
    #[must_use]
    pub fn add_kind_version(mut self, kind: impl Into<String>, version: VersionDeclaration) -> Self {
        self.add_kind_versions.push(VersionOfKind { kind: kind.into(), version });
        self
    }

    /// Changes a kind.
    #[must_use]
    pub fn update_kind(mut self, change: KindChange) -> Self {
        self.update_kinds.push(change);
        self
    }

    /// Changes a version of a kind.
    #[must_use]
    pub fn update_kind_version(mut self, change: VersionChange) -> Self {
        self.update_kind_versions.push(change);
        self
    }

    /// Takes a kind away.
    #[must_use]
    pub fn remove_kind(mut self, kind: impl Into<String>) -> Self {
        self.remove_kinds.push(kind.into());
        self
    }

    /// Adds a relation, there and back.
    #[must_use]
    pub fn add_relation_pair(mut self, forward: &str, reverse: &str, from: &[&str], to: &[&str]) -> Self {
        let end =
            |relation_type: &str| RelationEnd { relation_type: relation_type.to_owned(), description: None };
        let names = |kinds: &[&str]| kinds.iter().map(|&kind| kind.to_owned()).collect();
        self.add_relation_pairs.push(RelationPair {
            from_kinds: names(from),
            to_kinds: names(to),
            forward: end(forward),
            reverse: end(reverse),
        });
        self
    }

    /// Adds an annotation.
    #[must_use]
    pub fn add_annotation(mut self, annotation: MetadataDeclaration) -> Self {
        self.add_annotations.push(annotation);
        self
    }

    /// Takes in all that another layer says.
    #[must_use]
    pub fn import(mut self, other: ModelLayer) -> Self {
        self.add_kinds.extend(other.add_kinds);
        self.add_kind_versions.extend(other.add_kind_versions);
        self.update_kinds.extend(other.update_kinds);
        self.update_kind_versions.extend(other.update_kind_versions);
        self.remove_kinds.extend(other.remove_kinds);
        self.add_relation_pairs.extend(other.add_relation_pairs);
        self.update_relation_pairs.extend(other.update_relation_pairs);
        self.add_annotations.extend(other.add_annotations);
        self.update_annotations.extend(other.update_annotations);
        self.remove_annotations.extend(other.remove_annotations);
        self.add_labels.extend(other.add_labels);
        self.update_labels.extend(other.update_labels);
        self.remove_labels.extend(other.remove_labels);
        self.add_tags.extend(other.add_tags);
        self.update_tags.extend(other.update_tags);
        self.remove_tags.extend(other.remove_tags);
        self
    }
}

impl KindDeclaration {
    /// A kind without versions.
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            kind: kind.into(),
            singular: None,
            plural: None,
            description: None,
            versions: Vec::new(),
        }
    }

    /// Adds a version.
    #[must_use]
    pub fn version(mut self, version: VersionDeclaration) -> Self {
        self.versions.push(version);
        self
    }
}

impl VersionDeclaration {
    /// A version without relations.
    pub fn new(name: impl Into<String>, schema: Value) -> Self {
        Self { names: vec![name.into()], schema, ..Self::default() }
    }

    /// Only for entities with this `spec.type`.
    #[must_use]
    pub fn of_type(mut self, spec_type: impl Into<String>) -> Self {
        self.spec_type = Some(spec_type.into());
        self
    }

    /// Adds a field that refers to other entities.
    #[must_use]
    pub fn relation(mut self, field: LayerRelationField) -> Self {
        self.relation_fields.push(field);
        self
    }
}

impl LayerRelationField {
    /// A field whose refs may go to any kind, and have to name it.
    pub fn new(path: impl Into<String>, relation: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            relation: relation.into(),
            default_kind: None,
            default_namespace: FieldNamespace::Inherit,
            allowed_kinds: None,
        }
    }

    /// Refs without a kind are of this one.
    #[must_use]
    pub fn default_kind(mut self, kind: impl Into<String>) -> Self {
        self.default_kind = Some(kind.into());
        self
    }

    /// Refs to other kinds than these give no relation.
    #[must_use]
    pub fn allowed_kinds(mut self, kinds: &[&str]) -> Self {
        self.allowed_kinds = Some(kinds.iter().map(|&kind| kind.to_owned()).collect());
        self
    }
}
