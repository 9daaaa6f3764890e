//! Models made of layers.

use callboard_model::layers::{
    CompiledModel, FieldNamespace, KindChange, KindDeclaration, LayerRelationField, MetadataDeclaration,
    ModelLayer, VersionChange, VersionDeclaration, ai_resources, default_layer, mcp_server, scaffolder,
};
use callboard_model::{Entity, KindRegistry, KindValidation};
use rstest::rstest;
use serde_json::{Value, json};

fn compile(layers: &[ModelLayer]) -> CompiledModel {
    CompiledModel::compile(layers).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn entity(api_version: &str, kind: &str, spec: &Value) -> Entity {
    Entity::from_value(json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": { "name": "it", "namespace": "own" },
        "spec": spec,
    }))
    .unwrap()
}

fn of_catalog(kind: &str, spec: &Value) -> Entity {
    entity("backstage.io/v1alpha1", kind, spec)
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": ["serial"],
                "properties": { "serial": { "type": "string", "pattern": "^[0-9]+$" } },
            },
        },
    })
}

fn device() -> KindDeclaration {
    let near = LayerRelationField::new("spec.near", "nearTo").default_kind("Device");
    let owner = LayerRelationField {
        default_namespace: FieldNamespace::Default,
        ..LayerRelationField::new("spec.care.owner", "ownedBy")
            .default_kind("Group")
            .allowed_kinds(&["group"])
    };
    KindDeclaration::new("example.com", "Device")
        .version(VersionDeclaration::new("v1", schema()).relation(owner).relation(near))
}

fn devices() -> ModelLayer {
    ModelLayer::new("devices")
        .add_kind(device())
        .add_relation_pair("ownedBy", "ownerOf", &["Device"], &["Group"])
        .add_relation_pair("nearTo", "nearFrom", &["Device"], &["Device"])
}

fn relations(model: &CompiledModel, entity: &Entity) -> Vec<String> {
    let relations = model.relations_of(entity).unwrap();
    let show = |relation: callboard_model::Relation| {
        let (source, target) = (relation.source.to_entity_ref(), relation.target.to_entity_ref());
        format!("{source} {} {target}", relation.relation_type)
    };
    relations.into_iter().map(show).collect()
}

#[test]
fn the_default_layer_takes_what_the_tables_take() {
    let model = compile(&[default_layer(), scaffolder()]);
    let tables = KindRegistry::catalog().with(&callboard_model::kinds::scaffolder::TEMPLATE);
    let specs = [
        json!({}),
        json!({ "type": "service", "lifecycle": "production", "owner": "crew" }),
        json!({ "type": "service", "lifecycle": "", "owner": "crew" }),
        json!({ "type": "openapi", "lifecycle": "l", "owner": "crew", "definition": "d", "system": 7 }),
        json!({ "type": "team", "children": [], "profile": { "email": "a@b" } }),
        json!({ "type": "team", "children": [""], "profile": { "email": "a@b" } }),
        json!({ "memberOf": [], "profile": { "displayName": 7 } }),
        json!({ "memberOf": ["crew"], "anything": { "else": 1 } }),
        json!({ "target": "./a.yaml", "presence": "perhaps" }),
        json!({ "targets": ["./a.yaml"], "presence": "optional" }),
        json!({ "owner": "crew", "domain": "d" }),
        json!({ "type": "t", "steps": [{ "action": "a", "if": true }], "parameters": [{}] }),
    ];
    let mut agreed = 0;
    for definition in tables.definitions() {
        for api_version in definition.api_versions {
            for spec in &specs {
                let entity = entity(api_version, definition.kind, spec);
                let (by_layers, by_tables) = (model.validate(&entity), tables.validate(&entity));
                assert_eq!(by_layers.is_ok(), by_tables.is_ok(), "{entity:?}: {by_layers:?}, {by_tables:?}");
                agreed += usize::from(by_layers.is_ok());
            }
        }
    }
    assert!(agreed > 20, "{agreed}");
}

