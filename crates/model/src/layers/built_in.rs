//! Layers that come with the catalog.

use serde_json::{Value, json};

use super::schema_of_rule::schema_of_object;
use super::{KindDeclaration, LayerRelationField, MetadataDeclaration, ModelLayer, VersionDeclaration};
use crate::kinds::{KindDefinition, catalog, scaffolder::TEMPLATE};
use crate::relation::{
    API_CONSUMED_BY, API_PROVIDED_BY, CHILD_OF, CONSUMES_API, DEPENDENCY_OF, DEPENDS_ON, HAS_MEMBER,
    HAS_PART, MEMBER_OF, OWNED_BY, OWNER_OF, PARENT_OF, PART_OF, PROVIDES_API,
};

/// The id of [`default_layer`].
pub const DEFAULT_LAYER: &str = "default-entity-model";
/// The id of [`ai_resources`].
pub const AI_RESOURCES: &str = "ai-resources";
/// The id of [`mcp_server`].
pub const MCP_SERVER: &str = "mcp-server";

const OWNERS: &[&str] = &["Group", "User"];

/// The eight kinds of the catalog itself, and the relations between them.
pub fn default_layer() -> ModelLayer {
    let layer = catalog::KINDS
        .iter()
        .fold(ModelLayer::new(DEFAULT_LAYER), |layer, kind| layer.add_kind(declaration(kind)));
    let layer = layer
        .add_relation_pair(OWNED_BY, OWNER_OF, &["Component", "API", "Resource", "System", "Domain"], OWNERS)
        .add_relation_pair(PART_OF, HAS_PART, &["Component"], &["Component", "System"])
        .add_relation_pair(PART_OF, HAS_PART, &["API", "Resource"], &["System"])
        .add_relation_pair(PART_OF, HAS_PART, &["System", "Domain"], &["Domain"])
        .add_relation_pair(PROVIDES_API, API_PROVIDED_BY, &["Component"], &["API"])
        .add_relation_pair(CONSUMES_API, API_CONSUMED_BY, &["Component"], &["API"])
        .add_relation_pair(DEPENDS_ON, DEPENDENCY_OF, &["Component", "Resource"], &["Component", "Resource"])
        .add_relation_pair(MEMBER_OF, HAS_MEMBER, &["User"], &["Group"])
        .add_relation_pair(CHILD_OF, PARENT_OF, &["Group"], &["Group"]);
    let annotations = [
        ("backstage.io/managed-by-location", "where the entity was read"),
        ("backstage.io/managed-by-origin-location", "the registered location that led to the entity"),
        ("backstage.io/orphan", "nothing names the entity any more"),
        ("backstage.io/source-location", "where the source code of what the entity stands for is"),
        ("backstage.io/view-url", "where the entity's file can be seen"),
        ("backstage.io/edit-url", "where the entity's file can be edited"),
    ];
    annotations.into_iter().fold(layer, |layer, (name, description)| {
        layer.add_annotation(MetadataDeclaration {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            schema: None,
        })
    })
}

/// The kind of the scaffolder, Template.
pub fn scaffolder() -> ModelLayer {
    ModelLayer::new("scaffolder").add_kind(declaration(&TEMPLATE)).add_relation_pair(
        OWNED_BY,
        OWNER_OF,
        &["Template"],
        OWNERS,
    )
}

/// `API` with `spec.type: mcp-server`, which names remotes rather than a definition.
pub fn mcp_server() -> ModelLayer {
    let remote = json!({
        "type": "object",
        "required": ["type", "url"],
        "properties": { "type": text(), "url": text() },
    });
    let schema = spec_schema(
        &["type", "lifecycle", "owner", "remotes"],
        json!({ "remotes": { "type": "array", "minItems": 1, "items": remote } }),
    );
    let version = VersionDeclaration {
        names: vec!["v1alpha1".to_owned(), "v1beta1".to_owned()],
        ..VersionDeclaration::new("", schema)
    };
    let version = version.of_type("mcp-server").relation(owner()).relation(system());
    ModelLayer::new(MCP_SERVER).add_kind_version("API", version)
}

