//! From layers to one model.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use thiserror::Error;

use super::compiled::{CompiledModel, DeclaredKind, DeclaredRelation, DeclaredVersion};
use super::full_schema::{MetadataSchemas, full_schema};
use super::layer::{
    KindDeclaration, MetadataDeclaration, ModelLayer, RelationPair, VersionChange, VersionDeclaration,
};
use super::merge::merge;

/// What does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("model layer {layer}: {operation}: {problem}")]
pub struct LayerError {
    /// The id of the layer.
    pub layer: String,
    /// What it wanted to do, e.g. `add kind Device`.
    pub operation: String,
    /// Why that does not go.
    pub problem: String,
}

/// Keywords that must not stand at the root of a schema, nor directly on a root field.
const NOT_AT_THE_ROOT: [&str; 8] = ["$ref", "allOf", "oneOf", "anyOf", "if", "then", "else", "not"];
/// What the generated part of a schema says.
const GENERATED: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl CompiledModel {
    /// Puts layers together. Of layers with one id the first counts; another one that says something else is an
    /// error.
    ///
    /// # Errors
    ///
    /// All that does not fit.
    pub fn compile(layers: &[ModelLayer]) -> Result<Self, Vec<LayerError>> {
        let mut compiler = Compiler::default();
        let layers = compiler.distinct(layers);
        compiler.add(&layers);
        compiler.update(&layers);
        compiler.remove(&layers);
        compiler.finish()
    }
}

/// A version that is not complete yet, and who touched it last.
struct Draft {
    version: VersionDeclaration,
    touched: (String, String),
}

struct DraftKind {
    declaration: KindDeclaration,
    versions: Vec<Draft>,
}

#[derive(Default)]
struct Compiler {
    kinds: BTreeMap<String, DraftKind>,
    relations: BTreeMap<String, DeclaredRelation>,
    annotations: BTreeMap<String, MetadataDeclaration>,
    labels: BTreeMap<String, MetadataDeclaration>,
    tags: BTreeMap<String, MetadataDeclaration>,
    errors: Vec<LayerError>,
}

impl Compiler {
    fn fail(&mut self, layer: &str, operation: impl Into<String>, problem: impl Into<String>) {
        let (operation, problem) = (operation.into(), problem.into());
        self.errors.push(LayerError { layer: layer.to_owned(), operation, problem });
    }

