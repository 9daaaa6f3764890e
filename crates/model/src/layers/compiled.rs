//! A model, and what it says of entities.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::layer::{FieldNamespace, LayerRelationField, MetadataDeclaration};
use crate::{
    CompoundEntityRef, DEFAULT_NAMESPACE, Entity, EntityError, KindValidation, RefDefaults, Relation,
    javascript, parse_ref,
};

/// All layers, put together.
#[derive(Debug)]
pub struct CompiledModel {
    pub(super) kinds: BTreeMap<String, DeclaredKind>,
    pub(super) relations: BTreeMap<String, DeclaredRelation>,
    pub(super) annotations: BTreeMap<String, MetadataDeclaration>,
    pub(super) labels: BTreeMap<String, MetadataDeclaration>,
    pub(super) tags: BTreeMap<String, MetadataDeclaration>,
}

/// A kind of a model.
#[derive(Debug)]
pub struct DeclaredKind {
    /// Its name, upper and lower case included.
    pub kind: String,
    /// The first part of its API versions.
    pub group: String,
    /// What one of them is called.
    pub singular: String,
    /// What several are called.
    pub plural: String,
    /// What it is.
    pub description: Option<String>,
    /// Its versions.
    pub versions: Vec<DeclaredVersion>,
}

/// One version of a kind, or of those of its entities that have a certain `spec.type`.
#[derive(Debug)]
pub struct DeclaredVersion {
    /// The API version.
    pub api_version: String,
    /// Only for entities with this `spec.type`.
    pub spec_type: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Fields that refer to other entities.
    pub relation_fields: Vec<LayerRelationField>,
    /// The schema as the layers say it.
    pub schema: Value,
    pub(super) validator: jsonschema::Validator,
}

/// One direction of a relation.
#[derive(Debug)]
pub struct DeclaredRelation {
    /// Its type.
    pub relation_type: String,
    /// The type of the way back.
    pub reverse: String,
    /// What it means.
    pub description: Option<String>,
    /// From which kind to which it goes.
    pub pairs: BTreeSet<(String, String)>,
}

impl DeclaredRelation {
    fn joins(&self, from: &str, to: &str) -> bool {
        self.pairs.iter().any(|(known_from, known_to)| {
            known_from.eq_ignore_ascii_case(from) && known_to.eq_ignore_ascii_case(to)
        })
    }
}

impl CompiledModel {
    /// A kind by its exact name.
    pub fn kind(&self, kind: &str) -> Option<&DeclaredKind> {
        self.kinds.get(kind)
    }

    /// All kinds, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &DeclaredKind> {
        self.kinds.values()
    }

    /// All relations, by type.
    pub fn relations(&self) -> impl Iterator<Item = &DeclaredRelation> {
        self.relations.values()
    }

    /// Annotations with a meaning, by key.
    pub fn annotations(&self) -> impl Iterator<Item = &MetadataDeclaration> {
        self.annotations.values()
    }

    /// Labels with a meaning, by key.
    pub fn labels(&self) -> impl Iterator<Item = &MetadataDeclaration> {
        self.labels.values()
    }

    /// Tags with a meaning.
    pub fn tags(&self) -> impl Iterator<Item = &MetadataDeclaration> {
        self.tags.values()
    }

    /// Checks an entity against the schema of its kind, version and type.
    ///
    /// # Errors
    ///
    /// The kind is known and the version is not, or the entity does not follow the schema: `TypeError` with the
    /// first violation.
    pub fn validate(&self, entity: &Entity) -> Result<KindValidation, EntityError> {
        let Some(kind) = self.kinds.get(entity.kind()) else { return Ok(KindValidation::NotMine) };
        let version = kind.version_of(entity).ok_or_else(|| kind.no_version(entity))?;
        let instance = Value::Object(entity.as_map().clone());
        match version.validator.validate(&instance) {
            Ok(()) => Ok(KindValidation::Valid),
            Err(error) => {
                let path = error.instance_path().to_string();
                let place = if path.is_empty() { "<root>" } else { &path };
                Err(EntityError::type_error(format!("{place} {error}")))
            }
        }
    }

    /// Sorts lists of refs, so that their order in the source makes no difference.
    pub fn sort_relation_lists(&self, entity: &mut Entity) {
        let Some(version) = self.version_of(entity) else { return };
        for field in &version.relation_fields {
            let Some(Value::Array(items)) = find_mut(entity, &field.path) else { continue };
            if items.iter().all(Value::is_string) {
                items.sort_by(|left, right| {
                    javascript::compare_strings(
                        left.as_str().unwrap_or_default(),
                        right.as_str().unwrap_or_default(),
                    )
                });
            }
        }
    }

    /// The relations that follow from the fields of an entity: those there, and those back where the model declares
    /// the relation for these two kinds.
    ///
    /// # Errors
    ///
    /// The first ref that cannot be read.
    pub fn relations_of(&self, entity: &Entity) -> Result<Vec<Relation>, EntityError> {
        let mut found = Vec::new();
        let Some(version) = self.version_of(entity) else { return Ok(found) };
        let own_ref = entity.compound_ref();
        for field in &version.relation_fields {
            for text in texts(find(entity, &field.path)) {
                let target = field.target(text, &own_ref)?;
                if !field.allows(&target.kind) {
                    continue;
                }
                let declared = self.relations.get(&field.relation);
                let back = declared.filter(|declared| declared.joins(&own_ref.kind, &target.kind));
                found.push(Relation {
                    source: own_ref.clone(),
                    relation_type: field.relation.clone(),
                    target: target.clone(),
                });
                if let Some(declared) = back {
                    found.push(Relation {
                        source: target,
                        relation_type: declared.reverse.clone(),
                        target: own_ref.clone(),
                    });
                }
            }
        }
        Ok(found)
    }

    fn version_of(&self, entity: &Entity) -> Option<&DeclaredVersion> {
        self.kinds.get(entity.kind()).and_then(|kind| kind.version_of(entity))
    }
}