/// The kind `AiResource`: skills, rules, plugins and marketplaces of coding agents.
pub fn ai_resources() -> ModelLayer {
    const BASIC: &[&str] = &["type", "lifecycle", "owner"];
    let texts = || json!({ "type": "array", "items": text() });
    let version = |spec_type: &str, more: &[&str], properties: Value| {
        let required: Vec<&str> = BASIC.iter().chain(more).copied().collect();
        let version = VersionDeclaration::new("v1alpha1", spec_schema(&required, properties));
        version.of_type(spec_type).relation(owner()).relation(system())
    };
    let parts = |field: &str| {
        LayerRelationField::new(format!("spec.{field}"), HAS_PART)
            .default_kind("AiResource")
            .allowed_kinds(&["AiResource"])
    };
    let skill = json!({
        "disciplines": texts(),
        "categories": texts(),
        "agents": texts(),
        "dependsOn": texts(),
        "allowedTools": { "anyOf": [text(), texts()] },
        "license": text(),
        "compatibility": { "type": "string", "minLength": 1, "maxLength": 500 },
    });
    let rule = json!({ "category": text(), "rationale": text(), "disciplines": texts() });
    let plugin = json!({ "skills": texts(), "version": text() });
    let marketplace = json!({ "plugins": texts(), "version": text() });
    let dependencies = LayerRelationField::new("spec.dependsOn", DEPENDS_ON)
        .default_kind("AiResource")
        .allowed_kinds(&["AiResource"]);
    let basic = VersionDeclaration::new("v1alpha1", spec_schema(BASIC, json!({})));
    let kind = KindDeclaration {
        description: Some("something that coding agents work with".to_owned()),
        plural: Some("AI resources".to_owned()),
        singular: Some("AI resource".to_owned()),
        ..KindDeclaration::new("backstage.io", "AiResource")
    };
    let kind = kind
        .version(basic.relation(owner()).relation(system()))
        .version(version("skill", &[], skill).relation(dependencies))
        .version(version("rule", &["category", "rationale"], rule))
        .version(version("plugin", &["skills"], plugin).relation(parts("skills")))
        .version(version("marketplace", &["plugins"], marketplace).relation(parts("plugins")));
    ModelLayer::new(AI_RESOURCES)
        .add_kind(kind)
        .add_relation_pair(OWNED_BY, OWNER_OF, &["AiResource"], OWNERS)
        .add_relation_pair(PART_OF, HAS_PART, &["AiResource"], &["System", "AiResource"])
        .add_relation_pair(DEPENDS_ON, DEPENDENCY_OF, &["AiResource"], &["AiResource"])
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn spec_schema(required: &[&str], mut properties: Value) -> Value {
    for field in ["type", "lifecycle", "owner", "system"] {
        properties[field] = text();
    }
    json!({
        "type": "object",
        "required": ["spec"],
        "properties": { "spec": { "type": "object", "required": required, "properties": properties } },
    })
}

fn owner() -> LayerRelationField {
    LayerRelationField::new("spec.owner", OWNED_BY).default_kind("Group").allowed_kinds(OWNERS)
}

fn system() -> LayerRelationField {
    LayerRelationField::new("spec.system", PART_OF).default_kind("System").allowed_kinds(&["System"])
}

/// A table of a kind as a declaration.
fn declaration(table: &KindDefinition) -> KindDeclaration {
    let mut group = "";
    let mut names = Vec::new();
    for api_version in table.api_versions {
        let (first, name) = api_version.split_once('/').unwrap_or(("", api_version));
        group = first;
        names.push(name.to_owned());
    }
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": { "spec": schema_of_object(&table.spec) },
    });
    let fields = table.relations.iter().map(|field| {
        let declared = LayerRelationField::new(format!("spec.{}", field.field), field.outgoing);
        let declared = match field.default_kind {
            Some(kind) => declared.default_kind(kind),
            None => declared,
        };
        if field.outgoing == OWNED_BY { declared.allowed_kinds(OWNERS) } else { declared }
    });
    KindDeclaration::new(group, table.kind).version(VersionDeclaration {
        names,
        relation_fields: fields.collect(),
        schema,
        ..VersionDeclaration::default()
    })
}