    fn distinct<'a>(&mut self, layers: &'a [ModelLayer]) -> Vec<&'a ModelLayer> {
        let mut distinct: Vec<&ModelLayer> = Vec::with_capacity(layers.len());
        for layer in layers {
            match distinct.iter().find(|known| known.id == layer.id) {
                None => distinct.push(layer),
                Some(known) if *known == layer => {}
                Some(_) => {
                    self.fail(&layer.id, "register", "another layer has this id and says something else");
                }
            }
        }
        distinct
    }

    fn add(&mut self, layers: &[&ModelLayer]) {
        for layer in layers {
            let parts = [
                ("annotation", &layer.add_annotations, &mut self.annotations),
                ("label", &layer.add_labels, &mut self.labels),
                ("tag", &layer.add_tags, &mut self.tags),
            ];
            for (what, declarations, known) in parts {
                for declaration in declarations {
                    if known.contains_key(&declaration.name) {
                        self.errors.push(twice(&layer.id, &format!("add {what} {}", declaration.name)));
                    } else {
                        known.insert(declaration.name.clone(), declaration.clone());
                    }
                }
            }
        }
        for layer in layers {
            for kind in &layer.add_kinds {
                self.add_kind(&layer.id, kind);
            }
        }
        for layer in layers {
            for added in &layer.add_kind_versions {
                self.add_version(&layer.id, &added.kind, &added.version);
            }
        }
        for layer in layers {
            for pair in &layer.add_relation_pairs {
                self.add_pair(&layer.id, pair);
            }
        }
    }

    fn add_kind(&mut self, layer: &str, kind: &KindDeclaration) {
        if self.kinds.contains_key(&kind.kind) {
            self.errors.push(twice(layer, &format!("add kind {}", kind.kind)));
            return;
        }
        let draft = DraftKind { declaration: kind.clone(), versions: Vec::new() };
        self.kinds.insert(kind.kind.clone(), draft);
        for version in &kind.versions {
            self.add_version(layer, &kind.kind, version);
        }
    }

    fn add_version(&mut self, layer: &str, kind: &str, version: &VersionDeclaration) {
        let of_type = version.spec_type.as_ref().map(|spec_type| format!(" of type {spec_type}"));
        let operation =
            format!("add version {}{} of kind {kind}", version.names.join(", "), of_type.unwrap_or_default());
        let Some(draft) = self.kinds.get_mut(kind) else {
            return self.fail(layer, operation, "there is no such kind");
        };
        if version.names.is_empty() {
            return self.fail(layer, operation, "it has no name");
        }
        for name in &version.names {
            if draft.versions.iter().any(|known| known.is(name, version.spec_type.as_deref())) {
                self.errors.push(twice(layer, &operation));
                return;
            }
        }
        for name in &version.names {
            draft.versions.push(Draft {
                version: VersionDeclaration { names: vec![name.clone()], ..version.clone() },
                touched: (layer.to_owned(), operation.clone()),
            });
        }
    }

    fn add_pair(&mut self, layer: &str, pair: &RelationPair) {
        let (forward, reverse) = (&pair.forward.relation_type, &pair.reverse.relation_type);
        let ends = [
            (&pair.forward, reverse, &pair.from_kinds, &pair.to_kinds),
            (&pair.reverse, forward, &pair.to_kinds, &pair.from_kinds),
        ];
        for (end, back, from, to) in ends {
            let operation = format!("add relation {}", end.relation_type);
            if end.relation_type.is_empty()
                || !end.relation_type.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                self.fail(layer, operation, "the type of a relation is letters, digits and _");
                continue;
            }
            let relation =
                self.relations.entry(end.relation_type.clone()).or_insert_with(|| DeclaredRelation {
                    relation_type: end.relation_type.clone(),
                    reverse: back.clone(),
                    description: None,
                    pairs: BTreeSet::new(),
                });
            let other = (relation.reverse != *back).then(|| relation.reverse.clone());
            let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from.clone(), to.clone())));
            relation.pairs.extend(pairs);
            relation.description = relation.description.take().or_else(|| end.description.clone());
            if let Some(other) = other {
                self.fail(layer, operation, format!("its way back is {other} already, and not {back}"));
            }
        }
    }

    fn update(&mut self, layers: &[&ModelLayer]) {
        for layer in layers {
            let parts = [
                ("annotation", &layer.update_annotations, &mut self.annotations),
                ("label", &layer.update_labels, &mut self.labels),
                ("tag", &layer.update_tags, &mut self.tags),
            ];
            for (what, changes, known) in parts {
                for change in changes {
                    match known.get_mut(&change.name) {
                        None => {
                            self.errors.push(unknown(&layer.id, &format!("update {what} {}", change.name)));
                        }
                        Some(present) => update_metadata(present, change),
                    }
                }
            }
        }
        for layer in layers {
            for change in &layer.update_kinds {
                let Some(kind) = self.kinds.get_mut(&change.kind) else {
                    self.errors.push(unknown(&layer.id, &format!("update kind {}", change.kind)));
                    continue;
                };
                let kind = &mut kind.declaration;
                replace(&mut kind.singular, change.singular.as_ref());
                replace(&mut kind.plural, change.plural.as_ref());
                replace(&mut kind.description, change.description.as_ref());
            }
        }
        for layer in layers {
            for change in &layer.update_kind_versions {
                self.update_version(&layer.id, change);
            }
        }
        for layer in layers {
            for change in &layer.update_relation_pairs {
                match self.relations.get_mut(&change.relation_type) {
                    Some(relation) => relation.description = Some(change.description.clone()),
                    None => self
                        .errors
                        .push(unknown(&layer.id, &format!("update relation {}", change.relation_type))),
                }
            }
        }
    }

    fn update_version(&mut self, layer: &str, change: &VersionChange) {
        let operation = format!("update version {} of kind {}", change.name, change.kind);
        let draft = self.kinds.get_mut(&change.kind).and_then(|kind| {
            kind.versions.iter_mut().find(|draft| draft.is(&change.name, change.spec_type.as_deref()))
        });
        let Some(draft) = draft else {
            self.errors.push(unknown(layer, &operation));
            return;
        };
        let version = &mut draft.version;
        replace(&mut version.description, change.description.as_ref());
        for field in &change.relation_fields {
            version.relation_fields.retain(|known| known.path != field.path);
            version.relation_fields.push(field.clone());
        }
        if let Some(schema) = &change.schema {
            merge(&mut version.schema, schema);
        }
        draft.touched = (layer.to_owned(), operation);
    }

    fn remove(&mut self, layers: &[&ModelLayer]) {
        for layer in layers {
            let parts = [
                ("annotation", &layer.remove_annotations, &mut self.annotations),
                ("label", &layer.remove_labels, &mut self.labels),
                ("tag", &layer.remove_tags, &mut self.tags),
            ];
            for (what, names, known) in parts {
                for name in names {
                    if known.remove(name).is_none() {
                        self.errors.push(unknown(&layer.id, &format!("remove {what} {name}")));
                    }
                }
            }
        }
        for layer in layers {
            for kind in &layer.remove_kinds {
                if self.kinds.remove(kind).is_none() {
                    self.errors.push(unknown(&layer.id, &format!("remove kind {kind}")));
                }
            }
        }
    }

    fn finish(mut self) -> Result<CompiledModel, Vec<LayerError>> {
        let schemas = |declared: &BTreeMap<String, MetadataDeclaration>| -> BTreeMap<String, Value> {
            let schema = |declaration: &MetadataDeclaration| {
                declaration.schema.clone().unwrap_or_else(|| serde_json::json!({ "type": "string" }))
            };
            declared.iter().map(|(name, declaration)| (name.clone(), schema(declaration))).collect()
        };
        let (annotations, labels) = (schemas(&self.annotations), schemas(&self.labels));
        let metadata = MetadataSchemas { annotations: &annotations, labels: &labels };
        let mut kinds = BTreeMap::new();
        for (name, DraftKind { declaration, versions }) in std::mem::take(&mut self.kinds) {
            let mut declared = Vec::with_capacity(versions.len());
            for Draft { version, touched: (layer, operation) } in versions {
                let api_version = version
                    .names
                    .first()
                    .map_or_else(String::new, |version_name| format!("{}/{version_name}", declaration.group));
                let built = complaint(&version.schema).map_or(Ok(()), Err).and_then(|()| {
                    let schema = full_schema(&version.schema, &name, &api_version, &metadata);
                    jsonschema::options()
                        .build(&schema)
                        .map_err(|error| format!("its schema cannot be used: {error}"))
                });
                match built {
                    Ok(validator) => declared.push(DeclaredVersion {
                        api_version,
                        spec_type: version.spec_type,
                        description: version.description,
                        relation_fields: version.relation_fields,
                        schema: version.schema,
                        validator,
                    }),
                    Err(problem) => self.fail(&layer, operation, problem),
                }
            }
            let singular = declaration.singular.clone().unwrap_or_else(|| name.to_lowercase());
            let kind = DeclaredKind {
                plural: declaration.plural.clone().unwrap_or_else(|| format!("{singular}s")),
                singular,
                kind: name.clone(),
                group: declaration.group.clone(),
                description: declaration.description.clone(),
                versions: declared,
            };
            kinds.insert(name, kind);
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        Ok(CompiledModel {
            kinds,
            relations: self.relations,
            annotations: self.annotations,
            labels: self.labels,
            tags: self.tags,
        })
    }
}

