//! `get-catalog-model-description`.

use std::fmt::Write as _;

use callboard_index::FacetQuery;
use callboard_model::layers::{CompiledModel, DeclaredKind, DeclaredVersion};
use callboard_sdk::{ActionAttributes, ActionDescription};
use serde_json::{Value, json};

use super::{Context, object};
use crate::error::ApiError;

const NAME: &str = "get-catalog-model-description";

pub(super) fn description() -> ActionDescription {
    ActionDescription {
        name: NAME.to_owned(),
        title: "Describe the catalog's model".to_owned(),
        description: "Describes which kinds of entities the software catalog knows, which fields they have, and how they \
                      relate to each other. Read it before querying the catalog or writing descriptor files."
            .to_owned(),
        attributes: ActionAttributes { destructive: false, idempotent: true, read_only: true },
        input: object(&[], &json!({})),
        output: object(
            &["description"],
            &json!({ "description": { "type": "string", "description": "Markdown." } }),
        ),
        examples: Vec::new(),
    }
}

pub(super) async fn call(context: &Context<'_>) -> Result<Value, ApiError> {
    let model = context.catalog.model();
    let query = FacetQuery {
        facets: vec!["kind".to_owned()],
        predicate: None,
        restriction: context.caller.visibility().await?.restriction(),
    };
    let facets = context.catalog.index().read().facets(&query);
    let kinds = facets.into_iter().flat_map(|facet| facet.values).map(|value| value.value);
    let is_known = |kind: &str| model.is_some_and(|model| model.kind(kind).is_some());
    let others: Vec<String> = kinds.filter(|kind| !is_known(kind)).collect();
    Ok(json!({ "description": describe(model, &others) }))
}

/// The model, and kinds that processors brought in.
fn describe(model: Option<&CompiledModel>, others: &[String]) -> String {
    let mut text = String::from(
        "# The model of the software catalog\n\n\
         Every entity has `apiVersion`, `kind`, `metadata` with `name` and perhaps `namespace`, `title`, `description`, \
         `labels`, `annotations`, `tags` and `links`, and a `spec` as its kind has it. Its ref is \
         `kind:namespace/name` in lower case, such as `component:default/shop`. Relations are given in both \
         directions.\n",
    );
    for kind in model.into_iter().flat_map(CompiledModel::kinds) {
        describe_kind(&mut text, kind);
    }
    if !others.is_empty() {
        let others = quoted(others.iter().map(String::as_str));
        add(&mut text, format_args!("\n## Other kinds\n\nThese are in the catalog, too: {others}\n"));
    }
    if let Some(model) = model {
        describe_relations(&mut text, model);
        describe_annotations(&mut text, model);
    }
    text
}

fn describe_kind(text: &mut String, kind: &DeclaredKind) {
    add(text, format_args!("\n## {}\n", kind.kind));
    if let Some(description) = &kind.description {
        add(text, format_args!("\n{description}\n"));
    }
    // Versions mostly say the same; what they differ in is said of each.
    let mut said: Vec<String> = Vec::new();
    for version in &kind.versions {
        let mut details = String::new();
        describe_version(&mut details, version);
        let only = version.spec_type.as_ref();
        let only = only.map(|spec_type| format!(" with `spec.type: {spec_type}`")).unwrap_or_default();
        add(text, format_args!("\n`apiVersion: {}`{only}\n", version.api_version));
        if !said.contains(&details) {
            text.push_str(&details);
            said.push(details);
        }
    }
}

fn describe_version(text: &mut String, version: &DeclaredVersion) {
    if let Some(description) = &version.description {
        add(text, format_args!("\n{description}\n"));
    }
    let spec = version.schema.pointer("/properties/spec").unwrap_or(&Value::Null);
    let required: Vec<&str> =
        spec["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = spec["properties"].as_object().into_iter().flat_map(|fields| fields.keys());
    let optional = quoted(fields.map(String::as_str).filter(|field| !required.contains(field)));
    let required = quoted(required.into_iter());
    if !required.is_empty() {
        add(text, format_args!("\nThe `spec` must have: {required}\n"));
    }
    if !optional.is_empty() {
        add(text, format_args!("\nIt may have: {optional}\n"));
    }
    if !version.relation_fields.is_empty() {
        text.push_str("\n| Field | Refers to | Relation |\n| --- | --- | --- |\n");
    }
    for field in &version.relation_fields {
        let target = field.default_kind.as_deref().unwrap_or("any kind, to be named in the ref");
        add(text, format_args!("| `{}` | {target} | `{}` |\n", field.path, field.relation));
    }
}

fn describe_relations(text: &mut String, model: &CompiledModel) {
    text.push_str("\n## Relations\n\n| Relation | And back | From and to |\n| --- | --- | --- |\n");
    for relation in model.relations() {
        let pairs: Vec<String> = relation.pairs.iter().map(|(from, to)| format!("{from} to {to}")).collect();
        let (relation_type, reverse, pairs) = (&relation.relation_type, &relation.reverse, pairs.join(", "));
        add(text, format_args!("| `{relation_type}` | `{reverse}` | {pairs} |\n"));
    }
}

fn describe_annotations(text: &mut String, model: &CompiledModel) {
    text.push_str("\n## Annotations\n\n");
    for annotation in model.annotations() {
        let description = annotation.description.as_deref().unwrap_or("has a meaning here");
        add(text, format_args!("- `{}`: {description}\n", annotation.name));
    }
}

fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Writing to a text does not fail.
fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    _ = text.write_fmt(more);
}
