//! The policies other than schema and field format, which have files of their own.

use callboard_model::policy::{self, GroupDefaultParent};
use rstest::rstest;
use serde_json::{Value, json};

use crate::fixtures::{document, entity, with_metadata};

#[test]
fn the_default_namespace_shows_in_the_key_order() {
    let mut entity = with_metadata(&json!({ "name": "x", "title": "t" }));
    policy::default_namespace(&mut entity);
    assert_eq!(entity.namespace(), Some("default"));
    assert_eq!(entity.as_map().keys().collect::<Vec<_>>(), ["metadata", "apiVersion", "kind", "spec"]);
    assert_eq!(entity.metadata().keys().collect::<Vec<_>>(), ["namespace", "name", "title"]);
}

#[test]
fn a_given_namespace_changes_nothing() {
    let mut entity = with_metadata(&json!({ "name": "x", "namespace": "Other" }));
    policy::default_namespace(&mut entity);
    assert_eq!(entity.namespace(), Some("Other"));
    assert_eq!(entity.as_map().keys().next().unwrap(), "apiVersion");
}

#[rstest]
#[case("relations", json!([]))]
#[case("status", json!({}))]
#[case("extra", json!(1))]
fn foreign_root_fields_are_rejected(#[case] field: &str, #[case] value: Value) {
    let mut entity = with_metadata(&json!({ "name": "x" }));
    policy::no_foreign_root_fields(&entity).unwrap();
    entity.set_field(field, value).unwrap();
    assert_eq!(
        policy::no_foreign_root_fields(&entity).unwrap_err().to_string(),
        format!("Error: Unknown field {field}")
    );
}

#[rstest]
#[case("Group", "x", json!({}), Some("group:default/root"))]
#[case("Group", "x", json!({ "parent": "" }), Some("group:default/root"))]
#[case("Group", "x", json!({ "parent": "mine" }), Some("mine"))]
#[case("Group", "Root", json!({}), None)]
#[case("User", "x", json!({}), None)]
fn groups_get_a_default_parent(
    #[case] kind: &str,
    #[case] name: &str,
    #[case] spec: Value,
    #[case] expected: Option<&str>,
) {
    let mut group = entity(kind, &spec);
    group.set_metadata("name", name.into()).unwrap();
    GroupDefaultParent::new("root").unwrap().apply(&mut group);
    assert_eq!(group.spec().unwrap().get("parent").and_then(Value::as_str), expected);
}

#[rstest]
#[case("user:root", "TypeError: group parent must be a group")]
#[case("", "Error: Entity reference must not be empty")]
fn the_default_parent_must_be_a_group(#[case] parent: &str, #[case] expected: &str) {
    assert_eq!(GroupDefaultParent::new(parent).unwrap_err().to_string(), expected);
}

#[test]
fn a_group_without_a_spec_is_left_to_validation() {
    let mut group = document(json!({ "apiVersion": "v", "kind": "Group", "metadata": { "name": "x" } }));
    let before = group.clone();
    GroupDefaultParent::new("Group:root").unwrap().apply(&mut group);
    assert_eq!(group, before);
}