impl DeclaredKind {
    /// The one for the entity's `spec.type`, or else the one for any.
    fn version_of(&self, entity: &Entity) -> Option<&DeclaredVersion> {
        let spec_type = entity.spec().and_then(|spec| spec.get("type")).and_then(Value::as_str);
        let of_version =
            || self.versions.iter().filter(|version| version.api_version == entity.api_version());
        of_version()
            .find(|version| version.spec_type.is_some() && version.spec_type.as_deref() == spec_type)
            .or_else(|| of_version().find(|version| version.spec_type.is_none()))
    }

    fn no_version(&self, entity: &Entity) -> EntityError {
        let api_version = entity.api_version();
        let types: Vec<&str> = self
            .versions
            .iter()
            .filter(|version| version.api_version == api_version)
            .filter_map(|version| version.spec_type.as_deref())
            .collect();
        let kind = &self.kind;
        if types.is_empty() {
            let known: BTreeSet<&str> =
                self.versions.iter().map(|version| version.api_version.as_str()).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return EntityError::input(format!(
                "kind {kind} has no apiVersion {api_version}; it has {known}"
            ));
        }
        EntityError::input(format!("spec.type of {kind} {api_version} must be one of {}", types.join(", ")))
    }
}

impl LayerRelationField {
    fn target(&self, text: &str, own_ref: &CompoundEntityRef) -> Result<CompoundEntityRef, EntityError> {
        let namespace = match self.default_namespace {
            FieldNamespace::Inherit => &own_ref.namespace,
            FieldNamespace::Default => DEFAULT_NAMESPACE,
        };
        let defaults = RefDefaults { kind: self.default_kind.as_deref(), namespace: Some(namespace) };
        Ok(parse_ref(text, &defaults)?)
    }

    fn allows(&self, kind: &str) -> bool {
        let allowed = self.allowed_kinds.as_ref();
        allowed.is_none_or(|allowed| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(kind)))
    }
}

fn find<'a>(entity: &'a Entity, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.');
    let first = entity.as_map().get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}

/// Only of the spec, which is all that may be changed on the way.
fn find_mut<'a>(entity: &'a mut Entity, path: &str) -> Option<&'a mut Value> {
    let mut keys = path.strip_prefix("spec.")?.split('.');
    let first = entity.spec_mut()?.get_mut(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get_mut(key))
}

/// A text or a list of them; whatever else is there is passed over.
fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let items = match value {
        Some(Value::Array(items)) => items.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    };
    items.iter().filter_map(Value::as_str).filter(|text| !text.is_empty())
}