#[test]
fn a_kind_of_a_layer_is_checked() {
    let model = compile(&[default_layer(), devices()]);
    let check = |api_version: &str, kind: &str, spec: Value| match model.validate(&entity(
        api_version,
        kind,
        &spec,
    )) {
        Ok(validation) => format!("{validation:?}"),
        Err(error) => error.to_string(),
    };
    let good = || json!({ "serial": "7" });
    assert_eq!(check("example.com/v1", "Device", good()), "Valid");
    assert_eq!(check("example.com/v1", "device", good()), "NotMine");
    assert_eq!(
        check("example.com/v2", "Device", good()),
        "InputError: kind Device has no apiVersion example.com/v2; it has example.com/v1"
    );
    assert_eq!(
        check("example.com/v1", "Device", json!({ "serial": "x" })),
        r#"TypeError: /spec/serial "x" does not match "^[0-9]+$""#
    );
    assert_eq!(
        check("example.com/v1", "Device", json!({})),
        r#"TypeError: /spec "serial" is a required property"#
    );
}

#[test]
fn relations_come_from_fields_and_back_where_they_are_declared() {
    let model = compile(&[default_layer(), devices()]);
    let device = |spec: Value| entity("example.com/v1", "Device", &spec);
    let spec = json!({ "serial": "1", "care": { "owner": "Crew" }, "near": ["b", "component:c", 7] });
    assert_eq!(
        relations(&model, &device(spec)),
        [
            "device:own/it ownedBy group:default/crew",
            "group:default/crew ownerOf device:own/it",
            "device:own/it nearTo device:own/b",
            "device:own/b nearFrom device:own/it",
            "device:own/it nearTo component:own/c",
        ]
    );
    // Of a kind that is not allowed.
    assert!(relations(&model, &device(json!({ "serial": "1", "care": { "owner": "user:u" } }))).is_empty());
    let group = json!({ "type": "team", "children": [], "members": ["u"] });
    assert_eq!(
        relations(&model, &of_catalog("Group", &group)),
        ["group:own/it hasMember user:own/u", "user:own/u memberOf group:own/it",]
    );
    let owned = json!({ "type": "s", "lifecycle": "l", "owner": "component:c" });
    assert!(relations(&model, &of_catalog("Component", &owned)).is_empty());
}

#[test]
fn lists_of_relation_fields_are_sorted() {
    let model = compile(&[default_layer(), devices()]);
    let mut device = entity("example.com/v1", "Device", &json!({ "near": ["b", "a"], "tags": ["b", "a"] }));
    model.sort_relation_lists(&mut device);
    assert_eq!(device.spec().unwrap()["near"], json!(["a", "b"]));
    assert_eq!(device.spec().unwrap()["tags"], json!(["b", "a"]));
}

#[test]
fn the_type_chooses_the_version() {
    let model = compile(&[default_layer(), ai_resources(), mcp_server()]);
    let check =
        |kind: &str, spec: Value| model.validate(&of_catalog(kind, &spec)).map_err(|error| error.message);
    let with = |more: Value| {
        let mut spec = json!({ "type": "x", "lifecycle": "production", "owner": "crew" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    assert!(check("API", with(json!({ "definition": "d" }))).is_ok());
    assert!(check("API", with(json!({ "type": "mcp-server", "definition": "d" }))).is_err());
    let remotes = json!([{ "type": "sse", "url": "https://example.com" }]);
    assert!(check("API", with(json!({ "type": "mcp-server", "remotes": remotes }))).is_ok());
    assert!(check("API", with(json!({ "type": "mcp-server", "remotes": [] }))).is_err());
    assert!(check("AiResource", with(json!({}))).is_ok());
    assert!(check("AiResource", with(json!({ "type": "rule" }))).is_err());
    assert!(check("AiResource", with(json!({ "type": "rule", "category": "c", "rationale": "r" }))).is_ok());
    let long = "x".repeat(501);
    assert!(check("AiResource", with(json!({ "type": "skill", "compatibility": long }))).is_err());
    let plugin = of_catalog("AiResource", &with(json!({ "type": "plugin", "skills": ["s"] })));
    assert!(model.validate(&plugin).is_ok_and(|validation| validation == KindValidation::Valid));
    let relations = relations(&model, &plugin);
    assert!(relations.contains(&"airesource:own/it hasPart airesource:own/s".to_owned()), "{relations:?}");
    assert!(relations.contains(&"airesource:own/s partOf airesource:own/it".to_owned()), "{relations:?}");
}

#[test]
fn kinds_can_be_changed_and_taken_away() {
    let stricter = ModelLayer::new("stricter")
        .update_kind(KindChange {
            kind: "Component".to_owned(),
            description: Some("what runs".to_owned()),
            ..KindChange::default()
        })
        .update_kind_version(VersionChange {
            kind: "Component".to_owned(),
            name: "v1alpha1".to_owned(),
            schema: Some(
                json!({ "properties": { "spec": { "required": ["type", "lifecycle", "owner", "tier"] } } }),
            ),
            ..VersionChange::default()
        })
        .add_annotation(MetadataDeclaration {
            name: "example.com/port".to_owned(),
            schema: Some(json!({ "type": "string", "pattern": "^[0-9]+$" })),
            ..MetadataDeclaration::default()
        })
        .remove_kind("Domain");
    let model = compile(&[stricter, default_layer()]);
    let component = of_catalog("Component", &json!({ "type": "s", "lifecycle": "l", "owner": "o" }));
    assert!(model.validate(&component).unwrap_err().message.contains("\"tier\" is a required property"));
    let domain = of_catalog("Domain", &json!({ "owner": "o" }));
    assert_eq!(model.validate(&domain).unwrap(), KindValidation::NotMine);
    assert_eq!(model.kind("Component").unwrap().description.as_deref(), Some("what runs"));
    let mut system = of_catalog("System", &json!({ "owner": "o" }));
    assert!(model.validate(&system).is_ok());
    system.set_annotation("example.com/port", "eighty");
    let error = model.validate(&system).unwrap_err();
    assert!(error.message.contains("/metadata/annotations/example.com~1port"), "{error}");
}

#[rstest]
#[case::kind_twice(ModelLayer::new("l").add_kind(device()).add_kind(device()),
    "model layer l: add kind Device: it was added already; update it instead")]
#[case::version_of_nothing(ModelLayer::new("l").add_kind_version("Nope", VersionDeclaration::new("v1", schema())),
    "model layer l: add version v1 of kind Nope: there is no such kind")]