impl Draft {
    fn is(&self, name: &str, spec_type: Option<&str>) -> bool {
        self.version.names.iter().any(|known| known == name) && self.version.spec_type.as_deref() == spec_type
    }
}

fn twice(layer: &str, operation: &str) -> LayerError {
    let problem = "it was added already; update it instead".to_owned();
    LayerError { layer: layer.to_owned(), operation: operation.to_owned(), problem }
}

fn unknown(layer: &str, operation: &str) -> LayerError {
    let problem = "no layer adds it".to_owned();
    LayerError { layer: layer.to_owned(), operation: operation.to_owned(), problem }
}

fn replace(present: &mut Option<String>, change: Option<&String>) {
    if let Some(change) = change {
        *present = Some(change.clone());
    }
}

fn update_metadata(present: &mut MetadataDeclaration, change: &MetadataDeclaration) {
    replace(&mut present.description, change.description.as_ref());
    match (&mut present.schema, &change.schema) {
        (Some(present), Some(change)) => merge(present, change),
        (present @ None, Some(change)) => *present = Some(change.clone()),
        (_, None) => {}
    }
}

/// What is wrong with the part of a schema that a layer may say.
fn complaint(schema: &Value) -> Option<String> {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Some("its schema must have type: object".to_owned());
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Some("its schema must have properties".to_owned());
    };
    if let Some(key) = GENERATED.into_iter().find(|key| properties.contains_key(*key)) {
        return Some(format!("its schema must not declare {key}, which is the same for all kinds"));
    }
    for (place, part) in
        std::iter::once(("the root", schema)).chain(properties.iter().map(|(key, part)| (key.as_str(), part)))
    {
        if let Some(keyword) = NOT_AT_THE_ROOT.into_iter().find(|keyword| part.get(*keyword).is_some()) {
            return Some(format!("its schema must not have {keyword} at {place}"));
        }
    }
    None
}