#[case::update_of_nothing(
    ModelLayer::new("l").update_kind(KindChange { kind: "Nope".to_owned(), ..KindChange::default() }),
    "model layer l: update kind Nope: no layer adds it")]
#[case::removal_of_nothing(ModelLayer::new("l").remove_kind("Nope"),
    "model layer l: remove kind Nope: no layer adds it")]
#[case::no_properties(with_schema(&json!({ "type": "object" })),
    "model layer l: add version v1 of kind Device: its schema must have properties")]
#[case::metadata(with_schema(&json!({ "type": "object", "properties": { "metadata": {} } })),
    "model layer l: add version v1 of kind Device: its schema must not declare metadata, which is the same for all kinds")]
#[case::combinator(with_schema(&json!({ "type": "object", "properties": { "spec": { "anyOf": [] } } })),
    "model layer l: add version v1 of kind Device: its schema must not have anyOf at spec")]
#[case::other_way_back(ModelLayer::new("l").add_relation_pair("ownedBy", "owns", &["A"], &["B"]),
    "model layer l: add relation ownedBy: its way back is ownerOf already, and not owns")]
#[case::same_id(
    ModelLayer::new("default-entity-model"),
    "model layer default-entity-model: register: another layer has this id and says something else"
)]
fn what_does_not_fit_is_named(#[case] layer: ModelLayer, #[case] expected: &str) {
    let errors = CompiledModel::compile(&[default_layer(), layer]).unwrap_err();
    assert_eq!(errors[0].to_string(), expected);
}

fn with_schema(schema: &Value) -> ModelLayer {
    let version = VersionDeclaration::new("v1", schema.clone());
    ModelLayer::new("l").add_kind(KindDeclaration::new("example.com", "Device").version(version))
}

#[test]
fn a_schema_that_is_none_is_an_error() {
    let layer = with_schema(&json!({ "type": "object", "properties": { "spec": { "type": "nonsense" } } }));
    let errors = CompiledModel::compile(&[layer]).unwrap_err();
    assert!(errors[0].problem.starts_with("its schema cannot be used: "), "{errors:?}");
}

#[test]
fn a_layer_that_comes_twice_counts_once() {
    let model = compile(&[devices(), devices(), default_layer()]);
    assert_eq!(model.kinds().count(), 9);
}

#[test]
fn a_layer_reads_as_it_is_written() {
    let layer = devices().import(ai_resources());
    let text = serde_json::to_string(&layer).unwrap();
    assert_eq!(serde_json::from_str::<ModelLayer>(&text).unwrap(), layer);
    assert!(serde_json::from_value::<ModelLayer>(json!({ "id": "x", "addKind": [] })).is_err());
}
